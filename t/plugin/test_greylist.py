#!/usr/bin/env python3
"""The plugin greylist: who is put off, for how long, and what makes one combination; in LMDB and in Redis, and without the store."""
import re
from postrider import Instance, run_cases, wait_until
from building import greeted, load_error
from redis import PROGRAM, Redis, stores


def server(args="", conf="", files=None):
    return Instance(plugins=f"relay\nrcpt_ok\ngreylist {args}\n", conf=conf, files={"greylist_networks": "127.0.9.0/24\n", "greylist_domains": "free.test\n",
                    "rcpthosts": "local.test\nfree.test\n", "relayclients": "127.0.8.1\n", **(files or {})}, listen=("smtp",), auth=False, cert=False)


def attempt(p, source="127.0.1.1", sender="a@b.test", to="alice@local.test"):
    with greeted(p, source) as c:
        c.expect(f"MAIL FROM:<{sender}>", 250)
        return c.command(f"RCPT TO:<{to}>")


def states():
    for conf in stores():
        with server("black_timeout 2 grey_timeout 60", conf) as p:
            answer = attempt(p)
            assert answer.startswith("450 4.7.1 greylisted") and "2 seconds" in answer, answer
            assert attempt(p).startswith("450")
            wait_until(lambda: attempt(p).startswith("250"), what="the time to have passed")
            assert attempt(p).startswith("250") and re.search(r"came back after \d+ seconds: alice@local.test", p.log())
            assert p.tool("store", "list").stdout == "greylist_white\t1\n"
            assert p.tool("store", "list", "greylist_white").stdout.startswith("127.0.1.0 a@b.test alice@local.test\t31")


def combinations():
    with server("black_timeout 0 grey_timeout 60") as p:
        seen = lambda **more: attempt(p, **more)[:3] == "250"
        assert not seen() and seen() and seen(source="127.0.1.200"), "another address of the network"
        assert not seen(source="127.0.2.1") and not seen(sender="x@b.test") and not seen(to="bob@local.test")
        assert seen(sender="A@B.test") and seen(to="Alice@LOCAL.test"), "letters in lower and upper case"
        assert not seen(sender="list-1-22@b.test") and seen(sender="list-333-4@b.test") and not seen(sender="list-x@b.test")
        assert not seen(sender="") and seen(sender="")
        long = "x" * 200 + "@" + ".".join(["y" * 40] * 1) + ".test"
        assert not seen(sender=long, to="z" * 230 + "@local.test") and seen(sender=long, to="z" * 230 + "@local.test")
        assert not seen(sender=long, to="z" * 229 + "y@local.test"), "what differs at the end of a long key"
    with server("black_timeout 0 grey_timeout 60 sender 0 recipient=0 prefix4 16") as p:
        assert attempt(p).startswith("450") and attempt(p, "127.0.77.1", "x@y.test", "bob@local.test").startswith("250")


def exempt():
    with server() as p:
        assert attempt(p, "127.0.9.4").startswith("250"), "greylist_networks"
        assert attempt(p, to="bob@free.test").startswith("250"), "greylist_domains"
        assert attempt(p, "127.0.8.1", to="bob@remote.test").startswith("250"), "relaying"
        assert attempt(p, to="bob@remote.test").startswith("550"), "one that is refused anyhow"
        assert p.status()["counters"]["store_asked"] == 0


def suspects():
    data = 'resolver { local_data = { "1.1.0.127.in-addr.arpa. 300 IN PTR good.test." } }\n'
    with server("suspects 1", data) as p:
        assert attempt(p).startswith("250") and attempt(p, "127.0.2.1").startswith("450")


def only_logged():
    with server("reject 0") as p:
        assert attempt(p).startswith("250") and "would be greylisted" in p.log()


def without_the_store():
    if not PROGRAM:
        print("skip without_the_store: no redis-server here")
        return
    with Redis() as r, server("black_timeout 300", f'store = "{r.url}"\nstore_timeout = 5s\n') as p:
        assert attempt(p).startswith("450")
        r.command("CONFIG", "SET", "maxmemory", "1")
        assert attempt(p, "127.0.2.1").startswith("250"), "a store that is full"
        assert attempt(p).startswith("450")
        r.kill()
        assert attempt(p).startswith("250"), "a store that is away"


def load_errors():
    load_error("greylist black_timeout 300 grey_timeout 300\n", "expected more than black_timeout")
    load_error("greylist remote_ip 0 sender 0 recipient 0\n", "expected one of them to be on")
    load_error("greylist prefix4 33\n", "expected a number from 8 to 32")
    load_error("greylist white_timeout soon\n", "expected a number")
    load_error("greylist nonsense\n", 'found the argument "nonsense"')
    load_error("greylist\n", "greylist_networks:1", {"greylist_networks": "300.1.1.1\n"})


run_cases(states, combinations, exempt, suspects, only_logged, without_the_store, load_errors)
