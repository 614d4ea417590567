#!/usr/bin/env python3
# timeout: 300
"""Mail for servers that others have written: Dovecot by LMTP, Postfix and Exim by SMTP. What they have is what was sent."""
import email
from outbound import empty, relay, submit
from peers import DovecotLmtp, Exim, Postfix
from postrider import run_cases, wait_until
import spool

BODY = b"Subject: x\r\nFrom: <alice@local.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + \
    "grüße\r\n.\r\n..two\r\n.dot\r\nFrom here\r\n\r\n".encode()


def peer(kind, **arguments):
    """A running server, or None with a word why not."""
    if kind.why_not():
        print(f"skip {kind.__name__}: {kind.why_not()}")
        return None
    return kind(**arguments)


def dovecot():
    """Results for each recipient on its own; contents to the octet."""
    if not (server := peer(DovecotLmtp, users=("bob", "carol"))):
        return
    with server, relay(f"local.example lmtp:unix:{server.lmtp}\nlocal.test lmtp:unix:{server.lmtp}\n") as p:
        spool.put(p, BODY, ["bob@local.test", "nobody@local.test", "carol@local.test"], sender="eve@elsewhere.test", flags="8bit dots")
        p.wait_log(r"status=sent .*to=bob@local\.test ")
        p.wait_log(r"status=sent .*to=carol@local\.test ")
        p.wait_log(r"status=bounced .*to=nobody@local\.test .*answer=\"550 5\.1\.1")
        for user in ("bob", "carol"):
            got = server.mail(user)
            assert len(got) == 1 and got[0].replace(b"\r\n", b"\n").endswith(BODY.replace(b"\r\n", b"\n")), got
            assert got[0].startswith(b"Return-Path: <eve@elsewhere.test>"), got
        big = b"Subject: big\r\n\r\n" + (b"x" * 70 + b"\r\n") * 60000
        spool.put(p, big, "bob@local.test", sender="")
        wait_until(lambda: len(server.mail("bob")) == 2, 20, "the big one")
        assert big.replace(b"\r\n", b"\n") in [m.replace(b"\r\n", b"\n")[-len(big.replace(b"\r\n", b"\n")):] for m in server.mail("bob")]
        for n in range(20):
            spool.put(p, b"Subject: x\r\n\r\n%d\r\n" % n, "carol@local.test", sender="", poke=False)
        p.tool("queue", "flush", check=True)
        wait_until(lambda: len(server.mail("carol")) == 21, 20, "twenty more")


def dovecot_is_full():
    """One of two recipients is over quota, which is said behind the end of the content: that one alone waits, or comes back."""
    rules = "mail_plugins = quota\nplugin {\n  quota = maildir:User quota\n  quota_rule = *:storage=1G\n}\nquota_full_tempfail = %s\n"
    for tempfail, status in (("yes", r"deferred .*to=bob@local\.test .*dsn=4\.2\.2"), ("no", r"bounced .*to=bob@local\.test .*dsn=5\.2\.2")):
        server = peer(DovecotLmtp, users=("bob", "carol"), quotas={"bob": "*:storage=10K"}, settings=rules % tempfail)
        if not server:
            return
        with server, relay(f"local.test lmtp:unix:{server.lmtp}\n", fail_intervals="1h") as p:
            spool.put(p, b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * 500, ["bob@local.test", "carol@local.test"], sender="")
            p.wait_log(r"status=sent .*to=carol@local\.test ")
            p.wait_log(f"status={status}")
            assert len(server.mail("carol")) == 1 and not server.mail("bob")


def postfix():
    """Pipelined, by DATA and by BDAT, over TLS or not, 8-bit, internationalised, to many; and reports are its business."""
    if not (server := peer(Postfix)):
        return
    with server:
        for options in ("", "chunking = true\n", "pool_timeout = 0\n"):
            with relay(f"remote.test 127.0.0.1:{server.port}\n", outbound=options) as p:
                before = set(server.held())
                ident = {spool.put(p, BODY, ["bob@remote.test", "carol@remote.test"], flags="8bit dots"): (["bob@remote.test", "carol@remote.test"], BODY)}
                many = [f"r{n}@remote.test" for n in range(150)]
                ident[spool.put(p, BODY, many, flags="8bit dots")] = (many, BODY)
                utf8 = "Subject: ü\r\n\r\nü\r\n".encode()
                ident[spool.put(p, utf8, ["jörg@remote.test"], flags="8bit utf8")] = (["jörg@remote.test"], utf8)
                ident[spool.put(p, BODY, [("dsn@remote.test", {"notify": spool.SUCCESS, "orcpt": "rfc822;o@x"})], flags="8bit dots", ret="HDRS", envid="e")] = (["dsn@remote.test"], BODY)
                empty(p)
                assert "status=bounced" not in p.log() and not p.maildir(), p.log()[-2000:]
                got = [server.message(i) for i in set(server.held()) - before]
                for want, content in ident.values():
                    head, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
                    found = [r for r in got if r[2].partition(b"\n\n")[2] == body and head in r[2] and set(r[1]) <= set(want)]
                    assert sorted(x for r in found for x in r[1]) == sorted(want), (want, got)
                assert all(r[0] == "alice@local.test" for r in got)


def postfix_refuses():
    """What it says no or not now to: unknown recipients, a size limit, a policy that defers, its own limit of recipients."""
    rules = ("smtpd_recipient_restrictions = check_recipient_access inline:{{bad@remote.test=550 5.1.1 unknown}, {later@remote.test=450 4.2.0 grey}}, "
             "check_recipient_access static:HOLD\nmessage_size_limit = 20000\nsmtpd_recipient_limit = 3\n")
    if not (server := peer(Postfix, main=rules, hold=False)):
        return
    with server, relay(f"remote.test 127.0.0.1:{server.port}\n", fail_intervals="1h*9") as p:
        spool.put(p, BODY, ["bob@remote.test", "bad@remote.test", "later@remote.test"], flags="8bit dots")
        p.wait_log(r"status=sent .*to=bob@remote\.test ")
        p.wait_log(r"status=bounced .*to=bad@remote\.test .*dsn=5\.1\.1")
        p.wait_log(r"status=deferred .*to=later@remote\.test .*dsn=4\.2\.0")
        spool.put(p, b"Subject: big\r\n\r\n" + b"x\r\n" * 20000, "bob@remote.test")
        p.wait_log(r"status=bounced .*dsn=5\.3\.4 .*over the limit of 20000")
        many = [f"r{n}@remote.test" for n in range(8)]
        spool.put(p, BODY, many, flags="8bit dots")
        p.wait_log(r"status=sent .*to=r\d@remote\.test ", count=8)
        p.wait_mail(2)
        assert len(p.spool_ids()) == 1


def postfix_restarts():
    """It goes away under a connection that is kept: nothing is lost, and that is no failed attempt."""
    if not (server := peer(Postfix)):
        return
    with server, relay(f"remote.test 127.0.0.1:{server.port}\n", fail_intervals="1s*60") as p:
        submit(p)
        p.wait_log("status=sent")
        server.kill()
        submit(p)
        p.wait_log("status=deferred")
        server.start()
        empty(p, 60)
        assert len(server.held()) == 2


def to(raw):
    """The recipients in front of a message that Exim has, sorted; and its body."""
    m = email.message_from_bytes(raw)
    return sorted(m["Envelope-to"].replace(",", " ").split()), raw.partition(b"\n\n")[2]


def exim():
    """By DATA and by BDAT, in clear and over TLS with the certificate that it makes itself, 8-bit, big, to many."""
    if not (server := peer(Exim)):
        return
    body = BODY.replace(b"\r\n", b"\n").partition(b"\n\n")[2]
    big = b"Subject: big\r\n\r\n" + (b"." + b"x" * 70 + b"\r\n") * 60000
    with server:
        for options in ("", "chunking = true\n", "enable_tls = false\n", "pool_timeout = 0\nenable_tls = false\n"):
            with relay(f"remote.test 127.0.0.1:{server.port}\n", outbound=options) as p:
                before = len(server.mail())
                many = sorted(f"r{n}@remote.test" for n in range(120))
                spool.put(p, BODY, many, flags="8bit dots")
                spool.put(p, BODY, ["one@remote.test"], flags="8bit dots", sender="")
                spool.put(p, big, ["big@remote.test"], flags="dots")
                empty(p)
                wait_until(lambda: sum(len(to(raw)[0]) for raw in server.mail()[before:]) == 122, 20, "Exim to deliver")
                got = [to(raw) for raw in server.mail()[before:]]
                assert sorted(r for rcpts, text in got if text == body for r in rcpts) == sorted([*many, "one@remote.test"]), got
                assert [rcpts for rcpts, text in got if text == big.replace(b"\r\n", b"\n").partition(b"\n\n")[2]] == [["big@remote.test"]]
                assert ("tls=" in p.log().replace('tls=""', "")) == ("enable_tls" not in options), p.log()[-1500:]


def exim_refuses():
    """It says no, or not now, at RCPT and behind the content."""
    rules = "deny local_parts = bad\n message = 5.1.1 not here\ndefer local_parts = later\n message = 4.2.0 not now\naccept\n"
    if not (server := peer(Exim, rcpt=rules, settings="acl_smtp_data = ${if match{$recipients}{data@}{data}{rcpt2}}\n",
                           acls="data:\ndeny message = 5.7.1 no such words\nrcpt2:\naccept\n")):
        return
    with server, relay(f"remote.test 127.0.0.1:{server.port}\n", fail_intervals="1h*9") as p:
        spool.put(p, BODY, ["bob@remote.test", "bad@remote.test", "later@remote.test"], flags="8bit dots")
        p.wait_log(r"status=sent .*to=bob@remote\.test ")
        p.wait_log(r"status=bounced .*to=bad@remote\.test .*dsn=5\.1\.1")
        p.wait_log(r"status=deferred .*to=later@remote\.test .*dsn=4\.2\.0")
        spool.put(p, BODY, "data@remote.test", flags="8bit dots")
        p.wait_log(r"status=bounced .*to=data@remote\.test .*dsn=5\.7\.1 .*no such words")
        p.wait_mail(2)


run_cases(dovecot, dovecot_is_full, postfix, postfix_refuses, postfix_restarts, exim, exim_refuses)
