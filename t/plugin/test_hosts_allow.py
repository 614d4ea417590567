#!/usr/bin/env python3
"""The plugin hosts_allow: who may connect, and what the others hear."""
from postrider import Instance, run_cases
from building import load_error, raw_from

LIST = "127.0.1.9 DECLINED\n127.0.1.0/24 DENY Not from your network.\n127.0.2. DENYSOFT\n127.0.3.1 OK\n127.0.3.0/24 DENY\n"
CASES = [("127.0.0.1", "220"), ("127.0.1.9", "220"), ("127.0.1.8", "554 5.7.1 Not from your network."), ("127.0.2.5", "421 4.7.1"),
         ("127.0.3.1", "220"), ("127.0.3.2", "554 5.7.1 connections from your address")]


def clients():
    with Instance(plugins="hosts_allow\nrcpt_ok\n", files={"hosts_allow": LIST}, listen=("smtp",), auth=False, cert=False) as p:
        for source, want in CASES:
            with raw_from(p, source) as c:
                line = c.line()
                assert line.startswith(want), (source, line)
                if not want.startswith("220"):
                    assert c.line() is None, "the connection stays open"


def load_errors():
    for line in ("127.0.0.1", "127.0.0.1 MAYBE", "example.com DENY", "127.0.0.0/40 DENY text"):
        load_error("hosts_allow\n", "hosts_allow:2", {"hosts_allow": f"10.0.0.1 DENY\n{line}\n"})
    load_error("hosts_allow 5\n", 'found the argument "5"')


run_cases(clients, load_errors)
