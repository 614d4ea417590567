#!/usr/bin/env python3
# timeout: 240
"""Our certificate for servers that ask for one: who sees it and who does not, with the key in a process of its own and without, after that
process has died, and after a renewal."""
import os, pathlib, signal, ssl, tempfile
from certs import Authority
from outbound import empty, relay, submit
from postrider import run_cases, wait_until
from sink import Sink

HOST = "mx.sink.test"


class Asking(Sink):
    """A server that asks for certificates of clients, and keeps what it is shown: the serial number, None for none."""

    def __init__(self, ca, versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3), **more):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version, context.maximum_version = versions
        with tempfile.TemporaryDirectory() as d:
            context.load_cert_chain(*ca.issue(HOST).write(d))
        context.load_verify_locations(ca.path)
        context.verify_mode = ssl.CERT_OPTIONAL
        self.seen = []
        super().__init__(tls=context, ehlo=self.look, **more)

    def look(self, c, a, n):
        if c.secure:
            self.seen.append((c.sock.getpeercert() or {}).get("serialNumber"))


def serial(pair):
    with tempfile.NamedTemporaryFile("w") as f:
        f.write(pair.cert)
        f.flush()
        return ssl._ssl._test_decode_cert(f.name)["serialNumber"]


def our_relay(ca, sink, tls, own=None, **more):
    own = own or ca.issue("client.test")
    conf = 'resolver { local_data = { "sink.test. 300 IN MX 1 %s.", "other.test. 300 IN MX 1 %s.", "%s. 300 IN A 127.0.0.1" } }\n' % (HOST, HOST, HOST)
    files = {"ca.pem": ca.path.read_text(), "out.crt": own.full, "out.key": own.key}
    return relay(conf=conf, tls=f'ca = "ca.pem"\noutbound {{ cert = "out.crt"  key = "out.key" }}\n{tls}\n', files=files,
                 outbound=f"port = {sink.port}\npool_timeout = 0\n", fail_intervals="1s*60", **more), serial(own)


def shown(p, sink, to="a@sink.test"):
    """What the server sees with the next message."""
    before = len(sink.seen)
    submit(p, to)
    sink.wait(len(sink.messages) + 1 if len(sink.messages) == before else before + 1)
    empty(p)
    return sink.seen[-1]


def who():
    """By host, domain, network; exclusions; and nobody when nothing is said."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        for tls, one, other in (("", False, False), ("mutual_tls = true", True, True), ("routes { mutual_tls = true }", False, False),
                                ('mutual_auth_hosts = { "sink.test" }', True, False), (f'mutual_auth_hosts = {{ "{HOST}" }}', True, True),
                                ('mutual_auth_hosts = { "127.0.0.0/8" }', True, True), ('mutual_tls = true\nmutual_auth_hosts_exclude = { "sink.test" }', False, True),
                                (f'mutual_tls = true\nmutual_auth_hosts_exclude = {{ "{HOST}" }}\nmutual_auth_hosts = {{ "other.test" }}', False, True)):
            with Asking(ca) as sink:
                p, number = our_relay(ca, sink, tls + "\nkey_process = false")
                with p:
                    assert [shown(p, sink), shown(p, sink, "a@other.test")] == [number if yes else None for yes in (one, other)], tls


def with_a_key_process():
    """In each version of TLS and with each kind of key; when the process ends, or answers no more, a new queue-runner takes over."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        for kind in ("ec", "rsa", "ed25519"):
            for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
                with Asking(ca, (version, version)) as sink:
                    p, number = our_relay(ca, sink, "mutual_tls = true", ca.issue("client.test", kind=kind))
                    with p:
                        assert shown(p, sink) == number, (kind, version)
                        if kind != "ec":
                            continue
                        runner, keys = p.pids("queue-runner"), p.pids("keys")
                        assert len(runner) == len(keys) == 1, p.processes()
                        os.kill(keys[0], 9)
                        p.wait_log("the key process has ended")
                        wait_until(lambda: p.pids("queue-runner") not in ([], runner) and len(p.pids("keys")) == 1, what="another queue-runner")
                        runner, keys = p.pids("queue-runner"), p.pids("keys")       # it has no session that could be taken up again
                        os.kill(keys[0], signal.SIGSTOP)
                        try:
                            assert shown(p, sink) == number
                            p.wait_log("the key process does not answer")
                            assert p.pids("queue-runner") not in ([], runner)
                        finally:
                            os.kill(keys[0], signal.SIGKILL)


def renewal():
    """Files that change are read by a new queue-runner; a pair that does not fit changes nothing."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        with Asking(ca) as sink:
            p, number = our_relay(ca, sink, "mutual_tls = true\nwatch_interval = 1s")
            with p:
                assert shown(p, sink) == number
                runner, new = p.pids("queue-runner"), ca.issue("client.test")
                p.write("out.crt", new.full)
                p.wait_log("renewing")
                p.wait_log("out.key")               # what does not fit is named
                assert shown(p, sink) == number and p.pids("queue-runner") == runner
                p.write("out.key", new.key)
                wait_until(lambda: len(p.pids("queue-runner")) == 1 and p.pids("queue-runner") != runner, what="another queue-runner")
                wait_until(lambda: shown(p, sink) == serial(new), what="the new certificate")


def missing():
    """A certificate that is to be shown and is not there ends the start, and is told by check."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        with Asking(ca) as sink:
            p, number = our_relay(ca, sink, "")
            with p:
                assert shown(p, sink) is None
                p.write("tls.conf", "mutual_tls = true\n")
                r = p.tool("check")
                assert r.returncode != 0 and "tls_cert.pem" in r.stdout + r.stderr, r
                p.write("tls.conf", "")


run_cases(who, with_a_key_process, renewal, missing)
