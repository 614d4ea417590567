#!/usr/bin/env python3
"""conf/destinations: limits by site, domain and address, rates, what servers say is obeyed; and the options of outbound.conf about
how messages are split, kept connections and lifetimes."""
import concurrent.futures, threading, time
from dnsserver import DnsServer
from outbound import empty, prove, relay, submit, verbs
from postrider import run_cases, wait_until
from sink import Sink


def shaped(sink, zone_or_routes, destinations, outbound="", dns=None, **arguments):
    """An instance with that file; DNS, or the file routes, leads to SINK."""
    if dns:
        arguments["conf"] = f'resolver {{ forwarders = {{ "{dns.forwarder}" }} }}\n'
        outbound += f"port = {sink.port}\n"
    return relay("" if dns else zone_or_routes, files={"destinations": destinations}, outbound=outbound, **arguments)


class Gauge:
    """Counts how many are inside at once."""

    def __init__(self, hold=0.05):
        self.hold, self.now, self.most, self.lock = hold, 0, 0, threading.Lock()

    def __call__(self, *_):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(self.hold)
        with self.lock:
            self.now -= 1


def burst(p, recipients):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(lambda r: submit(p, r), recipients))


def domains_of_one_site():
    """Ten domains whose best MX is one host share its limit of two; in the list of sites they are one."""
    zone = {f"d{i}.test": [("MX", 10, "mx.shared.test"), ("MX", 20, f"other{i}.test")] for i in range(10)}
    zone |= {"mx.shared.test": [("A", "127.0.0.1")]} | {f"other{i}.test": [("A", "127.0.0.9")] for i in range(10)}
    gauge = Gauge()
    with Sink(message=gauge) as sink, DnsServer(zone) as dns:
        with shaped(sink, None, "site shared.example\n mx .shared.test\n connections 2\n", dns=dns) as p:
            burst(p, [f"x@d{i % 10}.test" for i in range(40)])
            sink.wait(40)
            stats = p.tool("queue", "stats", check=True).stdout
            assert "site shared.example ready window=2/2" in stats and "destinations 10\nsites 1\n" in stats, stats
            assert gauge.most == 2, gauge.most
            empty(p)


def rates():
    """So many messages, or connections, take so long at least (that no span has more is in t/unit/test_site)."""
    with Sink() as sink:
        with shaped(sink, f"remote.test 127.0.0.1:{sink.port}\n", "default\n message_rate 5/1s\n") as p:
            start = time.monotonic()
            burst(p, [f"r{i}@remote.test" for i in range(13)])
            sink.wait(13)
            assert 2.4 <= time.monotonic() - start < 10
            empty(p)
    with Sink() as sink:
        with shaped(sink, f"remote.test 127.0.0.1:{sink.port}\n", "address 127.0.0.0/8\n connection_rate 3/1s\n", outbound="pool_timeout = 0\n") as p:
            start = time.monotonic()
            burst(p, [f"r{i}@remote.test" for i in range(7)])
            sink.wait(7)
            assert 2.0 <= time.monotonic() - start < 10 and sink.connections == 7
            empty(p)
            assert "status=deferred" not in p.log()


def one_address_of_many_sites():
    """Three routes to three ports of one address, which takes one connection at a time."""
    gauge = Gauge()
    with Sink(message=gauge) as a, Sink(message=gauge) as b, Sink(message=gauge) as c:
        routes = "".join(f"{n}.test 127.0.0.1:{s.port}\n" for n, s in (("a", a), ("b", b), ("c", c)))
        with shaped(a, routes, "address 127.0.0.1\n connections 1\n", outbound="pool_timeout = 0\n") as p:
            burst(p, [f"x@{n}.test" for n in "abc" for _ in range(3)])
            wait_until(lambda: sum(len(s.messages) for s in (a, b, c)) == 9, 30, "all to arrive")
            assert gauge.most == 1, gauge.most
            empty(p)
            assert "status=deferred" not in p.log()


def one_source_of_ours():
    """Two routes to two servers from one address of ours, from which one connection may be open at a time."""
    gauge = Gauge()
    with Sink(message=gauge) as a, Sink(host="127.0.0.9", message=gauge) as b:
        routes = f"a.test 127.0.0.1:{a.port} bind=127.0.0.2\nb.test 127.0.0.9:{b.port} bind=127.0.0.2\n"
        with shaped(a, routes, "source 127.0.0.2\n connections 1\n", outbound="pool_timeout = 0\n") as p:
            burst(p, [f"x@{n}.test" for n in "ab" for _ in range(4)])
            wait_until(lambda: len(a.messages) + len(b.messages) == 8, 30, "all to arrive")
            assert gauge.most == 1, gauge.most
            empty(p)
            assert "status=deferred" not in p.log()


def split_by_rule():
    with Sink() as sink:
        rules = "domain one.test\n recipients 2\ndefault\n recipients 3\n deliveries 2\n"
        with DnsServer({"one.test": [("A", "127.0.0.1")], "two.test": [("A", "127.0.0.1")]}) as dns, shaped(sink, None, rules, dns=dns) as p:
            submit(p, [f"r{i}@one.test" for i in range(5)])
            sink.wait(3)
            assert sorted(len(m.recipients) for m in sink.messages) == [1, 2, 2]
            submit(p, [f"r{i}@two.test" for i in range(5)])
            sink.wait(5)
            assert sorted(len(m.recipients) for m in sink.messages[3:]) == [2, 3]
            empty(p)
            by_connection = [m.connection for m in sink.messages]
            assert all(by_connection.count(c) <= 2 for c in by_connection), by_connection


def suspended():
    """An answer suspends the site: neither the message nor those behind it lose an attempt, and all go when it is over."""
    said = []

    def mail(connection, argument, n):
        if said or "bad" not in argument:
            return None
        said.append(time.monotonic())
        return "421 4.7.0 You are sending TOO FAST"
    with Sink(mail=mail) as sink:
        with shaped(sink, f"remote.test 127.0.0.1:{sink.port}\n", 'default\n answer "421*too fast" suspend 3s\n', fail_intervals="none") as p:
            prove(p, sink)
            submit(p, sender="bad@local.test")
            p.wait_log(r"site 127\.0\.0\.1:\d+: nothing for 3s after: 421 4\.7\.0 You are sending TOO FAST")
            for i in range(3):
                submit(p, f"r{i}@remote.test")
            assert "suspended" in p.tool("queue", "stats").stdout
            sink.wait(5, 30)
            assert verbs(sink, "mail")[0] >= 6 and time.monotonic() - said[0] > 2.5
            empty(p)
            assert "status=bounced" not in p.log()


def suspended_for_long():
    """What waits is put off at once; a flush lets it go."""
    with Sink(greeting=lambda c, a, n: "421 4.7.28 rate limited" if n == 0 else None) as sink:
        with shaped(sink, f"remote.test 127.0.0.1:{sink.port}\n", 'default\n answer "4.7.28" suspend 1h\n', fail_intervals="none") as p:
            one = submit(p)
            wait_until(lambda: p.spool_ids("later") == [one], what="it to be put off")
            two = submit(p)
            wait_until(lambda: p.spool_ids("later") == sorted([one, two]), what="both to be put off")
            assert sink.connections == 1
            p.tool("queue", "flush", check=True)
            sink.wait(2)
            empty(p)


def retried_when_told():
    with Sink(rcpt=lambda c, a, n: "450 4.7.1 Greylisted, come back" if n == 0 else None) as sink:
        with shaped(sink, f"remote.test 127.0.0.1:{sink.port}\n", 'default\n answer "45*greylist" retry 1s\n', fail_intervals="1h") as p:
            submit(p)
            sink.wait(timeout=10)
            empty(p)


def always_split():
    with Sink(rcpt=lambda c, a, n: "550 5.1.1 no" if "bad" in a else None) as sink:
        with relay(f"remote.test 127.0.0.1:{sink.port}\n", outbound="always_split = true\n") as p:
            submit(p, ["a@remote.test", "bad1@remote.test", "b@remote.test", "bad2@remote.test"])
            sink.wait(2)
            assert [len(m.recipients) for m in sink.messages] == [1, 1]
            p.wait_mail(2)
            empty(p)
            assert len(p.maildir()) == 2


def kept_connections():
    """pool_concurrency_max: one waits, the others say QUIT."""
    gauge = Gauge(0.2)
    with Sink(message=gauge) as sink:
        with relay(f"remote.test 127.0.0.1:{sink.port}\n", outbound="pool_concurrency_max = 1\n") as p:
            prove(p, sink)
            burst(p, [f"r{i}@remote.test" for i in range(12)])
            sink.wait(13)
            empty(p)
            wait_until(lambda: "\nidle-connections 1\n" in p.tool("queue", "stats").stdout, what="one to wait")
            wait_until(lambda: verbs(sink, "quit")[0] == sink.connections - 1, what="the others to say QUIT")
            assert gauge.most > 1


def lifetime_of_notices():
    with Sink(rcpt=lambda c, a, n: "451 4.2.2 full") as sink:
        with relay(f"remote.test 127.0.0.1:{sink.port}\n", outbound="bounce_lifetime = 2s\n", fail_intervals="1s*1000") as p:
            submit(p, sender="")
            submit(p)
            p.wait_log("given up after")
            wait_until(lambda: len(p.spool_ids()) == 1, what="the one with a sender to stay")
            assert not p.maildir()


run_cases(domains_of_one_site, rates, one_address_of_many_sites, one_source_of_ours, split_by_rule, suspended, suspended_for_long, retried_when_told, always_split,
          kept_connections, lifetime_of_notices)
