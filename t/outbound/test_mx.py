#!/usr/bin/env python3
"""Which server is chosen: MX order, implicit MX, null MX, loops, local addresses, DNS that fails, dead hosts."""
import re, socket
from dnsserver import SERVFAIL, DnsServer
from outbound import empty, relay, submit
from postrider import run_cases, wait_until
from sink import Sink


def resolver(dns):
    return f'resolver {{ forwarders = {{ "{dns.forwarder}" }} }}\n'


def preference_and_fallback():
    """The best one is down, the second says 421, the third takes it; and the next message does not ask the dead one first."""
    with DnsServer({"remote.test": [("MX", 30, "c.test"), ("MX", 10, "a.test"), ("MX", 20, "b.test")],
                    "a.test": [("A", "127.0.0.9")], "b.test": [("A", "127.0.0.8")], "c.test": [("A", "127.0.0.1")]}) as dns, Sink() as good:
        with Sink(host="127.0.0.8", port=good.port, greeting=lambda c, a, n: "421 4.3.2 busy") as busy:
            with relay(conf=resolver(dns), outbound=f"port = {good.port}\npool_timeout = 0\n") as p:
                submit(p)
                assert good.wait()[0].recipients == ["bob@remote.test"]
                submit(p)
                good.wait(2)
                assert busy.connections == 1, "the busy host was asked again at once"
                empty(p)
                p.wait_log(r"status=sent.*host=c\.test ip=127\.0\.0\.1")


def implicit_and_ipv6():
    with DnsServer({"remote.test": [("A", "127.0.0.1")]}) as dns, Sink() as sink:
        with relay(conf=resolver(dns), outbound=f"port = {sink.port}\n") as p:
            submit(p)
            submit(p, "x@[127.0.0.1]")
            sink.wait(2)
            empty(p)
    if not socket.has_ipv6:
        return
    with DnsServer({"remote.test": [("AAAA", "::1"), ("A", "127.0.0.9")]}) as dns, Sink(host="::1") as sink:
        with relay(conf=resolver(dns), outbound=f"port = {sink.port}\n") as p:
            submit(p)
            sink.wait()
            empty(p)


def refused_for_good():
    zone = {"null.test": [("MX", 0, "")], "empty.test": [("TXT", "x")], "loop.test": [("MX", 10, "mx.local.test"), ("MX", 20, "worse.test")],
            "worse.test": [("A", "127.0.0.1")], "noaddr.test": [("MX", 10, "empty.test")]}
    want = {"null.test": r"5\.1\.10", "empty.test": r"5\.1\.2", "nowhere.test": r"5\.1\.2", "loop.test": r"5\.4\.6", "noaddr.test": r"5\.4\.4"}
    with DnsServer(zone) as dns, relay(conf=resolver(dns)) as p:
        for count, (domain, status) in enumerate(want.items(), 1):
            submit(p, f"x@{domain}")
            p.wait_log(rf"status=bounced.*to=x@{domain}.*dsn={status}")
            p.wait_mail(count)
        empty(p)
        assert all(b"Status: 5." in m for m in p.maildir())


def local_addresses():
    """local_mx_ok = false: what DNS says of local addresses is not believed, what a route says is."""
    zone = {"loop.test": [("MX", 10, "l.test")], "l.test": [("A", "127.0.0.1")], "zero.test": [("A", "0.0.0.0")],
            "private.test": [("A", "10.0.0.1"), ("A", "192.168.1.1")], "mapped.test": [("AAAA", "::ffff:127.0.0.1")], "six.test": [("AAAA", "::1")]}
    with Sink() as sink, DnsServer(zone) as dns:
        with relay(f"routed.test 127.0.0.1:{sink.port}\n", conf=resolver(dns), outbound=f"port = {sink.port}\n", local_mx=False) as p:
            for domain in ("loop.test", "zero.test", "private.test", "mapped.test", "six.test", "[127.0.0.1]", "[IPv6:::1]"):
                submit(p, f"x@{domain}", sender="")
                p.wait_log(rf"status=bounced .*to=x@{re.escape(domain)} .*local address")
            submit(p, "x@routed.test")
            assert [m.recipients for m in sink.wait()] == [["x@routed.test"]]
            empty(p)
            assert len(sink.messages) == 1


def dns_trouble():
    """SERVFAIL defers; the answer comes back and the mail goes."""
    with DnsServer({"remote.test": SERVFAIL}) as dns, Sink() as sink:
        with relay(conf=resolver(dns), outbound=f"port = {sink.port}\n", fail_intervals="1s*60") as p:
            submit(p)
            p.wait_log(r"status=deferred.*dsn=4\.4\.3")
            dns.zone["remote.test"] = [("A", "127.0.0.1")]
            sink.wait(timeout=60)
            empty(p)


def dead_destination():
    """After some failures in a row the rest is deferred without an attempt, and a flush forgets that it was dead."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with relay(f"remote.test 127.0.0.1:{port}\n", outbound="dead_host_time = 1h\n", fail_intervals="1s*1000") as p:
            submit(p)
            p.wait_log("status=deferred", timeout=60, count=5)
            wait_until(lambda: len(p.spool_ids("later")) == 1, what="one deferred")
            ident = submit(p)
            wait_until(lambda: ident in p.spool_ids("later"), 30, "the second to be deferred at once")
            closed.close()
            with Sink(port=port) as sink:
                p.tool("queue", "flush", check=True)
                sink.wait(2, timeout=30)
                empty(p)


def flush_of_a_site():
    """What is for the domains of one site is tried, the rest is not; also when a message has recipients at several."""
    later = [True]
    zone = {d: [("MX", 10, "mx.shared.test")] for d in ("a.test", "b.test")} | {"c.test": [("MX", 10, "mx.c.test")]}
    zone |= {"mx.shared.test": [("A", "127.0.0.1")], "mx.c.test": [("A", "127.0.0.2")]}
    with DnsServer(zone) as dns, Sink(host="0.0.0.0", rcpt=lambda c, a, n: "451 4.7.1 later" if later[0] else None) as sink:
        with relay(conf=resolver(dns), outbound=f"port = {sink.port}\n", fail_intervals="1h") as p:
            a, b, c = (submit(p, f"x@{d}.test") for d in "abc")
            mixed = submit(p, ["y@b.test", "y@c.test"])
            wait_until(lambda: p.spool_ids("later") == sorted([a, b, c, mixed]) and p.log().count("status=deferred") == 5, what="all to be deferred")
            later[0] = False
            said = p.tool("queue", "flush", "--site", "mx.shared.test", check=True).stdout
            assert "2 deferred messages" in said and "1 others" in said, said
            wait_until(lambda: p.spool_ids() == [c], what="only the other one to stay")
            assert p.tool("queue", "flush", "--domain", "c.test", check=True).stdout.startswith("1 deferred")
            empty(p)
            assert p.tool("queue", "flush", "--domain", "c.test", "--site", "x").returncode == 2


def flush_forgets_names():
    """An answer that would live for a day is not believed any more."""
    zone = {"remote.test": [("A", "127.0.0.9")]}
    with DnsServer(zone, ttl=86400) as dns, Sink() as sink:
        with relay(conf=resolver(dns), outbound=f"port = {sink.port}\n", fail_intervals="1h") as p:
            one = submit(p)
            wait_until(lambda: p.spool_ids("later") == [one], what="it to be deferred")
            dns.zone["remote.test"] = [("A", "127.0.0.1")]
            p.tool("queue", "flush", "--domain", "remote.test", check=True)
            sink.wait()
            empty(p)


run_cases(preference_and_fallback, implicit_and_ipv6, refused_for_good, local_addresses, dns_trouble, dead_destination,
          flush_of_a_site, flush_forgets_names)
