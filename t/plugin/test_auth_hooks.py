#!/usr/bin/env python3
"""The hooks of AUTH as a plugin sees them: bearer tokens and their errors, EXTERNAL, keys of SCRAM; what is offered, whose senders are
constrained, and that a plugin which says OK too much lets nobody in."""
import contextlib, pathlib, sys, tempfile
from building import load_error, plugin_dir
from certs import Authority
from postrider import Instance, PASSWORD, run_cases
from sasl import Scram, b64, plain, secure, unb64

BEARER = "n,a={user},\x01host=mx.local.test\x01port=465\x01auth=Bearer {token}\x01\x01"
ALL = "250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 OAUTHBEARER XOAUTH2"


@contextlib.contextmanager
def instance(lines, conf="", **kw):
    p = Instance(plugins=lines, conf=conf, start=False, **kw)
    plugin_dir(p.dir / "plugins", "tokens")
    p.write("postrider.conf", p.read("postrider.conf").replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
    with p:
        p.start()
        yield p


def bearer(user="", token="", form=BEARER):
    text = form.format(user=user, token=token)
    return "AUTH OAUTHBEARER " + b64(text if user else text.replace("a=,", ","))


def xoauth2(user, token):
    return "AUTH XOAUTH2 " + b64(f"user={user}\x01auth=Bearer {token}\x01\x01")


def tokens():
    with instance("tls\ntokens\n", auth=False) as p:
        with secure(p) as c:
            assert c.ehlo.endswith(ALL), c.ehlo
            for line, error in ((bearer("joe@local.test", "bad"), '{"status":"invalid_token","schemes":"bearer"}'),
                                (bearer("joe@local.test", "good-ann@local.test".replace("@", "/")), '{"status":"invalid_token","schemes":"bearer"}'),
                                (bearer("", "scope"), '{"status":"insufficient_scope","schemes":"bearer","scope":"mail send",'
                                                      '"openid-configuration":"https://id.test/.well-known/openid-configuration"}'),
                                (bearer("joe@local.test", "", "n,a={user},\x01auth={token}\x01\x01"), '{"status":"invalid_request","schemes":"bearer"}'),
                                (xoauth2("joe", "bad"), '{"status":"401","schemes":"bearer"}')):
                reply = c.expect(line, 334)
                assert unb64(reply[4:]).decode() == error, unb64(reply[4:])
                c.expect(b64("\x01"), "535 5.7.8 authentication failed")
            c.expect(bearer("joe@local.test", "bad"), 334)
            c.expect("*", 501)
            c.expect(bearer("joe@local.test", "nameless"), 235)     # its own fault: it says OK to a name
        p.wait_log("client thinks of mx.local.test 465")
        for line, user in ((bearer("", "good-joe"), "joe"), (bearer("joe", "good-joe"), "joe"), (xoauth2("joe", "good-joe"), "joe")):
            with secure(p) as c:
                c.expect(line, "235 2.7.0")
                c.expect("MAIL FROM:<a@b.test>", 250)
            p.wait_log(f"session .* user={user} ")
        with secure(p) as c:
            c.expect(bearer("", "nameless"), "454 4.7.0")           # OK, but nobody
            c.expect(bearer("joe", "later"), "454 4.7.0")
            c.expect("AUTH OAUTHBEARER", 334)
            c.expect(b64("\x01"), 501)
            c.expect("MAIL FROM:<a@b.test>", 530)
            c.expect(bearer("joe", "away"), 334)
            c.expect(b64("\x01"), 535)
            assert c.line() is None
        p.wait_log("plugin tokens: OK at auth_oauthbearer without a login; taken as DENYSOFT")
        assert "good-joe" not in p.log(), "a token in the log"


def external():
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        pair = ca.issue("client.test").write(d, "client.crt", "client.key")
        foreign = Authority(d, "foreign").issue("client.test").write(d, "foreign.crt", "foreign.key")
        with instance("tls\ntokens\n", conf="auth_without_tls = true\n", auth=False, tls="ca = ca.pem", files={"ca.pem": ca.pair.cert}) as p:
            with p.raw("submission") as c:
                c.expect(None, 220)
                reply = c.expect("EHLO c.test", 250)
                assert "AUTH SCRAM-SHA-256" in reply and "EXTERNAL" not in reply and "OAUTH" not in reply and "PLUS" not in reply
                for mechanism in ("EXTERNAL", "OAUTHBEARER", "XOAUTH2", "SCRAM-SHA-256-PLUS"):
                    c.expect(f"AUTH {mechanism} =", "538 5.7.11")
            for bad in (None, foreign):         # none, and one that nobody here has signed
                with secure(p, bad) as c:
                    assert "EXTERNAL" not in c.ehlo and "OAUTHBEARER" in c.ehlo, c.ehlo
                    c.expect("AUTH EXTERNAL =", "504 5.5.4")
                    c.expect("MAIL FROM:<x@local.test>", 530)
            for said, code in (("AUTH EXTERNAL =", 235), ("AUTH EXTERNAL " + b64("cert@local.test"), 235), ("AUTH EXTERNAL " + b64("boss"), 535)):
                with secure(p, pair) as c:
                    assert "SCRAM-SHA-256 EXTERNAL OAUTHBEARER" in c.ehlo, c.ehlo
                    c.expect(said, code)
            with secure(p, pair) as c:
                c.expect("AUTH EXTERNAL", 334)
                c.expect("", 235)
                c.expect("MAIL FROM:<x@other.test>", "553 5.7.1")
                c.expect("MAIL FROM:<x@sub.local.test>", 250)


def keys():
    with instance("tls\ntokens constrain_sender no\n", auth=False) as p:
        with secure(p) as c:
            assert Scram("sam", "wrong").run(c).startswith("535 ")
            assert Scram("sal", "pencil").run(c).startswith("535 ")
            assert Scram("broken", "pencil").run(c).startswith("454 ")
            assert Scram("sam", "pencil").run(c).startswith("235 ")
        p.wait_log("plugin tokens: OK at auth_scram_sha_256 without keys; taken as DENYSOFT")


def chain():
    """Two back ends: who is not in the first is asked of the second; the first one's hooks may be gone."""
    with instance("tls\nauth/auth_flat_file constrain_sender address\ntokens constrain_sender no off\n") as p:
        for user, password, sender, code in (("sam", "pencil", "x@y.test", 250), ("alice@local.test", PASSWORD, "x@local.test", 553),
                                             ("alice@local.test", PASSWORD, "Alice@local.test", 250)):
            with secure(p) as c:
                assert c.ehlo.endswith("250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 OAUTHBEARER PLAIN LOGIN"), c.ehlo
                c.expect("AUTH XOAUTH2 =", 504)
                assert Scram(user, password).run(c).startswith("235 ")
                c.expect(f"MAIL FROM:<{sender}>", code)
        p.wait_log("authenticated .* user=sam plugin=tokens")


def options():
    load_error("auth/auth_flat_file constrain_sender maybe\n", 'argument constrain_sender: found "maybe", expected no, domain or address')


run_cases(tokens, external, keys, chain, options)
