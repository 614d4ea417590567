#!/usr/bin/env python3
"""The plugin routes: routes win over MX and over the mailboxes, "*" does not take our own mail."""
from postrider import Instance, run_cases, wait_until
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


def load_errors():
    for line in ("remote.test", "remote.test 127.0.0.1:", "remote.test 127.0.0.1:x", "remote.test 127.0.0.1:99999", "re/mote host:25", "* host:25\n* other:25"):
        load_error("routes\n", f"routes:{3 if chr(10) in line else 2}", {"routes": f"good.test host:25\n{line}\n"})
    load_error("routes here\n", 'found the argument "here"')


run_cases(next_hops, one_of_ours, load_errors)
