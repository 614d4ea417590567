#!/usr/bin/env python3
# timeout: 240
"""Postfix as the other end of TLS: without it, with it, where it demands it, where it demands our certificate; sessions taken up again."""
import os, re, tempfile
from certs import Authority
from outbound import empty, relay, submit
from peers import Postfix
from postrider import run_cases

HOST = "mx.postfix.test"


class Setting:
    """An authority, a Postfix with a certificate of it for HOST, and a relay to its domain postfix.test."""

    def __init__(self, main=""):
        self.keep = tempfile.TemporaryDirectory()
        self.ca = Authority(self.keep.name)
        cert, key = self.ca.issue(HOST).write(self.keep.name)
        os.chmod(self.keep.name, 0o755)
        self.postfix = Postfix(main and f"smtpd_tls_cert_file = {cert}\nsmtpd_tls_key_file = {key}\nsmtpd_tls_CAfile = {self.ca.path}\nsmtpd_tls_loglevel = 1\n"
                               "smtpd_tls_ask_ccert = yes\n" + main)

    def relay(self, tls="", **more):
        own = self.ca.issue("client.test")
        conf = f'resolver {{ local_data = {{ "postfix.test. 300 IN MX 1 {HOST}.", "{HOST}. 300 IN A 127.0.0.1" }} }}\n'
        return relay(conf=conf, tls=f'ca = "ca.pem"\noutbound {{ cert = "out.crt"  key = "out.key" }}\n{tls}\n', fail_intervals="1h*9",
                     files={"ca.pem": self.ca.path.read_text(), "out.crt": own.full, "out.key": own.key, **more.pop("files", {})},
                     outbound=f"port = {self.postfix.port}\npool_timeout = 0\n{more.pop('outbound', '')}", **more)

    def seen(self):
        """What Postfix says of each session in TLS: whether it knows the client by its certificate, and the version."""
        return re.findall(r"(Anonymous|Trusted|Untrusted) TLS connection established from \S+: (TLSv\S+) ", self.postfix.log())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.postfix.close()
        self.keep.cleanup()


def outcome(p, to="a@postfix.test"):
    submit(p, to)
    return p.wait_log(rf"status=(sent|deferred|bounced) .*to={re.escape(to)} .*")[0]


def without():
    """Mail goes in clear where it may, and waits where it may not."""
    with Setting() as s:
        with s.relay() as p:
            line = outcome(p)
            assert "status=sent" in line and "tls=" not in line, line
        with s.relay('force_tls_hosts = { "postfix.test" }') as p:
            line = outcome(p)
            assert "status=deferred" in line and "does not offer STARTTLS" in line, line
        assert s.seen() == [] and len(s.postfix.held()) == 1


def with_tls():
    """Both sides say the same of it; a second session takes the first up again."""
    for version in ("1.2", "1.3"):
        with Setting(f"smtpd_tls_security_level = may\nsmtpd_tls_protocols = >=TLSv{version}, <=TLSv{version}\n") as s:
            with s.relay(f'force_tls_hosts = {{ "{HOST}" }}') as p:
                line = outcome(p)
                assert f"tls=TLS{version} " in line and "certificate_status=verified" in line and "resumed" not in line, line
                line = outcome(p, "b@postfix.test")
                assert f"tls=TLS{version} " in line and "resumed=yes certificate_status=verified" in line, line
            with s.relay(outbound="enable_tls = false\n") as p:
                assert "tls=" not in outcome(p, "c@postfix.test")
            assert s.seen() == [("Anonymous", f"TLSv{version}")] * 2 and len(s.postfix.held()) == 3, s.postfix.log()


def demanding():
    """It takes nothing in clear, and then nothing without our certificate."""
    with Setting("smtpd_tls_security_level = encrypt\n") as s:
        with s.relay() as p:
            assert "tls=TLS1.3" in outcome(p)
        with s.relay(outbound="enable_tls = false\n") as p:
            line = outcome(p)
            assert "status=bounced" in line and "530 5.7.0" in line, line
    with Setting("smtpd_tls_security_level = encrypt\nsmtpd_tls_req_ccert = yes\n") as s:
        with s.relay('mutual_auth_hosts = { "postfix.test" }') as p:
            assert "status=sent" in outcome(p) and "tls=TLS1.3" in outcome(p, "b@postfix.test")
            submit(p, "c@postfix.test")
            empty(p)
        assert s.seen() == [("Trusted", "TLSv1.3")] * 3 and len(s.postfix.held()) == 3, s.postfix.log()
        with s.relay('mutual_tls = true\nmutual_auth_hosts_exclude = { "postfix.test" }\nforce_tls_hosts = { "postfix.test" }') as p:
            line = outcome(p, "d@postfix.test")
            assert "status=deferred" in line and len(s.postfix.held()) == 3, line


if why := Postfix.why_not():
    print(f"skip everything: {why}")
    raise SystemExit(77)
run_cases(without, with_tls, demanding)
