#!/usr/bin/env python3
# timeout: 240
"""Clients that others have written speak TLS with us, or do without: Postfix at all its levels, posttls-finger, gnutls-cli."""
import contextlib, os, re, shutil, smtplib, subprocess, tempfile
from certs import Authority
from peers import Postfix
from postrider import Instance, run_cases

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
LEVELS = {"none": (), "may": (), "encrypt": (), "old": ("smtp_tls_mandatory_protocols=TLSv1.2", "smtp_tls_protocols=TLSv1.2"),
          "fingerprint": (), "secure": (), "client": ()}


def needs(case, *programs):
    """Whether they are there; says so when not."""
    lost = [p for p in programs if not shutil.which(p, path=PATH)]
    if lost:
        print(f"skip {case}: no {' '.join(lost)} here")
    return not lost


def run(*command, input=None, timeout=60):
    r = subprocess.run([shutil.which(command[0], path=PATH), *map(str, command[1:])], input=input, capture_output=True, timeout=timeout,
                       stdin=None if input is not None else subprocess.DEVNULL)
    return (r.stdout + r.stderr).decode(errors="replace")


@contextlib.contextmanager
def setup(**options):
    """A server with an ECDSA and an RSA certificate of an authority, which judges clients too."""
    with tempfile.TemporaryDirectory() as d:
        os.chmod(d, 0o755)
        ca = Authority(d)
        pairs = [ca.issue("mx.local.test", kind=kind) for kind in ("ec", "rsa")]
        files = {"ec.pem": pairs[0].full + pairs[0].key, "rsa.pem": pairs[1].full + pairs[1].key, "ca.pem": ca.pair.cert}
        with Instance(auth=False, cert=False, plugins="tls\nrcpt_ok\nqueue/maildir {mail}/%d/%u/\n", files={**files, **options.pop("files", {})},
                      tls='cert = { "ec.pem", "rsa.pem" }\nkey = { "ec.pem", "rsa.pem" }\nca = ca.pem\n', **options) as p:
            yield p, ca


# ---- Postfix ----

def postfix(port, ca, client):
    """A Postfix that sends mail for user@LEVEL.test to our PORT at that level."""
    maps = " ".join(f"{{ {level}.test = tls-{level}:[127.0.0.1]:{port} }}" for level in LEVELS)
    more = dict(LEVELS, fingerprint=[f"smtp_tls_fingerprint_cert_match={ca.shown}"],
                client=[f"smtp_tls_cert_file={client[0]}", f"smtp_tls_key_file={client[1]}"])
    services = ""
    for level, settings in more.items():
        services += f"tls-{level} unix - - n - - smtp\n  -o smtp_tls_security_level={ {'old': 'encrypt', 'client': 'encrypt'}.get(level, level)}\n"
        services += "".join(f"  -o {s}\n" for s in settings)
    return Postfix(f"smtpd_tls_security_level = none\ntransport_maps = inline:{{ {maps} }}\nsmtp_tls_CAfile = {ca.path}\n"
                   "smtp_tls_secure_cert_match = mx.local.test\nsmtp_tls_loglevel = 1\nsmtp_tls_fingerprint_digest = sha256\nbiff = no\n",
                   hold=False, services=services)


def postfix_delivers():
    """In clear, if it can, encrypted, with TLS 1.2, with our certificate checked by its fingerprint and by its authority, with one of its own."""
    if why := Postfix.why_not():
        print(f"skip postfix_delivers: {why}")
        return
    with setup(files={"rcpthosts": "".join(f"{level}.test\n" for level in LEVELS)}) as (p, ca):
        sha = run("openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", p.conf_dir / "ec.pem")
        ca.shown = sha.strip().partition("=")[2]
        with postfix(p.ports["smtp"], ca, ca.issue("out.test").write(ca.dir, "out.crt", "out.key")) as server:
            with contextlib.closing(smtplib.SMTP("127.0.0.1", server.port, timeout=30)) as c:
                for level in LEVELS:
                    c.sendmail("a@out.test", [f"u@{level}.test"], "Subject: x\n\nx\n")
            for level in LEVELS:
                try:
                    mail = p.wait_mail(user="u", domain=f"{level}.test")[0]
                except AssertionError as e:
                    raise AssertionError(f"{level}: {server.log()}") from e
                received = mail[:mail.index(b"Subject: x")].split(b"Received: ")[1]     # ours
                version = re.search(rb"version=(\S+)", received)
                assert (version and version[1]) == {"none": None, "old": b"TLS1.2"}.get(level, b"TLS1.3"), (level, received)
                assert (b"client certificate CN=out.test verified=yes" in received) == (level == "client"), received
            text = server.log()
            for word, count in (("Untrusted", 0), ("Trusted", 4), ("Verified", 2)):      # may, encrypt, old, client; fingerprint, secure
                assert len(re.findall(rf"{word} TLS connection established to 127", text)) == count, (word, text)


def posttls_finger():
    """Postfix's probe: levels, certificates, a session taken up again by another worker."""
    if not needs("posttls_finger", "posttls-finger"):
        return
    with setup() as (p, ca):
        conf = ca.dir / "finger"
        conf.mkdir()
        (conf / "main.cf").write_text("compatibility_level = 3.6\ninet_protocols = ipv4\nsmtp_tls_CAfile = %s\n" % ca.path)
        target = f"[127.0.0.1]:{p.ports['smtp']}"
        finger = lambda *args: run("env", f"MAIL_CONFIG={conf}", shutil.which("posttls-finger", path=PATH), "-F", ca.path, *args, target, "mx.local.test")
        for args, want in ((("-l", "may"), "Trusted TLS connection established"), (("-l", "encrypt"), "Trusted TLS connection established"),
                           (("-l", "secure"), "Verified TLS connection established"), (("-l", "encrypt", "-p", "TLSv1.2"), "TLSv1.2 with cipher")):
            assert want in finger(*args), (args, finger(*args))
        assert "TLS connection established" not in finger("-l", "secure", "-p", "!TLSv1.2,!TLSv1.3")
        with Instance(auth=False, plugins="rcpt_ok\n", listen=("smtp",)) as bare:      # no TLS here
            text = run("env", f"MAIL_CONFIG={conf}", shutil.which("posttls-finger", path=PATH), "-l", "encrypt", f"[127.0.0.1]:{bare.ports['smtp']}")
            assert "STARTTLS" not in text and "TLS connection established" not in text and "< 221 2.0.0" in text, text


def gnutls_cli():
    """Versions, kinds of keys and key exchanges, trust, resumption, ALPN, on both kinds of ports."""
    if not needs("gnutls_cli", "gnutls-cli"):
        return
    with setup() as (p, ca):
        for role, starttls in (("smtp", ("--starttls-proto=smtp",)), ("smtps", ())):
            def cli(priority, *args, input=b"NOOP\r\nQUIT\r\n"):
                return run("gnutls-cli", "--verify-hostname=mx.local.test", f"--x509cafile={ca.path}", "--priority", priority, "--port", p.ports[role],
                           *starttls, *args, "127.0.0.1", input=input)
            for priority, want in (("NORMAL:-VERS-ALL:+VERS-TLS1.3", "(TLS1.3-X.509)"), ("NORMAL:-VERS-ALL:+VERS-TLS1.2", "(TLS1.2-X.509)"),
                                   ("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", "(RSA)"), ("NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+DHE-RSA", "(DHE-FFDHE2048)"),
                                   ("NORMAL:-GROUP-ALL:+GROUP-X25519", "(ECDHE-X25519)"),
                                   ("NORMAL:-VERS-ALL:+VERS-TLS1.3:%NO_TICKETS", "(TLS1.3-X.509)"),
                                   ("NORMAL:-SIGN-ALL:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256:+SIGN-ECDSA-SECP256R1-SHA256", "Handshake was completed"),
                                   ("NORMAL:-VERS-ALL:+VERS-TLS1.3:-SIGN-ECDSA-SECP256R1-SHA256:-SIGN-ECDSA-SHA256", "(RSA-PSS-RSAE-")):
                text = cli(priority)
                assert "The certificate is trusted" in text and "Handshake was completed" in text and want in text, (role, priority, text)
                assert "221 " in text, (role, priority, text)
            text = cli("NORMAL:-VERS-ALL:+VERS-TLS1.1:%ALLOW_SMALL_RECORDS")
            assert "Handshake was completed" not in text, text
            for version in ("1.2", "1.3"):
                text = cli(f"NORMAL:-VERS-ALL:+VERS-TLS{version}", "--resume")
                assert "This is a resumed session" in text, (role, version, text)
            text = cli("NORMAL", "--alpn=http/1.1")         # what is no mail is not let in
            assert "Handshake was completed" not in text, text
            text = cli("NORMAL", "--alpn=smtp")
            assert "Handshake was completed" in text, text


run_cases(postfix_delivers, posttls_finger, gnutls_cli)
