#!/usr/bin/env python3
# timeout: 300
"""Which server is chosen, by the answers of a real name server (nsd): every kind of MX there is, and what is no answer."""
import os, re, signal, socket, sys
from outbound import empty, relay, submit
from peers import Nsd
from postrider import run_cases, wait_until
from sink import Sink

ZONE = """
up A 127.0.0.1
two A 127.0.0.2
three A 127.0.0.3
down A 127.0.0.9
six AAAA ::1
several MX 10 down
several MX 20 two
several MX 30 up
equal MX 10 two
equal MX 10 three
equal MX 20 up
implicit A 127.0.0.1
alias CNAME several
mxalias MX 10 other
other CNAME up
mxnone MX 10 nothing
mxnone MX 20 up
nothing TXT "x"
wild.many TXT "x"
*.wild MX 5 up
null MX 0 .
only6 MX 10 six
implicit6 AAAA ::1
me MX 10 mx.local.test.
me MX 20 up
behindme MX 10 up
behindme MX 20 mx.local.test.
behindme MX 20 two
behindme MX 30 three
badtarget MX 10 gone
lame NS ns.elsewhere
ns.elsewhere A 127.0.0.1
chain1 CNAME chain2
chain2 CNAME implicit
around1 CNAME around2
around2 CNAME around1
""" + "".join(f"big MX {20 + n} host-with-a-rather-long-name-{n:03}\nhost-with-a-rather-long-name-{n:03} A 127.0.0.9\n" for n in range(90)) + "big MX 5 up\n"


def resolver(nsd, more=""):
    return f'resolver {{ forwarders = {{ "{nsd.forwarder}" }}\n{more}}}\n'


def delivered():
    """Where mail goes, and in what order hosts are tried."""
    cases = {"several": "two", "alias": "two", "implicit": "implicit", "mxalias": "other", "mxnone": "up", "a.b.wild": "up", "behindme": "up",
             "chain1": "chain1", "big": "up"}
    with Nsd({"test": ZONE}) as nsd, Sink() as one, Sink(host="127.0.0.2", port=one.port), Sink(host="127.0.0.3", port=one.port):
        with relay(conf=resolver(nsd), outbound=f"port = {one.port}\npool_timeout = 0\n") as p:
            for name, host in cases.items():
                submit(p, f"x@{name}.test")
                p.wait_log(rf"status=sent .*to=x@{name}\.test host={host}\.test ", timeout=40)
            empty(p)


def equal_preference():
    """Hosts of the same preference share the work; the worse one has none of it."""
    with Nsd({"test": ZONE}) as nsd, Sink() as one, Sink(host="127.0.0.2", port=one.port) as two, Sink(host="127.0.0.3", port=one.port) as three:
        with relay(conf=resolver(nsd), outbound=f"port = {one.port}\npool_timeout = 0\n") as p:
            for n in range(24):
                submit(p, f"x{n}@equal.test")
            empty(p, 60)
            assert len(two.messages) + len(three.messages) == 24 and two.messages and three.messages and not one.messages


def ipv6_only():
    if not socket.has_ipv6:
        print("skip ipv6_only: there is no IPv6 here")
        return
    with Nsd({"test": ZONE}) as nsd, Sink(host="::1") as sink:
        for prefer in ("default", "v4", "v6"):
            with relay(conf=resolver(nsd), outbound=f"port = {sink.port}\ninet_prefer = {prefer}\n") as p:
                submit(p, "x@only6.test")
                submit(p, "x@implicit6.test")
                p.wait_log(r"status=sent .*host=six\.test ip=::1")
                p.wait_log(r"status=sent .*host=implicit6\.test ip=::1")
                empty(p)


def returned():
    """What no mail can go to, and why."""
    cases = {"null.test": r"5\.1\.10", "gone.test": r"5\.1\.2", "nothing.test": r"5\.1\.2", "me.test": r"5\.4\.6", "badtarget.test": r"5\.4\.4"}
    with Nsd({"test": ZONE}) as nsd, relay(conf=resolver(nsd)) as p:
        for count, (domain, status) in enumerate(cases.items(), 1):
            submit(p, f"x@{domain}")
            p.wait_log(rf"status=bounced .*to=x@{re.escape(domain)} .*dsn={status}", timeout=40)
            p.wait_mail(count)
        empty(p)


def put_off():
    """A server that does not know what it should, names that lead in a circle, answers that are forged (DNSSEC): never a reason to
    return mail, nor to send it to what else has that name."""
    with Nsd({"test": ZONE, "signed.example": "@ MX 10 up.test.\n@ A 127.0.0.1\n"}) as nsd, Sink() as sink:
        (nsd.dir / "anchor").write_text("signed.example. IN DS 12345 13 2 " + "ab" * 32 + "\n")
        with relay(conf=resolver(nsd, f'trust_anchor = "{nsd.dir}/anchor"\n'), outbound=f"port = {sink.port}\n") as p:
            for domain in ("lame.test", "around1.test", "signed.example"):
                submit(p, f"x@{domain}")
                p.wait_log(rf"status=deferred .*to=x@{re.escape(domain)} .*dsn=4\.4\.3", timeout=60)
            assert not sink.messages and "status=bounced" not in p.log()


def literals_and_local_addresses():
    """Without local_mx_ok neither an address nor a name leads here."""
    with Nsd({"test": ZONE}) as nsd, Sink() as sink:
        with relay(conf=resolver(nsd), outbound=f"port = {sink.port}\n", local_mx=False) as p:
            for domain in ("[127.0.0.1]", "[IPv6:::1]", "[10.1.2.3]", "implicit.test", "several.test", "only6.test"):
                submit(p, f"x@{domain}", sender="")
                p.wait_log(rf"status=bounced .*to=x@{re.escape(domain)} .*local address")
            empty(p)
            assert sink.connections == 0


def changed():
    """A zone that is changed: after a flush the new host gets what waits, though the old answer would live for an hour."""
    with Nsd({"test": "moving MX 10 down\ndown A 127.0.0.9\nup A 127.0.0.1\n"}) as nsd, Sink() as sink:
        with relay(conf=resolver(nsd), outbound=f"port = {sink.port}\n", fail_intervals="1h*9") as p:
            submit(p, "x@moving.test")
            p.wait_log("status=deferred")
            nsd.write("test", "moving MX 10 up\ndown A 127.0.0.9\nup A 127.0.0.1\n", serial=2)
            os.kill(nsd.process.pid, signal.SIGHUP)
            wait_until(lambda: sink.messages or p.tool("queue", "flush").returncode, 30, "the new host to be found")
            empty(p)


if Nsd.why_not():
    print(f"skipped: {Nsd.why_not()}")
    sys.exit(77)
run_cases(delivered, equal_preference, ipv6_only, returned, put_off, literals_and_local_addresses, changed)
