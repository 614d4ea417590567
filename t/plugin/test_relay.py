#!/usr/bin/env python3
"""The plugin relay: relayclients, morerelayclients, norelayclients, only."""
from postrider import Instance, run_cases
from building import greeted, load_error

FILES = {"relayclients": "127.0.0.2\n127.0.1.0/24\n", "morerelayclients": "127.0.2.\n", "norelayclients": "127.0.1.9 # but this one\n"}


def clients():
    with Instance(plugins="relay\nrcpt_ok\n", files=FILES, listen=("smtp",), auth=False, cert=False) as p:
        for source, may in (("127.0.0.1", False), ("127.0.0.2", True), ("127.0.1.7", True), ("127.0.2.200", True), ("127.0.1.9", False), ("127.0.3.1", False)):
            with greeted(p, source) as c:
                c.expect("MAIL FROM:<a@b.test>", 250)
                answer = c.command("RCPT TO:<x@elsewhere.test>")
                assert answer.startswith("250" if may else "550 5.7.1"), (source, answer)
                c.expect("RCPT TO:<alice@local.test>", 250)


def only():
    with Instance(plugins="relay only\nrcpt_ok\n", files=FILES, listen=("smtp",), auth=False, cert=False) as p:
        with greeted(p, "127.0.0.1") as c:
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<alice@local.test>", 550)
        with greeted(p, "127.0.0.2") as c:
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<alice@local.test>", 250)


def load_errors():
    load_error("relay never\n", 'found the argument "never", expected "only"')
    load_error("relay\n", "relayclients:2: ", {"relayclients": "127.0.0.1\n127.0.0.0/33\n"})
    load_error("relay\n", "norelayclients:1: ", {"norelayclients": "example.com\n"})


run_cases(clients, only, load_errors)
