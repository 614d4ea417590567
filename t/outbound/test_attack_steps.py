#!/usr/bin/env python3
"""Every step of a session against every kind of bad behaviour, once; the server is well afterwards. Each message arrives, once,
unless it was broken off behind the final dot."""
import contextlib, itertools, socket, sys, threading, time
from outbound import empty, relay, submit
from postrider import run_cases, wait_until
from sink import Drop, Sink

STEPS = ("greeting", "ehlo", "mail", "rcpt", "data", "message")


def drop(c):
    raise Drop


def half_close(c):
    """Says nothing more, but goes on reading."""
    c.sock.shutdown(socket.SHUT_WR)
    while c.sock.recv(65536):
        pass
    raise Drop


def reset(c):
    c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    raise Drop


def flood(c):
    c.sock.settimeout(5)
    with contextlib.suppress(OSError):
        while True:
            c.sock.sendall(b"250-more\r\n" * 1000)
    raise Drop


EVIL = {
    "busy": lambda c: "421 4.3.2 go away", "later": lambda c: "450 4.7.1 not now", "drop": drop, "half": half_close, "reset": reset,
    "flood": flood, "no text": lambda c: b"451\r\n", "junk": lambda c: b"\xff\0\x1b[2J" * 50 + b"\r\n", "go": lambda c: "354 go",
    "long": lambda c: b"450 " + b"x" * 70000 + b"\r\n", "twice": lambda c: b"450 4.0.0 a\r\n450 4.0.0 b\r\n",
    "torn": lambda c: b"450-4.0.0 a\r\n", "mixed": lambda c: b"450-4.0.0 a\r\n250 ok\r\n",
}
TWICE = {("message", "drop"), ("message", "half"), ("message", "reset"), ("message", "flood"), ("message", "junk"), ("message", "go"),
         ("message", "long"), ("message", "torn"), ("message", "mixed"), ("message", "twice")}


def misbehave(how):
    return lambda c, a, n: EVIL[how](c) if n == 0 else None


def matrix(extensions):
    cases = list(itertools.product(STEPS, EVIL))
    with contextlib.ExitStack() as stack:
        sinks = {case: stack.enter_context(Sink(extensions=extensions, **{case[0]: misbehave(case[1])})) for case in cases}
        domain = {case: f"d{i}.test" for i, case in enumerate(cases)}
        routes = "".join(f"{domain[c]} 127.0.0.1:{sinks[c].port}\n" for c in cases)
        p = stack.enter_context(relay(routes, fail_intervals="1s*60", outbound="\n".join(
            f"{s}_timeout = 2s" for s in ("greeting", "helo", "mail", "rcpt", "data", "body", "end_of_data", "rset", "quit")) + "\n"))
        for c in cases:
            submit(p, [f"a@{domain[c]}", f"b@{domain[c]}"])
        empty(p, 60)
        for c in cases:
            arrived = sorted(r for m in sinks[c].messages for r in m.recipients)
            assert set(arrived) == {f"a@{domain[c]}", f"b@{domain[c]}"}, (c, arrived, sinks[c].log)
            assert c in TWICE or len(arrived) == 2, (c, arrived, sinks[c].log)
        assert not p.maildir() and not p.spool_ids("bad")
        assert len(p.pids("queue-runner")) == 1 and "died" not in p.log()


def pipelined():
    matrix(("PIPELINING", "8BITMIME", "SIZE 100000000"))


def one_by_one():
    matrix(())


run_cases(pipelined, one_by_one)
