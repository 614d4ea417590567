#!/usr/bin/env python3
# timeout: 240
"""Certificates of clients: asked for, demanded, judged, and told to plugins, the log and Received; who is kept from TLS."""
import contextlib, re, tempfile
from certs import Authority, dated, s_client
from postrider import Instance, Raw, run_cases

PLUGINS = "tls\nrcpt_ok\nqueue/maildir {mail}/%d/%u/\n"
MESSAGE = b"EHLO c.test\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<alice@local.test>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\nQUIT\r\n"
VERSIONS = ("-tls1_2", "-tls1_3")


@contextlib.contextmanager
def setup(tls, **options):
    """The server trusts the authority that it gives."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        p = Instance(start=False, auth=False, plugins=PLUGINS, tls="ca = ca.pem\n" + tls, **options)
        p.write("ca.pem", ca.pair.cert)
        with p:
            p.start()
            yield ca, p


def shown(directory, pair, name="client"):
    cert, key = pair.write(directory, f"{name}.crt", f"{name}.key")
    return "-cert", cert, "-cert_chain", cert, "-key", key


def end(p, count=1):
    """The last summary line, when there are COUNT."""
    return p.wait_log(r" session client=.*", count=count)[0]


def asked_for():
    with setup("") as (ca, p):
        good, foreign = ca.issue("client.test"), Authority(ca.dir, "foreign").issue("client.test")
        server_only = ca.issue("client.test", usage="serverAuth")
        n = 0
        for pair, status in ((good, "verified"), (foreign, "issuer is unknown"), (dated(ca.dir, "old.test"), "expired|issuer is unknown"),
                             (server_only, "purpose|key usage|not trusted"), (None, None)):
            for version in VERSIONS:
                seen = s_client(p.smtp, version, *(shown(ca.dir, pair) if pair else ()), input=MESSAGE)
                n += 1
                assert seen.ok, seen.text
                line = end(p, n)
                assert (pair is None) == ("certificate=" not in line), line
                if pair:
                    assert re.search(f"certificate_status=.*({status})", line), (status, line)
        mails = p.wait_mail(n)
        told = [re.search(rb"\(client certificate (.*) verified=(\w+)\)", m) for m in mails]
        assert [bool(t) for t in told] == [True] * 8 + [False] * 2
        assert told[0][1] == b"CN=client.test" and told[0][2] == b"yes" and told[2][2] == b"no", told
        assert all(re.search(rb"\(version=TLS1\.[23] cipher=TLS_\S+ group=\S+\)", m) for m in mails), mails[0]


def not_asked_for():
    with setup("request_cert = false") as (ca, p):
        assert s_client(p.smtp, *shown(ca.dir, ca.issue("client.test")), input=MESSAGE).ok
        assert "certificate=" not in end(p)


def refused(p, address, *args, starttls):
    seen = s_client(address, *args, starttls=starttls, input=MESSAGE)
    # on the smtps port MAIL is answered with 530 before AUTH
    return "250 2.1.0" not in seen.text and "530 5.7.0" not in seen.text and not re.search(r"^221 ", seen.text, re.M)


def demanded():
    """By all, or on some ports; also of a session that is taken up again."""
    with setup("reject_unauthorized = true") as (ca, p):
        good, foreign = shown(ca.dir, ca.issue("client.test"), "good"), shown(ca.dir, Authority(ca.dir, "foreign").issue("x.test"), "foreign")
        for address, starttls in ((p.smtp, True), (p.smtps, False)):
            for version in VERSIONS:
                for args in ((), foreign):
                    assert refused(p, address, version, *args, starttls=starttls), (version, args)
                assert not refused(p, address, version, *good, starttls=starttls)
                s_client(address, version, *good, "-sess_out", f"{ca.dir}/s", starttls=starttls, input=b"NOOP\r\nQUIT\r\n")
                seen = s_client(address, version, *good, "-sess_in", f"{ca.dir}/s", starttls=starttls, input=MESSAGE)
                assert seen.ok and seen.reused and ("221 " in seen.text or "530 5.7.0" in seen.text), seen.text
        assert re.search(r"resumed=yes certificate=CN=client.test certificate_status=verified", p.log()), p.log()[-3000:]
        assert "end=tls-failed" in p.log()
        p.write("ca.pem", Authority(ca.dir, "other").pair.cert)        # who was trusted is not any more
        p.reload()
        assert refused(p, p.smtp, "-tls1_3", *good, "-sess_in", f"{ca.dir}/s", starttls=True)
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        p = Instance(auth=False, plugins=PLUGINS, tls="ca = ca.pem", files={"ca.pem": ca.pair.cert})
        with p:
            good = shown(d, ca.issue("client.test"))
            p.write("tls.conf", p.read("tls.conf") + f"require_authorized = {{ {p.ports['smtps']} }}\n")
            s_client(p.smtps, "-sess_out", f"{d}/s", starttls=False, input=b"NOOP\r\nQUIT\r\n")
            p.reload()
            assert not refused(p, p.smtp, starttls=True)
            assert refused(p, p.smtps, starttls=False)
            assert not refused(p, p.smtps, *good, starttls=False)
            assert not refused(p, p.smtps, *good, "-sess_in", f"{d}/s", starttls=False), "a ticket from before is no obstacle"


def kept_from_tls():
    def offered(p):
        with p.raw() as c:
            c.expect(None, 220)
            offer = "STARTTLS" in c.expect("EHLO x.test", 250)
            answer = c.command("STARTTLS")
            assert answer.startswith("220" if offer else "502"), answer
            return offer
    for tls, wanted in (("", True), ("no_tls_hosts = { 192.0.2.0/24, \"mx.example.test\", \".example.test\" }", True),
                        ("no_tls_hosts = { \"127.0.0.0/8\" }", False), ("inbound { no_tls_hosts = { \"127.0.0.1\" } }", False),
                        ("outbound { no_tls_hosts = { \"127.0.0.1\" } }", True)):
        with Instance(auth=False, plugins=PLUGINS, tls=tls) as p:
            assert offered(p) == wanted, tls
            assert s_client(p.smtps, starttls=False).ok         # STARTTLS only is meant
    with Instance(auth=False, plugins=PLUGINS) as p:
        p.write("tls.conf", p.read("tls.conf") + f"no_starttls_ports = {{ {p.ports['smtp']} }}\n")
        p.reload()
        assert not offered(p)
        with Raw(p.submission) as c:
            c.expect(None, 220)
            assert "STARTTLS" in c.expect("EHLO x.test", 250)


def what_is_wrong():
    p = Instance(start=False, auth=False, plugins=PLUGINS)
    try:
        good = p.read("tls.conf")
        for text, words in (("ca = nothing.pem", "ca: cannot read"), ("ca = tls_key.pem", "No certificate was found"),
                            ("no_tls_hosts = { 192.168.1.300 }", ":1: no_tls_hosts: found \"192.168.1.300\", expected a network"),
                            ("require_authorized = { smtps }", ":1: require_authorized: found \"smtps\", expected a port number"),
                            ("outbound { request_cert = true }", ":1: request_cert: means nothing in section outbound, only in inbound")):
            p.write("tls.conf", text + "\n" + good)
            r = p.tool("check")
            assert r.returncode == 1 and words in r.stdout, (text, r.stdout)
    finally:
        p.close()


run_cases(asked_for, not_asked_for, demanded, kept_from_tls, what_is_wrong)
