#!/usr/bin/env python3
"""The plugin auth_certificate: AUTH EXTERNAL with certificates that stand in its file, by what is in them, and with those that do not; a
session that is taken up again; clients that others have written."""
import contextlib, hashlib, shutil, ssl, subprocess, tempfile
from building import load_error
from certs import Authority, s_client
from postrider import Instance, run_cases
from sasl import b64, secure, tls

PLUGINS = "tls\nauth/auth_certificate\nrcpt_ok\nqueue/maildir {mail}/%d/%u/\n"


class Clients(Authority):
    """Issues certificates for clients, as (certificate, key)."""

    def client(self, name, subject, *extensions):
        self.make(self, f"/{subject}", "ec", ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=clientAuth", *extensions], name)
        return self.dir / f"{name}.crt", self.dir / f"{name}.key"


@contextlib.contextmanager
def setup(lines, plugins=PLUGINS, tls_conf="", **options):
    with tempfile.TemporaryDirectory() as d:
        ca = Clients(d)
        made = {"mail": ca.client("mail", "CN=anybody", "subjectAltName=email:Ann@local.test,DNS:joe@local.test,email:other@local.test"),
                "cn": ca.client("cn", "CN=print server"), "two": ca.client("two", "CN=print server/CN=joe"), "pinned": ca.client("pinned", "CN=p")}
        lines = lines.format(pinned=hashlib.sha256(ssl.PEM_cert_to_DER_cert(made["pinned"][0].read_text())).hexdigest())
        with Instance(auth=False, plugins=plugins, tls="ca = ca.pem\n" + tls_conf, files={"ca.pem": ca.pair.cert, "auth_certificates": lines}, **options) as p:
            yield p, ca, made


LINES = """# what is in a certificate, and who that is
email:ann@LOCAL.test ann@local.test
cn: print server   printer@local.test
sha256:{pinned}\tpinned@local.test
email:ann@local.test root@local.test
"""


def users():
    with setup(LINES) as (p, ca, pairs):
        for name, wanted, user in (("mail", "", "ann@local.test"), ("mail", "ROOT@local.test", "root@local.test"), ("mail", "joe@local.test", None),
                                   ("mail", "other@local.test", None), ("cn", "", "printer@local.test"), ("pinned", "", "pinned@local.test"),
                                   ("pinned", "ann@local.test", None), ("two", "", None), ("two", "printer@local.test", None)):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with secure(p, pairs[name], version) as c:
                    assert "AUTH EXTERNAL" in c.ehlo, c.ehlo
                    c.expect("AUTH EXTERNAL " + (b64(wanted) if wanted else "="), "235 2.7.0" if user else "535 5.7.8")
                    c.expect("MAIL FROM:<x@local.test>", 250 if user else 530)
            if user:
                p.wait_log(f"authenticated client=127.0.0.1 mechanism=EXTERNAL user={user} plugin=auth/auth_certificate")
        with secure(p, pairs["mail"]) as c:            # senders are constrained to the user's domain
            c.expect("AUTH EXTERNAL =", 235)
            c.expect("MAIL FROM:<x@elsewhere.test>", "553 5.7.1")


def invalid_certificates():
    """None, one from somebody else with the same names, one for servers only, one that is over."""
    with setup(LINES) as (p, ca, pairs):
        other = Clients(ca.dir, "other")
        forged = other.client("forged", "CN=print server", "subjectAltName=email:ann@local.test")
        server = ca.issue("print server", usage="serverAuth", san=False).write(ca.dir, "s.crt", "s.key")
        for pair in (None, forged, server):
            with secure(p, pair) as c:
                assert "AUTH" not in c.ehlo, c.ehlo
                c.expect("AUTH EXTERNAL =", 503)
                c.expect("MAIL FROM:<x@local.test>", 530)
        with p.raw("submission") as c:
            c.expect(None, 220)
            assert "AUTH" not in c.expect("EHLO x.test", 250)
            c.expect("AUTH EXTERNAL =", 530)


def beside_others():
    """EXTERNAL is shown to whom it is for, other mechanisms to everybody; STARTTLS."""
    both = "auth/auth_certificate constrain_sender no\nauth/auth_checkpassword checkpw /bin/false"
    with setup(LINES, plugins=PLUGINS.replace("auth/auth_certificate", both)) as (p, ca, pairs):
        for pair, offer in ((None, "AUTH PLAIN LOGIN"), (pairs["cn"], "AUTH EXTERNAL PLAIN LOGIN")):
            with p.raw("submission") as c:
                c.expect(None, 220)
                c.expect("EHLO c.test", 250)
                c.expect("STARTTLS", 220)
                c.sock = tls(pair=pair).wrap_socket(c.sock)
                assert offer in c.expect("EHLO c.test", 250)
                c.expect("AUTH EXTERNAL =", 235 if pair else "504 5.5.4")
                c.expect("MAIL FROM:<x@elsewhere.test>", 250 if pair else 530)


def of_a_proxy():
    """Behind XCLIENT the certificate is the proxy's: its clients are not who that is."""
    with setup(LINES, conf='xclient_hosts = "127.0.0.1"\n') as (p, ca, pairs):
        with secure(p, pairs["cn"]) as c:
            assert "AUTH EXTERNAL" in c.ehlo and "XCLIENT" in c.ehlo, c.ehlo
            c.expect("XCLIENT ADDR=192.0.2.1 NAME=stranger.test", 220)
            assert "EXTERNAL" not in c.expect("EHLO stranger.test", 250)
            c.expect("AUTH EXTERNAL =", 503)
            c.expect("MAIL FROM:<x@local.test>", 530)


def taken_up_again():
    """The certificate counts in a session that is taken up again, and no longer when its authority does not."""
    with setup(LINES) as (p, ca, pairs):
        shown = ["-cert", pairs["cn"][0], "-key", pairs["cn"][1]]
        say = b"EHLO c.test\r\nAUTH EXTERNAL =\r\nNOOP\r\nQUIT\r\n"
        for version in ("-tls1_2", "-tls1_3"):
            s_client(p.smtps, version, *shown, "-sess_out", f"{ca.dir}/s", starttls=False, input=b"NOOP\r\nQUIT\r\n")
            seen = s_client(p.smtps, version, *shown, "-sess_in", f"{ca.dir}/s", starttls=False, input=say)
            assert seen.reused and "235 2.7.0" in seen.text, seen.text
        p.write("ca.pem", Authority(ca.dir, "next").pair.cert)
        p.reload()
        seen = s_client(p.smtps, "-tls1_3", *shown, "-sess_in", f"{ca.dir}/s", starttls=False, input=say)
        assert "235 2.7.0" not in seen.text and "503 5.5.1" in seen.text, seen.text


def curl():
    if not shutil.which("curl"):
        print("skip curl: no curl here")
        return
    with setup(LINES) as (p, ca, pairs):
        for name, user in (("mail", "ann@local.test"), ("cn", "printer@local.test")):
            r = subprocess.run(["curl", "-sSk", "--url", f"smtps://127.0.0.1:{p.ports['smtps']}", "--cert", pairs[name][0], "--key", pairs[name][1],
                                "--login-options", "AUTH=EXTERNAL", "-u", f"{user}:", "--mail-from", user, "--mail-rcpt", "bob@local.test", "-T", "-"],
                               input="Subject: x\r\n\r\nx\r\n", capture_output=True, text=True, timeout=60)
            assert r.returncode == 0, r.stderr
            p.wait_log(f"mechanism=EXTERNAL user={user} plugin=auth/auth_certificate")
        mails = p.wait_mail(2, "bob")
        assert all(b"with ESMTPSA" in m for m in mails), mails


def load_errors():
    for line, words in (("alice", 'auth_certificates:1: plugin auth/auth_certificate: found "alice", expected "sha256:FINGERPRINT USER"'), ("cn:alice", "expected"), ("cn: alice", "found nothing behind"),
                        ("dn:x y", "expected"), ("email:alice alice", "expected a mail address"), ("sha256:" + "a" * 63 + " x", "expected 64 hexadecimal digits"),
                        ("sha256:" + "a" * 65 + " x", "expected 64"), ("sha256:" + "g" * 64 + " x", "expected 64")):
        load_error("auth/auth_certificate\n", words, files={"auth_certificates": line + "\n"})
    load_error("auth/auth_certificate constrain_sender maybe\n", "maybe", files={"auth_certificates": "cn:a b\n"})
    load_error("auth/auth_certificate file\n", "", files={})
    colons = ":".join("AB" for _ in range(32))
    with Instance(auth=False, plugins=PLUGINS, files={"auth_certificates": f"SHA256:{colons} x\n"}):
        pass
    with Instance(auth=False, plugins=PLUGINS, files={"auth_certificates": "# nobody\n"}) as p:
        assert "no certificate in auth_certificates: nobody can authenticate" in p.log()


run_cases(users, invalid_certificates, beside_others, of_a_proxy, taken_up_again, curl, load_errors)
