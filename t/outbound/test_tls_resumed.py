#!/usr/bin/env python3
# timeout: 240
"""Sessions with servers that are taken up again: in TLS 1.2 and 1.3, for the same host only, never where more is demanded of it than was; with a server
that has forgotten them, and one that breaks on them."""
import re, socket, ssl, tempfile
from certs import Authority
from outbound import empty, relay, submit, verbs
from postrider import Instance, run_cases
from sink import Sink

VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
HOST = "mx.sink.test"


def context_of(ca, version, name=HOST):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = version
    with tempfile.TemporaryDirectory() as d:
        context.load_cert_chain(*ca.issue(name).write(d))
    return context


def our_relay(ca, sink, tls="", **more):
    conf = 'resolver { local_data = { "sink.test. 300 IN MX 1 %s.", "forced.test. 300 IN MX 1 %s.", "%s. 300 IN A 127.0.0.1" } }\n' % (HOST, HOST, HOST)
    return relay(conf=conf, tls=f'ca = "ca.pem"\n{tls}\n', files={"ca.pem": ca.path.read_text()}, fail_intervals="1s*60",
                 outbound=f"port = {sink.port}\npool_timeout = 0\n", **more)


class Judge:
    """Whether a session was taken up again, by what the server and the log say."""

    def __init__(self):
        self.seen = []

    def ehlo(self, c, a, n):
        if c.secure:
            self.seen.append(c.sock.session_reused)

    def send(self, p, to="a@sink.test"):
        before = len(self.seen)
        submit(p, to)
        p.wait_log(rf"status=sent .*to={re.escape(to)} ")
        empty(p)
        last = [x for x in p.log().splitlines() if f"status=sent from=alice@local.test to={to} " in x][-1]
        assert len(self.seen) == before + 1 and self.seen[-1] == ("resumed=yes" in last), (self.seen, last)
        return self.seen[-1]


def again():
    """The second connection, and the third, and after others; the certificate is still known, and judged."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        for version in VERSIONS:
            judge = Judge()
            with Sink(tls=context_of(ca, version), ehlo=judge.ehlo) as sink, our_relay(ca, sink, 'force_tls_hosts = { "forced.test" }') as p:
                assert [judge.send(p) for _ in range(3)] == [False, True, True], version
                assert len(re.findall("resumed=yes certificate_status=verified", p.log())) == 2
                # more is demanded: not what was begun without that
                assert [judge.send(p, "a@forced.test") for _ in range(2)] == [False, True], version
                assert judge.send(p)


def with_ourselves():
    """Another instance as the server: GnuTLS on both sides."""
    with Instance(plugins="tls\nrelay\nrcpt_ok\nqueue/maildir {mail}/%d/%u/\n", auth=False, files={"relayclients": "127.0.0.1\n"}) as server:
        with relay(f"* 127.0.0.1:{server.ports['smtp']}\n", outbound="pool_timeout = 0\n") as p:
            for i in range(3):
                submit(p, "dora@elsewhere.test")
                empty(p)
            assert len(re.findall(r"status=sent .* tls=TLS1.3 cipher=\S+ resumed=yes", p.log())) == 2, p.log()[-3000:]


def forgotten():
    """The server has another key now, or another certificate: a whole handshake, in which the certificate is judged anew."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        for version in VERSIONS:
            judge = Judge()
            with Sink(tls=context_of(ca, version), ehlo=judge.ehlo) as sink, our_relay(ca, sink, 'force_tls_hosts = { "sink.test" }') as p:
                assert [judge.send(p) for _ in range(2)] == [False, True]
                sink.tls = context_of(ca, version)
                assert [judge.send(p) for _ in range(2)] == [False, True]
                sink.tls = context_of(ca, version, "other.test")
                submit(p, "a@sink.test")
                p.wait_log("status=deferred .*is not for mx.sink.test")
                assert len(sink.messages) == 4


class Allergic:
    """A TLS context that breaks connections on which a session is to be taken up again."""

    def __init__(self, context):
        self.context, self.broken = context, 0

    def wrap_socket(self, sock, server_side):
        hello = sock.recv(65536, socket.MSG_PEEK)
        for at in (m.start() for m in re.finditer(b"\x00[\x29\x23]", hello)):
            kind, length = hello[at + 1], int.from_bytes(hello[at + 2:at + 4], "big")
            if (kind == 0x29 and at + 4 + length == len(hello)) or (kind == 0x23 and 100 < length <= len(hello) - at - 4):
                self.broken += 1
                raise OSError("no")
        return self.context.wrap_socket(sock, server_side=server_side)


def broken():
    """Then once more, with a whole handshake: neither in clear nor later, and nothing is remembered against the server."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        for version in VERSIONS:
            context, judge = Allergic(context_of(ca, version)), Judge()
            with Sink(tls=context, ehlo=judge.ehlo) as sink, our_relay(ca, sink, "disable_for_failed_hosts = true") as p:
                assert not judge.send(p) and context.broken == 0
                assert not judge.send(p) and context.broken == 1, version
                assert all(m.tls for m in sink.messages) and p.tool("tls", "list").stdout == "" and verbs(sink, "starttls") == [3]
                assert "trying in clear" not in p.log() and "status=deferred" not in p.log()


run_cases(again, with_ourselves, forgotten, broken)
