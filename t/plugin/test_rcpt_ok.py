#!/usr/bin/env python3
"""The plugin rcpt_ok: which recipients are ours; without it none is."""
from postrider import Instance, run_cases
from building import greeted, load_error

FILES = {"rcpthosts": "local.test\n.sub.test\n", "morercpthosts": "More.Test # in any case\n"}
CASES = [("alice@local.test", True), ("alice@LOCAL.TEST", True), ("alice@x.local.test", False), ("a@x.sub.test", True), ("a@y.x.sub.test", True),
         ("a@sub.test", False), ("a@more.test", True), ("a@mx.local.test", True), ("postmaster", True), ("PostMaster", True),
         ("a@elsewhere.test", False), ("a@local.test.evil.test", False), ("a@notlocal.test", False), ("a%elsewhere.test@local.test", True),
         ('"a@elsewhere.test"@local.test', True), ("a@[127.0.0.1]", False)]


def recipients():
    with Instance(plugins="rcpt_ok\n", files=FILES, listen=("smtp",), auth=False, cert=False) as p, greeted(p) as c:
        c.expect("MAIL FROM:<a@b.test>", 250)
        for address, ours in CASES:
            answer = c.command(f"RCPT TO:<{address}>")
            assert answer.startswith("250" if ours else "550 5.7.1 relaying denied"), (address, answer)


def without():
    with Instance(plugins="relay\n", files=FILES, listen=("smtp",), auth=False, cert=False) as p, greeted(p) as c:
        c.expect("MAIL FROM:<a@b.test>", 250)
        c.expect("RCPT TO:<alice@local.test>", 550)


def load_errors():
    load_error("rcpt_ok\n", 'rcpthosts:2: plugin rcpt_ok: found "*"', {"rcpthosts": "local.test\n*\n"})
    load_error("rcpt_ok\n", "morercpthosts:1: ", {"morercpthosts": "no domain\n"})
    load_error("rcpt_ok all\n", 'found the argument "all"')


run_cases(recipients, without, load_errors)
