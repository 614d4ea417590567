#!/usr/bin/env python3
"""AUTH towards others: every mechanism with a real server (another instance), never in clear unless the route says so, never sent
without when that is not wanted, and no password in a log or in a report."""
import base64, hashlib, hmac, os, shutil
from outbound import empty, verbs
from postrider import Instance, PASSWORD, run_cases, wait_until
from sink import Drop, Sink, server_tls
import spool

PLUGINS = "relay\nrcpt_ok\nroutes\nqueue/maildir {mail}/%d/%u/\n"
SECRET = "s3cret of the smarthost"
LOGIN = f"smart user@smart.test {SECRET}\n"


class Relay(Instance):
    """Relays for this machine, with routes and the logins they name."""

    def __init__(self, routes, logins=LOGIN, **arguments):
        super().__init__(plugins=PLUGINS, files={"relayclients": "127.0.0.1\n", "routes": routes, "routes_auth": logins}, listen=("smtp",), auth=False,
                         cert=False, start=False, **arguments)
        os.chmod(self.conf_dir / "routes_auth", 0o600)
        self.start()

    def __exit__(self, kind, value, tb):
        log = self.log()
        super().__exit__(kind, value, tb)
        for secret in (SECRET, base64.b64encode(SECRET.encode()).decode(), PASSWORD):
            assert kind or secret not in log, "a password stands in the log"


def submit(p, to="bob@remote.test", sender="alice@local.test"):
    with p.client() as c:
        c.sendmail(sender, [to], "Subject: test\r\n\r\nhello\r\n")


def say(reply):
    return lambda c, a, n: reply


def plain(c, a, n):
    word, _, code = a.partition(" ")
    good = word == "PLAIN" and base64.b64decode(code) == f"\0user@smart.test\0{SECRET}".encode()
    return "235 2.7.0 welcome" if good else "535 5.7.8 wrong"


def ask(c, text):
    c.say("334 " + base64.b64encode(text.encode()).decode())
    return base64.b64decode(c.line()).decode()


def login(c, a, n):
    good = a == "LOGIN" and ask(c, "Username:") == "user@smart.test" and ask(c, "Password:") == SECRET
    return "235 2.7.0 welcome" if good else "535 5.7.8 wrong"


def cram(c, a, n):
    challenge = "<1896.697170952@smart.test>"
    good = a == "CRAM-MD5" and ask(c, challenge) == "user@smart.test " + hmac.new(SECRET.encode(), challenge.encode(), hashlib.md5).hexdigest()
    return "235 2.7.0 welcome" if good else "535 5.7.8 wrong"


def every_old_mechanism():
    """Over TLS, and once for several messages."""
    tls = server_tls()
    for name, handler in (("PLAIN", plain), ("LOGIN", login), ("CRAM-MD5", cram)):
        with Sink(extensions=("PIPELINING", f"AUTH NTLM {name}"), tls=tls, auth=handler) as sink, Relay(f"* 127.0.0.1:{sink.port} auth=smart\n") as p:
            for i in range(2):
                submit(p)
                sink.wait(i + 1)
            empty(p)
            assert all(m.tls for m in sink.messages) and verbs(sink, "auth", "ehlo") == [1, 2] and sink.connections == 1, sink.log
            p.wait_log("status=sent")


def scram_with_a_real_server():
    """Submission of another instance, which keeps keys and no password: bound to the TLS session."""
    with Instance(plugins="tls\nauth/auth_flat_file\nrelay\nrcpt_ok\nqueue/maildir {mail}/%d/%u/\n") as server:
        for hop in (f"127.0.0.1:{server.ports['submission']} tls=must", f"smtps:127.0.0.1:{server.ports['smtps']}"):
            before = len(server.maildir("carol"))
            with Relay(f"local.test {hop} auth=smart\n", f"smart alice@local.test {PASSWORD}\n") as p:
                submit(p, "carol@local.test")
                server.wait_mail(before + 1, user="carol")
                empty(p)
            assert "SCRAM-SHA-256-PLUS" in server.log(), server.log()[-3000:]
        with Relay(f"local.test 127.0.0.1:{server.ports['submission']} auth=smart auth_type=SCRAM-SHA-256\n", f"smart alice@local.test {PASSWORD}\n") as p:
            submit(p, "carol@local.test")
            server.wait_mail(3, user="carol")
        with Relay(f"local.test 127.0.0.1:{server.ports['submission']} auth=smart\n", "smart alice@local.test wrong-password\n", fail_intervals="1h") as p:
            submit(p, "carol@local.test")
            p.wait_log(r"status=deferred.*535.*authenticating")
            assert p.spool_ids("later")


def never_in_clear():
    """Not a word of AUTH over an unencrypted connection, and no mail either; unless the route or the option says so."""
    words = ("PIPELINING", "AUTH PLAIN LOGIN")
    with Sink(extensions=words, auth=plain) as sink:
        with Relay(f"* 127.0.0.1:{sink.port} auth=smart\n", fail_intervals="1h") as p:
            submit(p)
            p.wait_log(r"status=deferred.*dsn=4\.7\.0.*no AUTH, because the connection is not encrypted")
            assert verbs(sink, "auth", "mail") == [0, 0]
        with Relay(f"* 127.0.0.1:{sink.port} auth=smart\n", outbound="without_auth = send\n") as p:
            submit(p)
            sink.wait()
            p.wait_log("warn .*no AUTH, because the connection is not encrypted")
            assert verbs(sink, "auth", "mail") == [0, 1]
        with Relay(f"* 127.0.0.1:{sink.port} auth=smart auth_in_clear\n") as p:
            submit(p)
            sink.wait(2)
            assert verbs(sink, "auth", "mail") == [1, 2]


def none_offered():
    for words in ((), ("AUTH NTLM",), ("AUTH",)):
        with Sink(extensions=words, tls=server_tls(), auth=plain) as sink:
            with Relay(f"* 127.0.0.1:{sink.port} auth=smart\n", fail_intervals="1h") as p:
                submit(p)
                p.wait_log(r"status=deferred.*offers no mechanism")
                assert verbs(sink, "auth", "mail") == [0, 0]
            with Relay(f"* 127.0.0.1:{sink.port} auth=smart\n", outbound="without_auth = send\n") as p:
                submit(p)
                sink.wait()
                p.wait_log("warn .*offers no mechanism")


def refused():
    """A refusal defers, whatever its class, and the sender does not get the mail back for it; nor is it tried without."""
    for reply in ("535 5.7.8 wrong", "454 4.7.0 later", "334 !!", "235", b"334 \r\n250 surprise\r\n", b"\xff\xfe\r\n"):
        with Sink(extensions=("AUTH LOGIN",), tls=server_tls(), auth=say(reply)) as sink, Relay(f"* 127.0.0.1:{sink.port} auth=smart\n", fail_intervals="1h") as p:
            submit(p)
            p.wait_log(r"status=deferred.*authenticating")
            assert verbs(sink, "mail") == [0] and not p.maildir() and p.spool_ids("later"), reply


def drop(c, a, n):
    raise Drop


def dropped_and_dripped():
    with Sink(extensions=("AUTH LOGIN",), tls=server_tls(), auth=lambda c, a, n: drop(c, a, n) if n == 0 else login(c, a, n)) as sink:
        with Relay(f"* 127.0.0.1:{sink.port} auth=smart\n") as p:
            submit(p)
            p.wait_log(r"status=deferred.*authenticating")
            sink.wait()
            empty(p)


def tls_policies():
    """must: TLS or nothing, whatever goes wrong; never: nothing of it; the default is outbound.conf's."""
    tls = server_tls()

    def broken(c, a, n):
        c.say("220 go")
        c.sock.recv(5)
        raise Drop
    cases = [(Sink(), "does not offer STARTTLS"), (Sink(extensions=("STARTTLS",), starttls=say("454 4.7.0 no")), "refuses STARTTLS"),
             (Sink(ehlo=say("502 5.5.1 what")), "does not know EHLO"), (Sink(extensions=("STARTTLS",), starttls=broken), "TLS handshake")]
    for sink, why in cases:
        with sink, Relay(f"* 127.0.0.1:{sink.port} tls=must\n", fail_intervals="1h") as p:
            submit(p)
            p.wait_log(rf"status=deferred.*{why}")
            assert verbs(sink, "mail") == [0]
    with Sink(tls=tls) as sink:
        for n, (options, outbound, secure) in enumerate((("tls=must", "enable_tls = false\n", True), ("tls=never", "", False), ("tls=may", "enable_tls = false\n", True),
                                                         ("", "enable_tls = false\n", False), ("", "", True))):
            with Relay(f"* 127.0.0.1:{sink.port} {options}\n", outbound=outbound) as p:
                submit(p)
                assert sink.wait(n + 1)[n].tls == secure, options


def from_where():
    """bind= and helo= of the route, notes of the message; the route wins; connections from different addresses are not mixed."""
    seen = []

    def greeting(c, a, n):
        seen.append(c.sock.getpeername()[0])
    with Sink(greeting=greeting) as sink:
        with Relay(f"a.test 127.0.0.1:{sink.port} bind=127.0.0.2 helo=two.test\nb.test 127.0.0.1:{sink.port} bind=127.0.0.3,::1\nc.test 127.0.0.1:{sink.port}\n") as p:
            for n, domain in enumerate(("a.test", "b.test", "c.test", "a.test", "c.test")):
                submit(p, f"x@{domain}")
                sink.wait(n + 1)
                empty(p)
            assert seen == ["127.0.0.2", "127.0.0.3", "127.0.0.1"], seen
            assert [e[2] for e in sink.log if e[1] == "ehlo"] == ["two.test", "mx.local.test", "mx.local.test"]
            del seen[:], sink.log[:]
            spool.put(p, b"Subject: x\r\n\r\nx\r\n", "x@c.test", notes={"outbound_ip": "127.0.0.4", "outbound_helo": "four.test"})
            sink.wait(6)
            spool.put(p, b"Subject: x\r\n\r\nx\r\n", "x@a.test", notes={"outbound_ip": "127.0.0.5", "outbound_helo": "five.test"})
            sink.wait(7)
            empty(p)
            assert seen == ["127.0.0.4"] and sink.log[0][1] == "greeting" and sink.messages[6].connection == 1, sink.log
            assert [e[2] for e in sink.log if e[1] == "ehlo"] == ["four.test"]
            spool.put(p, b"Subject: x\r\n\r\nx\r\n", "x@c.test", notes={"outbound_ip4": "127.0.0.6", "outbound_ip6": "::1"})
            sink.wait(8)
            spool.put(p, b"Subject: x\r\n\r\nx\r\n", "x@c.test", notes={"outbound_ip4": "127.0.0.7", "outbound_ip": "127.0.0.8"})
            sink.wait(9)
            empty(p)
            assert seen == ["127.0.0.4", "127.0.0.6", "127.0.0.8"], seen


def not_from_there():
    """An address that is not ours, or of the other family: a clear line, deferred, and nobody else is harmed."""
    with Sink() as sink:
        routes = f"a.test 127.0.0.1:{sink.port} bind=192.0.2.77\nb.test 127.0.0.1:{sink.port} bind=::1\nc.test 127.0.0.1:{sink.port}\n"
        with Relay(routes, fail_intervals="1h") as p:
            submit(p, "x@a.test")
            p.wait_log(r"warn .*source address 192\.0\.2\.77 cannot be used")
            p.wait_log(r"status=deferred.*to=x@a\.test.*source address 192\.0\.2\.77 cannot be used")
            submit(p, "x@b.test")
            p.wait_log(r"status=deferred.*to=x@b\.test.*of the other family")
            submit(p, "x@c.test")
            sink.wait()
            assert len(p.spool_ids("later")) == 2
            ident = spool.put(p, b"Subject: x\r\n\r\nx\r\n", "x@c.test", notes={"outbound_ip6": "::1"})
            p.wait_log(rf"{ident} delivery status=deferred.*of the other family")
            for note in ({"outbound_ip": "nowhere"}, {"outbound_helo": "a b"}, {"outbound_ip4": "::1"}, {"outbound_ip6": "127.0.0.1"}):
                ident = spool.put(p, b"Subject: x\r\n\r\nx\r\n", "x@c.test", notes=note)
                p.wait_log(rf"{ident} delivery status=deferred.*dsn=4\.3\.5.*the note outbound_")


run_cases(every_old_mechanism, scram_with_a_real_server, never_in_clear, none_offered, refused, dropped_and_dripped, tls_policies, from_where, not_from_there)
