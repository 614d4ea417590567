#!/usr/bin/env python3
"""The plugin tls: STARTTLS and smtps with it, neither without it; its arguments."""
import contextlib, hashlib, re, shutil, ssl, tempfile
from postrider import Instance, run_cases
from building import load_error, plugin_dir
from certs import Authority, certtool, s_client


def offers_tls():
    with Instance() as p:
        with contextlib.closing(p.client("smtp")) as c:
            assert c.has_extn("starttls")
        with contextlib.closing(p.client("smtp", starttls=True)) as c:
            assert not c.has_extn("starttls")
            assert c.noop()[0] == 250
        with contextlib.closing(p.client("smtps")) as c:
            assert c.noop()[0] == 250 and not c.has_extn("starttls")


def own_certificate():
    """Arguments name other files, relative to the configuration directory."""
    p = Instance(plugins="tls other/my.cert other/my.key\n", start=False)
    (p.conf_dir / "other").mkdir()
    for kind in ("cert", "key"):
        shutil.move(p.conf_dir / f"tls_{kind}.pem", p.conf_dir / f"other/my.{kind}")
    with p:
        p.start()
        with contextlib.closing(p.client("smtp", starttls=True)) as c:
            assert c.noop()[0] == 250


def all_arguments():
    """Certificate, key, authorities, parameters for Diffie-Hellman, in qpsmtpd's order; a client is judged by the authorities."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        p = Instance(start=False, auth=False, cert=False, plugins="tls my.crt my.key my.ca my.dh\nrcpt_ok\n", tls="reject_unauthorized = true")
        ca.issue("mx.local.test", kind="rsa").write(p.conf_dir, "my.crt", "my.key")
        p.write("my.ca", ca.pair.cert)
        p.write("my.dh", certtool("--get-dh-params", "--sec-param=high", "--no-text"))
        with p:
            p.start()
            cert, key = ca.issue("client.test").write(d, "c.crt", "c.key")
            seen = s_client(p.smtp, "-cert", cert, "-key", key, "-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256", input=b"NOOP\r\nQUIT\r\n")
            assert seen.ok and "DH, 3072 bits" in seen.text and "221 " in seen.text, seen.text
            assert "221 " not in s_client(p.smtp, "-tls1_2", input=b"NOOP\r\nQUIT\r\n").text


def seen_by_others():
    """What other plugins see: notes that nobody has set, and calls."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        plugins = plugin_dir(f"{d}/plugins", "tlsteller")
        p = Instance(start=False, auth=False, plugins="tls\ntlsteller\nrcpt_ok\n", conf=f'plugin_dir = "{plugins}"', tls="ca = ca.pem",
                     files={"ca.pem": ca.pair.cert})
        with p:
            p.start()
            pair = ca.issue("client.test")
            cert, key = pair.write(d, "c.crt", "c.key")
            mail = b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nQUIT\r\n"
            assert s_client(p.smtp, "-tls1_3", "-cert", cert, "-key", key, name="mx.local.test", input=mail).ok
            digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.cert)).hexdigest()
            for text in ("note tls_enabled [1]", "note tls_version [TLS1.3]", "note tls_sni [mx.local.test]", "note tls_resumed [0]",
                         "note tls_peer_subject [CN=client.test]", "note tls_peer_issuer [CN=Test root]", f"note tls_peer_fingerprint [{digest}]",
                         "note tls_peer_status [verified]", "note tls_nothing [none]",
                         f"|mx.local.test|0|CN=client.test|CN=Test root|{digest}|verified|1|"):
                p.wait_log(re.escape(text))
            with p.raw() as c:
                c.expect(None, 220)
                c.expect("EHLO x.test", 250)
                c.expect("MAIL FROM:<a@b.test>", 250)
            p.wait_log(re.escape("note tls_enabled [none]"))
            p.wait_log(re.escape("calls |||0||||" + "|0|"))


def without():
    with Instance(plugins="rcpt_ok\n", listen=("smtp",)) as p, contextlib.closing(p.client("smtp")) as c:
        assert not c.has_extn("starttls")
        assert c.docmd("STARTTLS")[0] in (454, 500, 502, 503)
    p = Instance(plugins="rcpt_ok\n", start=False, auth=False)
    try:
        assert p.start(expect_failure=True) == 2, "an smtps listener without TLS"
    finally:
        p.close()


def load_errors():
    load_error("tls /only/one\n", "found a certificate and no key")
    load_error("tls a b c d e\n", 'found the argument "e"')
    load_error("tls absent.cert absent.key\n", "absent.cert")
    load_error("tls:0\ntls:1\n", "switched on by another plugin")


run_cases(offers_tls, own_certificate, all_arguments, seen_by_others, without, load_errors)
