#!/usr/bin/env python3
"""The hooks of outbound mail: what they are told, and what comes of their answers."""
import re
import pathlib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "plugin"))
from building import plugin_dir
from postrider import run_cases, wait_until
from outbound import empty, relay, submit
from sink import Sink, server_tls


def route(sink, more=""):
    return f"remote.test 127.0.0.1:{sink.port}{more}\n"


def with_plugin(routes, line, **arguments):
    """A relay whose first plugin is that of LINE, from t/plugin/sources."""
    p = relay(routes, start=False, **arguments)
    plugin_dir(p.dir / "plugins", line.split()[0])
    p.write("plugins", line + "\n" + p.read("plugins"))
    p.write("postrider.conf", p.read("postrider.conf").replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
    try:
        p.start()
    except AssertionError:
        p.close()
        raise
    return p


def facts():
    """Each hook has what Haraka's has."""
    answers = {"later@remote.test": "451 4.2.0 later", "never@remote.test": "550 5.1.1 nobody"}
    with Sink(tls=server_tls(), rcpt=lambda c, a, n: answers.get(a[4:].split(">")[0])) as sink:
        with with_plugin(route(sink), "courier", outbound="max_temp_failures = 1\nenable_tls = true") as p:
            ident = submit(p, ["yes@remote.test", "later@remote.test", "never@remote.test"])
            empty(p)
            log = p.log()
            where = re.search(rf"{ident} at send_email: path=(\S+) readable=1 queued=(\d+) origin=(\S+) note=\[before\]", log)
            assert where and where[1].startswith(str(p.spool)) and where[1].endswith(ident), log
            assert re.search(rf"\] {re.escape(where[3])} .*accepted .*queue={ident}", log) or f"{where[3]} accepted" in log, log
            assert f"at delivered: to=yes@remote.test domain=remote.test failures=0 delay=0 response=[250 " in log
            assert f"host=127.0.0.1 ip=127.0.0.1 port={sink.port}" in log, log
            assert re.search(r"delivery: tls=\[TLS1\.3 \S+\] authenticated=0 lmtp=0 time=1", log), log
            for line in ("yes@remote.test delivered: 250", "later@remote.test deferred: 451 4.2.0 later", "never@remote.test bounced: 550 5.1.1"):
                assert f"attempt {line}" in log, log
            assert re.search(r"at deferred: to=later@remote\.test domain=remote\.test failures=1 delay=[12] response=\[451 4\.2\.0 later\] "
                             rf"host=127\.0\.0\.1 ip=127\.0\.0\.1 port={sink.port}", log), log
            assert "at bounce: to=never@remote.test domain=remote.test failures=1 delay=0 response=[550 5.1.1 nobody]" in log
            assert "at bounce: to=later@remote.test(expired) domain=remote.test failures=2 delay=0 response=[451 4.2.0 later]" in log
            assert "bounced never@remote.test: 550 5.1.1 nobody" in log


def before_the_queue():
    """pre_send_trans_email: accepted messages, those of plugins, and notices; it may add a field, a note, and say no."""
    with Sink(rcpt=lambda c, a, n: "550 5.1.1 nobody" if "never" in a else None) as sink, with_plugin(route(sink), "courier") as p:
        submit(p, "tell@remote.test")
        got = {m.recipients[0]: m.data for m in sink.wait(2)}
        for data in got.values():
            assert data.count(b"X-Courier: seen\r\n") == 1, data
        assert b"X-Courier: seen\r\nReceived: by mx.local.test (postrider) id " in got["told@remote.test"], got
        assert b"\r\nSubject: told\r\n\r\nit is there\r\n" in got["told@remote.test"], got
        submit(p, "never@remote.test")
        notice = p.wait_mail()[0]
        assert notice.count(b"X-Courier: seen") == 2 and b"Undelivered mail" in notice, notice     # and that of the message in it
        submit(p, "nosend@remote.test")
        p.wait_log("message not queued: refused by a plugin: not this one")
        p.wait_log("not sent")
        empty(p)
        log = p.log()
        for who in (r"from=\[alice@local\.test\] to=tell@remote\.test subject=\[test\]", r"from=\[teller@local\.test\] to=told@remote\.test subject=\[told\]",
                    r"from=\[\] to=alice@local\.test subject=\[Undelivered mail: failure notice\]"):
            assert re.search(rf"at pre_send_trans_email: id=\w+ {who} whole=1", log), (who, log)
        assert "no message can be sent in pre_send_trans_email" in log and "sent from there" not in log
        assert len(sink.wait(3)) == 3


def refused_at_the_door():
    """In a session it is the last that can refuse."""
    with Sink() as sink, with_plugin(route(sink), "courier") as p:
        with p.raw() as c:
            c.expect(None, 220)
            c.expect("EHLO x.test", 250)
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<x@remote.test>", 250)
            c.expect("DATA", 354)
            c.send("Subject: refuse\r\n\r\n.\r\n")
            assert c.reply() == ["554 5.7.1 not this one"]
            c.expect("QUIT", 221)
        assert not p.spool_ids()


def notes_last():
    """A note that is set in one hook is there in the next, and after a restart."""
    with Sink(rcpt=lambda c, a, n: "451 4.2.0 later" if n == 0 else None) as sink:
        with with_plugin(route(sink), "courier", fail_intervals="2s*5") as p:
            submit(p, "noted@remote.test")
            p.wait_log("status=deferred")
            p.wait_log("note=.before")
            p.kill_role("queue-runner")
            sink.wait()
            empty(p)
            assert "note=[was here]" in p.log()


run_cases(facts, before_the_queue, refused_at_the_door, notes_last)
