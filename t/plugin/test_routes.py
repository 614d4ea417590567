#!/usr/bin/env python3
"""The plugin routes: routes win over MX and over the mailboxes, "*" does not take our own mail."""
from postrider import Instance, run_cases, wait_until
from dnsserver import DnsServer
from sink import Sink
from building import greeted, load_error, message

PLUGINS = "relay\nrcpt_ok\nroutes\nqueue/maildir {mail}/%d/%u\n"


def arrives(sink, count, recipients):
    got = sink.wait(count)
    assert sorted(r for m in got for r in m.recipients) == sorted(recipients), [m.recipients for m in got]


def instance(routes):
    return Instance(plugins=PLUGINS, files={"routes": routes, "relayclients": "127.0.0.2\n", "rcpthosts": "local.test\nrouted.test\n"},
                    listen=("smtp",), auth=False, cert=False)


def next_hops():
    with Sink() as one, Sink() as two, Sink() as rest:
        with instance(f"remote.test 127.0.0.1:{one.port}\n.remote.test 127.0.0.1:{two.port}\n* 127.0.0.1:{rest.port}\n") as p:
            with greeted(p, "127.0.0.2") as c:
                assert message(c, "X: y\n\nz", "a@b.test", "x@remote.test").startswith("250")
                assert message(c, "X: y\n\nz", "a@b.test", "x@sub.Remote.test").startswith("250")
                assert message(c, "X: y\n\nz", "a@b.test", "x@elsewhere.test").startswith("250")
                assert message(c, "X: y\n\nz", "a@b.test", "alice@local.test").startswith("250")
            arrives(one, 1, ["x@remote.test"])
            arrives(two, 1, ["x@sub.Remote.test"])
            arrives(rest, 1, ["x@elsewhere.test"])
            p.wait_mail()
            wait_until(lambda: not p.spool_ids(), what="an empty spool")
            assert len(rest.messages) == 1


def one_of_ours():
    """A domain of ours with a route is accepted from strangers, and goes there; the others stay."""
    with Sink() as sink, instance(f"routed.test 127.0.0.1:{sink.port}\n") as p:
        with greeted(p) as c:
            assert message(c, "X: y\n\nz", "a@b.test", "x@routed.test").startswith("250")
            assert message(c, "X: y\n\nz", "a@b.test", "alice@local.test").startswith("250")
            assert message(c, "X: both\n\nz", "a@b.test", "x@routed.test", "alice@local.test").startswith("250")
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<x@elsewhere.test>", 550)
        arrives(sink, 2, ["x@routed.test", "x@routed.test"])
        p.wait_mail(2)
        wait_until(lambda: not p.spool_ids(), what="an empty spool")
        assert not p.maildir("x", "routed.test")


def by_address():
    """One address of a domain goes elsewhere; of ours, too. The case of letters means nothing."""
    with Sink() as one, Sink() as rest:
        with instance(f"Boss@Remote.test 127.0.0.1:{one.port}\nalice@local.test 127.0.0.1:{one.port}\nremote.test:127.0.0.1:{rest.port}\n") as p:
            with greeted(p, "127.0.0.2") as c:
                assert message(c, "X: y\n\nz", "a@b.test", "boss@remote.test", "other@remote.test", "BOSS@remote.test").startswith("250")
            arrives(one, 1, ["boss@remote.test", "BOSS@remote.test"])
            arrives(rest, 1, ["other@remote.test"])
            with greeted(p) as c:
                assert message(c, "X: y\n\nz", "a@b.test", "alice@local.test", "bob@local.test").startswith("250")
            arrives(one, 2, ["boss@remote.test", "BOSS@remote.test", "alice@local.test"])
            p.wait_mail(user="bob")
            wait_until(lambda: not p.spool_ids(), what="an empty spool")
            assert not p.maildir("alice")


def several_in_order():
    """Lower priorities first; the next one when the first cannot be reached."""
    with Sink() as one, Sink(greeting=lambda c, a, n: "421 4.3.2 busy") as busy:
        with instance(f"remote.test 127.0.0.1:{one.port} priority=20\nremote.test 127.0.0.1:{busy.port} priority=10\n") as p:
            with greeted(p, "127.0.0.2") as c:
                assert message(c, "X: y\n\nz", "a@b.test", "x@remote.test").startswith("250")
            arrives(one, 1, ["x@remote.test"])
            assert busy.connections == 1


def by_mx():
    """"mx" is the way around "*", and options hold for it, too."""
    zone = {"plain.test": [("MX", 10, "mx.plain.test")], "mx.plain.test": [("A", "127.0.0.1")]}
    with Sink() as all, Sink() as mx, DnsServer(zone) as dns:
        with Instance(plugins=PLUGINS, files={"routes": f"* 127.0.0.1:{all.port}\nplain.test mx helo=other.local.test\n", "relayclients": "127.0.0.1\n"},
                      conf=f'resolver {{ forwarders = {{ "{dns.forwarder}" }} }}\n', outbound=f"port = {mx.port}\n", listen=("smtp",), auth=False, cert=False) as p:
            with greeted(p) as c:
                assert message(c, "X: y\n\nz", "a@b.test", "x@plain.test", "x@elsewhere.test").startswith("250")
            arrives(mx, 1, ["x@plain.test"])
            arrives(all, 1, ["x@elsewhere.test"])
            assert [e[2] for e in mx.log if e[1] == "ehlo"] == ["other.local.test"] and [e[2] for e in all.log if e[1] == "ehlo"] == ["mx.local.test"]


def load_errors():
    for line in ("remote.test", "remote.test 127.0.0.1:", "remote.test 127.0.0.1:x", "remote.test 127.0.0.1:99999", "re/mote host:25", "a@b@c host:25",
                 "remote.test host tls=maybe", "remote.test host priority=x", "remote.test host priority=70000", "remote.test host colour=red",
                 "remote.test host auth=nobody", "remote.test host bind=x", "remote.test host helo=a/b", "remote.test lmtp:unix:x",
                 "remote.test host auth=smart auth_type=NTLM", ":host", "* mx\n* host:25"):
        load_error("routes\n", "routes:2", {"routes": f"good.test host:25\n{line}\n", "routes_auth": SECRET}, modes={"routes_auth": 0o600})
    for line in ("name", "name user", "smart user password", "name " + "u" * 256 + " password"):
        told = load_error("routes\n", "routes_auth:2", {"routes": "", "routes_auth": f"{SECRET}{line}\n"}, modes={"routes_auth": 0o600})
        assert "password\"" not in told and "secret" not in told, told
    for mode in (0o644, 0o604, 0o620):
        load_error("routes\n", "expected one that gives others nothing", {"routes": "", "routes_auth": SECRET}, modes={"routes_auth": mode})
    load_error("routes here\n", 'found the argument "here"')


SECRET = "smart user very-secret-password\n"

run_cases(next_hops, one_of_ours, by_address, several_in_order, by_mx, load_errors)
