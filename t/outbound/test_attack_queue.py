#!/usr/bin/env python3
"""The queue under pressure: whatever waits for a turn gets it, one round of attempts counts once, orders given while a message
is on the wire survive a reload, and kills by chance set nothing aside."""
import concurrent.futures, contextlib, os, random, signal, sys, threading, time
from dnsserver import DnsServer
from outbound import empty, prove, relay, submit
from postrider import run_cases, wait_until
from sink import Sink


def route(sink, domain="remote.test", host="127.0.0.1"):
    return f"{domain} {host}:{sink.port}\n"


def hang(go):
    return lambda c, a, n: go.wait(60) and None


def parked_gets_its_turn():
    """More destinations at work than messages fit into memory; one waits outside of it behind a delivery under way."""
    go = threading.Event()
    with Sink(host="0.0.0.0", mail=hang(go)) as sink:
        routes = "".join(route(sink, f"d{i}.test", f"127.0.0.{i + 1}") for i in range(3))
        with relay(routes, outbound="active_max = 1\nconcurrency_per_destination = 1\n") as p:
            for i in range(3):
                submit(p, f"a@d{i}.test")
            wait_until(lambda: sink.connections >= 3, what="three deliveries under way")
            submit(p, "b@d0.test")
            wait_until(lambda: "\nparked 1" in p.tool("queue", "stats").stdout, what="the fourth to wait")
            go.set()
            empty(p)
            assert len(sink.messages) == 4


def a_round_counts_once():
    """Recipients at busy destinations fail one after the other: that is one failed attempt of the message, not many."""
    go = threading.Event()
    count = 8
    with Sink(host="0.0.0.0", rcpt=lambda c, a, n: "451 4.7.1 later", mail=hang(go)) as sink:
        routes = "".join(route(sink, f"d{i}.test", f"127.0.0.{i + 1}") for i in range(count))
        with relay(routes, outbound="active_max = 1\nconcurrency_per_destination = 1\nmax_temp_failures = 4\n", fail_intervals=None) as p:
            for i in range(count):
                for _ in range(3):
                    submit(p, f"x@d{i}.test")
            ident = submit(p, [f"a@d{i}.test" for i in range(count)])
            wait_until(lambda: f"\nactive {3 * count}" in p.tool("queue", "stats").stdout
                       or "parked" in p.tool("queue", "stats").stdout, what="all to wait")
            time.sleep(0.5)
            go.set()
            wait_until(lambda: p.log().count("451 4.7.1 later") >= 4 * count, 30, "all to fail once")
            wait_until(lambda: "\nactive 0" in p.tool("queue", "stats").stdout, what="the round to end")
            assert "given up" not in p.log()
            shown = p.tool("queue", "show", ident, check=True).stdout
            assert "attempts" not in shown.lower() or " 1\n" in shown.lower().split("attempts", 1)[1], shown
            assert len(p.spool_ids("later")) == 3 * count + 1


def last_word_of_one_is_not_all():
    """The first host cannot be reached, the second refuses our name: that is no reason to return the mail."""
    no = lambda c, a, n: "550 5.7.1 not you"
    zone = {"remote.test": [("MX", 1, "one.test"), ("MX", 2, "two.test")], "one.test": [("A", "127.0.0.2")], "two.test": [("A", "127.0.0.1")]}
    with Sink(ehlo=no, helo=no) as sink, DnsServer(zone) as dns:
        with relay(conf=f'resolver {{ forwarders = {{ "{dns.forwarder}" }} }}\n', outbound=f"port = {sink.port}\n", fail_intervals="1h") as p:
            submit(p)
            p.wait_log(r"status=(deferred|bounced)")
            assert "status=deferred" in p.log() and "not you" in p.log(), p.log()[-2000:]


def orders_survive_a_reload():
    go = threading.Event()
    with Sink(mail=lambda c, a, n: n and go.wait(60) and None) as sink, relay(route(sink), outbound="pool_timeout = 0\n") as p:
        prove(p, sink)
        one, two = submit(p), submit(p)
        wait_until(lambda: sum(e[1] == "mail" for e in sink.log) == 3, what="both on the wire")
        assert "after that" in p.tool("queue", "hold", one, check=True).stdout
        assert "after that" in p.tool("queue", "remove", two, check=True).stdout
        p.reload()
        wait_until(lambda: p.spool_ids() == [one] and p.spool_ids("hold") == [one], what="one held, the other gone")
        go.set()


def what_cannot_be_done_changes_nothing():
    """hold/ is gone: the order fails, and the messages that waited are delivered as if nothing had been said."""
    go = threading.Event()
    with Sink(mail=hang(go)) as sink, relay(route(sink), outbound="concurrency_per_destination = 1\n") as p:
        ids = [submit(p) for _ in range(14)]
        wait_until(lambda: sink.connections == 1, what="a connection")
        os.rename(p.spool / "hold", p.spool / "held")
        for i in ids:
            p.tool("queue", "hold", i)
        os.rename(p.spool / "held", p.spool / "hold")
        go.set()
        wait_until(lambda: not p.spool_ids("new", "later"), what=f"all to be delivered or held {p.log()[-1000:]}")
        for i in p.spool_ids("hold"):
            p.tool("queue", "release", i, check=True)
        empty(p)
        assert len(sink.messages) == 14


def killed_again_and_again():
    """SIGKILL at random moments: all arrive, none is set aside but by two deaths in its own hands."""
    rng = random.Random(3)
    with Sink(rcpt=lambda c, a, n: "450 4.2.1 later" if n % 3 == 0 else None) as sink, relay(route(sink), fail_intervals="1s*200") as p:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            sending = pool.submit(lambda: [submit(p, f"r{i}@remote.test") for i in range(150)])
            for _ in range(6):
                time.sleep(rng.random() * 0.8)
                with contextlib.suppress(IndexError, ProcessLookupError):
                    os.kill(p.pids("queue-runner")[0], signal.SIGKILL)
            sending.result()
        empty(p, 60)
        assert {r for m in sink.messages for r in m.recipients} == {f"r{i}@remote.test" for i in range(150)}
        assert not p.spool_ids("bad") and len(sink.messages) < 150 + 6 * 25


def fair():
    """40 destinations that hang, 2,000 messages for a quick one: a message for another one goes at once, and all go in the end."""
    go = threading.Event()
    with Sink(host="0.0.0.0", mail=hang(go)) as slow, Sink() as quick, Sink() as other:
        routes = "".join(route(slow, f"s{i}.test", f"127.0.1.{i + 1}") for i in range(40)) + route(quick, "quick.test") + route(other, "other.test")
        with relay(routes, outbound="concurrency_max = 300\n") as p:
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                jobs = [pool.submit(submit, p, f"r{n}@s{i}.test") for i in range(40) for n in range(8)]
                jobs += [pool.submit(submit, p, f"r{n}@quick.test") for n in range(600)]
                time.sleep(1)
                start = time.monotonic()
                submit(p, "x@other.test")
                other.wait(timeout=5)
                assert time.monotonic() - start < 5
                [j.result() for j in jobs]
            quick.wait(600, 20)
            go.set()
            slow.wait(320, 20)
            empty(p)
            assert len(quick.messages) == 600 and len(slow.messages) == 320


run_cases(parked_gets_its_turn, a_round_counts_once, last_word_of_one_is_not_all, orders_survive_a_reload,
          what_cannot_be_done_changes_nothing, killed_again_and_again, fair)
