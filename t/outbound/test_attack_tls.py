#!/usr/bin/env python3
# timeout: 300
"""A server that misuses TLS, DNS that says too much, peers that feed one octet a second: each message arrives or waits, the
others are not held up, and no connection is kept beyond its time."""
import contextlib, os, re, socket, time
from dnsserver import DnsServer
from outbound import empty, relay, submit
from postrider import run_cases, wait_until
from sink import Drop, Sink, server_tls


def route(sink, domain="remote.test"):
    return f"{domain} 127.0.0.1:{sink.port}\n"


def first(act):
    """A handler that acts on the first connection only."""
    def handler(connection, argument, n):
        if connection.number == 1:
            return act(connection)
    return handler


def drop(c):
    raise Drop


def after_220(data, then=None):
    def act(c):
        c.sock.sendall(b"220 go\r\n")
        time.sleep(0.1)
        c.sock.sendall(data)
        if then:
            then(c)
        c.sock.settimeout(3)
        with contextlib.suppress(OSError):
            while c.sock.recv(65536):
                pass
        raise Drop
    return act


def handshakes():
    """What comes in place of a ServerHello, or instead of an EHLO inside: clear text is the second try, never a crash."""
    junk = [b"220 in clear\r\n" * 50, os.urandom(4000), b"\x16\x03\x03\x40\x00" + b"\2" * 16384, b"\x15\x03\x03\x00\x02\x02\x28",
            b"\x15\x03\x03\x00\x02\x01\x70" * 100, b"\x16\x03\x01\x00\x04\x00\x00\x00\x00" * 500, b""]
    acts = [after_220(j) for j in junk] + [drop, lambda c: "454 4.7.0 not now", lambda c: "501 no", lambda c: "250 what", lambda c: b"220 go\r\n250 ok\r\n"]
    context = server_tls()
    with contextlib.ExitStack() as stack:
        sinks = [stack.enter_context(Sink(tls=context, starttls=first(a))) for a in acts]
        p = stack.enter_context(relay("".join(route(s, f"d{i}.test") for i, s in enumerate(sinks)), outbound="tls_timeout = 2s\n", fail_intervals="1s*60"))
        for i in range(len(acts)):
            submit(p, f"a@d{i}.test")
        for s in sinks:
            s.wait(timeout=20)
        empty(p)
        assert all(len(s.messages) == 1 for s in sinks)


def inside():
    """Inside TLS: another STARTTLS, an answer to EHLO that is none, a cut without close_notify, each step."""
    context = server_tls()

    def at(step, act):
        def handler(c, a, n):
            return act(c) if c.secure and c.number == 1 else None
        return {step: handler}
    cases = [at("ehlo", lambda c: b"250-x\r\n250 STARTTLS\r\n"), at("ehlo", lambda c: "554 5.7.1 not here"), at("ehlo", lambda c: b"\xff" * 20000 + b"\r\n"),
             *[at(s, a) for s in ("ehlo", "mail", "rcpt", "data", "message") for a in (drop, lambda c: "421 4.3.2 bye", lambda c: b"450 " + b"y" * 70000 + b"\r\n")]]
    with contextlib.ExitStack() as stack:
        sinks = [stack.enter_context(Sink(tls=context, **c)) for c in cases]
        p = stack.enter_context(relay("".join(route(s, f"d{i}.test") for i, s in enumerate(sinks)), fail_intervals="1s*60"))
        for i in range(len(cases)):
            submit(p, f"a@d{i}.test", "z" * 900 + "\r\n" * 200)
        refused = 1                 # an EHLO refused for good
        for i, s in enumerate(sinks):
            if i != refused:
                s.wait(timeout=20)
        assert b"not here" in p.wait_mail()[0]
        empty(p)


def drip():
    """One octet a second: the time-out is for the whole answer. Another destination is served meanwhile."""
    def slowly(c, a, n):
        if c.number > 1:
            return None
        with contextlib.suppress(OSError):
            for octet in b"250-" + b"x" * 200:
                c.sock.sendall(bytes([octet]))
                time.sleep(0.5)
        raise Drop
    for step in ("greeting", "ehlo", "rcpt"):
        name = {"greeting": "greeting", "ehlo": "helo", "rcpt": "rcpt"}[step]
        with Sink(**{step: slowly}) as sink, Sink() as quick:
            with relay(route(sink) + route(quick, "quick.test"), outbound=f"{name}_timeout = 2s\n") as p:
                submit(p)
                submit(p, "x@quick.test")
                quick.wait(timeout=2)
                sink.wait(timeout=8)
                empty(p)


def sip():
    """A server that takes a little of a big message now and then: not for ever. Another destination is served meanwhile."""
    def data(c, a, n):
        if c.number > 1:
            return None
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        c.say("354 go")
        with contextlib.suppress(OSError):
            while c.sock.recv(20000):
                time.sleep(0.2)
        raise Drop
    with Sink(data=data) as sink, Sink() as quick:
        with relay(route(sink) + route(quick, "quick.test"), outbound="body_timeout = 2s\nmin_data_rate = 10000000\n") as p:
            submit(p, body=("x" * 70 + "\r\n") * 300000)
            submit(p, "x@quick.test")
            quick.wait(timeout=5)
            p.wait_log("status=deferred.*too slow", timeout=30)
            sink.wait(timeout=20)


def dns_says_too_much():
    many = [("MX", i % 60, f"m{i}.many.test") for i in range(900)]
    zone = {
        "many.test": many, **{f"m{i}.many.test": [("A", "127.0.0.1")] for i in range(900)},
        "loop.test": [("CNAME", "loop2.test")], "loop2.test": [("CNAME", "loop.test")],
        "mxloop.test": [("MX", 10, "loop.test")],
        "literal.test": [("MX", 10, "127.0.0.1")],
        "mixed.test": [("MX", 0, "."), ("MX", 10, "m1.many.test")],
        "own.test": [("MX", 5, "mx.local.test"), ("MX", 10, "m1.many.test")],
        "ownlast.test": [("MX", 5, "m1.many.test"), ("MX", 10, "mx.local.test")],
        "bad.test": [("RAW", 15, b"\0\x0a\xff\xff\xff")], "short.test": [("RAW", 15, b"\0")],
        "badname.test": [("RAW", 15, b"\0\x0a\x05a\r\nb%\0")],
        "alsogood.test": [("RAW", 15, b"\0\x0a\x05a\r\nb%\0"), ("MX", 20, "m1.many.test")],
        "long.test": [("MX", 10, ".".join(["x" * 60] * 4))],
        "empty.test": [],
    }
    sent = {"many.test", "mixed.test", "ownlast.test", "alsogood.test"}
    bounced = {"literal.test", "own.test", "empty.test", "long.test"}
    with Sink() as sink, DnsServer(zone) as dns:
        with relay(conf=f'resolver {{ forwarders = {{ "{dns.forwarder}" }}  timeout = 3s }}\n', outbound=f"port = {sink.port}\n", fail_intervals="1h") as p:
            names = [n for n in zone if not n.startswith("m1.") and ".many." not in n and not n.startswith("loop2")]
            for n in names:
                submit(p, f"a@{n}")
            for n in names:
                status = p.wait_log(rf"status=(\w+) .*to=a@{re.escape(n)} ")[1]
                want = "sent" if n in sent else "bounced" if n in bounced else "deferred"
                assert status == want, (n, status, want)


def surplus_and_shutdown():
    """A yes and something more behind it: the message has arrived, the connection is not used again; a server that never
    answers QUIT keeps nothing."""
    def message(c, a, n):
        return b"250 2.0.0 ok\r\n250 2.0.0 more\r\n"

    def quit(c, a, n):
        time.sleep(20)
    with Sink(message=message, quit=quit) as sink, relay(route(sink), outbound="quit_timeout = 1s\n") as p:
        for i in range(10):
            submit(p)
        sink.wait(10)
        empty(p)
        assert sink.connections == 10
        wait_until(lambda: "\nconnections 0" in p.tool("queue", "stats").stdout, 5, "all connections to be closed")


run_cases(handshakes, inside, drip, sip, dns_says_too_much, surplus_and_shutdown)
