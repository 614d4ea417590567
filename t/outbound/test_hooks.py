#!/usr/bin/env python3
"""The hooks of outbound mail: what they are told, and what comes of their answers."""
import os, re, signal, time
from dnsserver import DROP, DnsServer
from postrider import run_cases, wait_until
from outbound import empty, relay, submit, with_plugin
from sink import Sink, server_tls


def route(sink, more=""):
    return f"remote.test 127.0.0.1:{sink.port}{more}\n"


def facts(outbound=""):
    """Each hook has what Haraka's has."""
    answers = {"later@remote.test": "451 4.2.0 later", "never@remote.test": "550 5.1.1 nobody"}
    with Sink(tls=server_tls(), rcpt=lambda c, a, n: answers.get(a[4:].split(">")[0])) as sink:
        with with_plugin(route(sink), "courier", outbound="max_temp_failures = 1\nenable_tls = true\n" + outbound) as p:
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


def facts_elsewhere():
    """A plugin that is asked in a helper process is told the same, and what it sets counts."""
    facts('helper_plugins = "courier"\nhelpers = 1\n')
    notes_last('helper_plugins = { "courier" }\n')


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


def notes_last(outbound=""):
    """A note that is set in one hook is there in the next, and after a restart."""
    with Sink(rcpt=lambda c, a, n: "451 4.2.0 later" if n == 0 else None) as sink:
        with with_plugin(route(sink), "courier", fail_intervals="2s*5", outbound=outbound) as p:
            submit(p, "noted@remote.test")
            p.wait_log("status=deferred")
            p.wait_log("note=.before")
            p.kill_role("queue-runner")
            sink.wait()
            empty(p)
            assert "note=[was here]" in p.log()


def resolver(dns):
    return f'resolver {{ forwarders = {{ "{dns.forwarder}" }} }}\n'


ALL = "laggard at send_email at get_mx at deferred at bounce at delivered"


def later():
    """Every hook can answer later, from DNS, the store or at once; what it sets then counts."""
    with Sink(rcpt=lambda c, a, n: "451 4.2.0 later" if "busy" in a else "550 5.1.1 nobody" if "no@" in a else None) as sink:
        zone = {"get_mx.policy.test": [("TXT", f"OK 127.0.0.1:{sink.port}")], "send_email.policy.test": [("TXT", "OK")],
                "deferred.policy.test": [("TXT", "DENYSOFT 4000")], "bounce.policy.test": [("TXT", "OK")],
                "delivered.policy.test": [("TXT", "DENY")]}
        with DnsServer(zone) as dns, with_plugin(f"* 127.0.0.1:{sink.port}\n", ALL, conf=resolver(dns), fail_intervals="1s*9") as p:
            for who in ("dns", "store", "now"):
                submit(p, f"{who}@remote.test")
            sink.wait(3)
            empty(p)
            for line in ("answers OK for dns@remote.test", "the store says 0 ", "answers DECLINED for now@remote.test", "answers DENY for dns@remote.test"):
                assert line in p.log(), (line, p.log())
            # recipients whose plugins answer later still share a delivery
            submit(p, ["dns1@remote.test", "store2@remote.test", "plain@remote.test"])
            assert sorted(sink.wait(4)[3].recipients) == ["dns1@remote.test", "plain@remote.test", "store2@remote.test"]
            empty(p)
            submit(p, "dnsno@remote.test")
            p.wait_log("answers OK for dnsno@remote.test", count=3)
            empty(p)
            assert not p.maildir(), "a notice that the plugin did not want"
            ident = submit(p, "dnsbusy@remote.test")
            p.wait_log("answers DENYSOFT for dnsbusy")
            wait_until(lambda: p.spool_ids("later") == [ident], what="it to be deferred")
            out = p.tool("queue", "list").stdout
            assert ident in out, out
            left = next(p.spool.glob(f"later/*/{ident}")).stat().st_mtime - time.time()
            assert 3900 < left < 4010, left
            # dropped
            dns.zone["deferred.policy.test"] = [("TXT", "OK")]
            p.tool("queue", "flush", check=True)
            p.wait_log("dropped by a plugin")
            empty(p)


def later_refuses():
    """DENY, DELAY and a value that is no verdict, later."""
    with Sink() as sink:
        zone = {"send_email.policy.test": [("TXT", "DENY")], "get_mx.policy.test": [("TXT", "nonsense")]}
        with DnsServer(zone) as dns, with_plugin(route(sink), "laggard at send_email", conf=resolver(dns)) as p:
            submit(p, "dns@remote.test")
            assert b"so says the policy" in p.wait_mail()[0]
            dns.zone["send_email.policy.test"] = [("TXT", "DELAY 2")]
            p.tool("queue", "flush", check=True)    # which forgets what DNS has said
            start = time.monotonic()
            submit(p, "dns@remote.test")
            p.wait_log("put off by a plugin")
            dns.zone["send_email.policy.test"] = [("TXT", "OK")]
            sink.wait()
            assert time.monotonic() - start > 1
            empty(p)
            dns.zone["send_email.policy.test"] = [("TXT", "LATER")]
            p.tool("queue", "flush", check=True)
            submit(p, "dns@remote.test")
            p.wait_log("bad verdict 8 at send_email; taken as DENYSOFT")
            dns.zone["send_email.policy.test"] = [("TXT", "OK")]
            sink.wait(2)
            empty(p)


def overdue():
    """One that never answers: DENYSOFT when its time is over, others go on meanwhile; nothing that it has set counts."""
    with Sink() as sink:
        for hook, want in (("get_mx", "a plugin found no route"), ("send_email", "put off by a plugin")):
            with with_plugin(route(sink), f"laggard at {hook}", fail_intervals="1h") as p:
                ident = submit(p, "never@remote.test")
                submit(p, "other@remote.test")
                submit(p, "twice@remote.test")
                submit(p, "none@remote.test")
                sink.wait()
                p.wait_log(rf"{ident} plugin laggard has not answered at {hook} in time; taken as DENYSOFT")
                p.wait_log(rf"{ident} .*status=deferred.*{want}")
                p.wait_log(f"said LATER at {hook} without pr_later")
                p.wait_log(f"bad verdict 8 at {hook}")
                wait_until(lambda: len(p.spool_ids("later")) == 3, what="the three to be deferred")
                left = next(p.spool.glob(f"later/*/{ident}")).stat().st_mtime - time.time()
                assert 3000 < left < 5000, left
                assert re.search(r"hooks_overdue\D+1\b", p.tool("metrics").stdout), p.tool("metrics").stdout
            sink.messages.clear()
        with with_plugin(route(sink), "laggard at deferred at bounce at delivered", fail_intervals="1h") as p:
            sink.handlers["rcpt"] = lambda c, a, n: "451 4.2.0 later" if "busy" in a else "550 5.1.1 nobody" if "no@" in a else None
            submit(p, "never@remote.test")
            submit(p, "neverno@remote.test")
            ident = submit(p, "neverbusy@remote.test")
            p.wait_log("has not answered at delivered")
            p.wait_log("has not answered at bounce")
            p.wait_log("has not answered at deferred")
            assert b"nobody" in p.wait_mail()[0]
            wait_until(lambda: p.spool_ids() == [ident], what="the deferred one to be left")
            left = next(p.spool.glob(f"later/*/{ident}")).stat().st_mtime - time.time()
            assert 3000 < left < 5000, left


def meanwhile():
    """A message that waits for a plugin is removed, held, bounced; the runner is killed, reloaded and stopped: nothing is lost."""
    with Sink() as sink, DnsServer({"get_mx.policy.test": DROP, "delivered.policy.test": DROP}) as dns:
        line = "laggard at get_mx at delivered"
        with with_plugin(route(sink), line, conf=resolver(dns), outbound="hook_timeout = 1h\n") as p:
            ids = [submit(p, f"dns{i}@remote.test") for i in range(4)]
            p.wait_log(r"asked at get_mx for dns3@")
            p.tool("queue", "remove", ids[0], check=True)
            p.tool("queue", "hold", ids[1], check=True)
            p.tool("queue", "bounce", ids[2], check=True)
            wait_until(lambda: set(p.spool_ids()) == {ids[1], ids[3]} and p.spool_ids("hold") == [ids[1]], what="one held and one waiting")
            p.wait_mail()
            p.kill_role("queue-runner")
            p.wait_log(r"asked at get_mx for dns3@", count=2)
            p.reload()
            p.wait_log(r"asked at get_mx for dns3@", count=3)
            assert set(p.spool_ids()) == {ids[1], ids[3]}
            p.stop()
            assert set(p.spool_ids()) == {ids[1], ids[3]}
            p.write("plugins", p.read("plugins").replace(line, "laggard at delivered"))
            p.start()
            sink.wait()
            p.wait_log("asked at delivered for dns3@")
            start = time.monotonic()
            p.stop()    # the delivery is on disk; its hook is not waited for
            assert time.monotonic() - start < 20
            p.start()
            wait_until(lambda: p.spool_ids() == [ids[1]], what="the delivered one to be gone")
            assert len(sink.messages) == 1, "delivered twice"
            p.tool("queue", "release", ids[1], check=True)
            sink.wait(2)


def blocking():
    """One that blocks is named and counted; one that hangs is cut short, named, and its message set aside the second time."""
    with Sink() as sink, with_plugin(route(sink), "laggard at send_email", conf="plugin_timeout = 1s\n") as p:
        submit(p, "block@remote.test")
        sink.wait()
        p.wait_log(r"plugin laggard kept the queue-runner from its work for 3\d\d ms at send_email")
        assert re.search(r"hooks_slow\D+1\b", p.tool("metrics").stdout), p.tool("metrics").stdout
        hang = submit(p, "hang@remote.test")
        submit(p, "other@remote.test")
        p.wait_log(rf"{hang} the queue-runner died while it worked on this message plugin=laggard hook=send_email", timeout=30)
        wait_until(lambda: p.spool_ids("bad") == [hang], 60, "it to be set aside")
        sink.wait(2)
    with Sink() as sink, with_plugin(route(sink), "laggard at send_email", outbound="hook_blocking_warn = 0\n") as p:
        submit(p, "block@remote.test")
        sink.wait()
        assert "from its work" not in p.log()


def pondering():
    """Plugins that block, in helper processes: several at once, and everything else goes on."""
    reply = lambda c, a, n: "451 4.2.0 later" if "busy" in a else "550 5.1.1 nobody" if "quiet" in a else None
    with Sink(rcpt=reply) as sink, DnsServer({"remote.test.routes.test": [("TXT", f"127.0.0.1:{sink.port}")]}) as dns:
        with with_plugin("", "ponderer", conf=resolver(dns), outbound="helpers = 3\n") as p:
            for i in range(6):
                submit(p, f"r{i}@remote.test")
            sink.wait(6)
            assert [e for e in sink.log if e[1] == "ehlo" and "from.local.test" in e[2]], sink.log
            empty(p)
            pids = set(re.findall(r"ponders in (\d+) ", p.log()))
            assert 1 < len(pids) <= 3 and not set(map(str, p.pids("queue-runner"))) & pids - set(map(str, p.pids("helper"))), pids
            assert sorted(re.findall(r"the store says 0 (\d+)", p.log())) == list("123456"), p.log()
            assert "from its work" not in p.log()
            submit(p, "x@nowhere.test")
            assert b"no way to nowhere.test" in p.wait_mail()[0]
            submit(p, "quiet@remote.test")
            busy = submit(p, "busy@remote.test")
            submit(p, "wait@remote.test")
            sink.wait(7)
            wait_until(lambda: p.spool_ids() == [busy], what="the deferred one to be left")
            left = next(p.spool.glob(f"later/*/{busy}")).stat().st_mtime - time.time()
            assert 2900 < left < 3010, left
            assert len(p.maildir()) == 1, "a notice that the plugin did not want"
            p.tool("queue", "remove", busy, check=True)


def pondering_in_vain():
    """A helper process that crashes, hangs or is killed: its hook counts as DENYSOFT, and the next one is answered as ever."""
    with Sink() as sink, with_plugin(route(sink).replace("remote", "other"), "ponderer", fail_intervals="1h",
                                     outbound='helpers = 1\nhook_timeout = 2s\n') as p:
        for source in ("hang", "crash", "later"):
            ident = submit(p, f"{source}@other.test")
            p.wait_log(rf"{ident} .*status=deferred.*put off by a plugin")
        p.wait_log("plugin ponderer has not answered at send_email in time")
        p.wait_log("a helper process was killed, it took too long at send_email, ponderer")
        p.wait_log("a helper process has died at send_email, ponderer")
        p.wait_log("bad verdict 8 at send_email")
        submit(p, "fine@other.test")
        sink.wait()
        pid = p.pids("helper")[0]
        submit(p, "fine2@other.test")
        p.wait_log(f"ponders in {pid} over fine2")
        os.kill(pid, signal.SIGKILL)
        p.wait_log("a helper process has died at send_email, ponderer", count=2)
        wait_until(lambda: len(p.spool_ids("later")) == 4, what="four to be deferred")
        for name in p.spool_ids("later")[:3]:
            p.tool("queue", "remove", name, check=True)
        p.tool("queue", "flush", check=True)
        sink.wait(2)
        p.kill_role("queue-runner")
        wait_until(lambda: not p.pids("helper") or p.pids("queue-runner"), what="the helper to go with it")
        submit(p, "fine3@other.test")
        sink.wait(3)
        p.stop()
    p = relay(start=False, outbound='helper_plugins = "nobody"\n')
    with p:
        r = p.tool("check")
        assert r.returncode and 'helper_plugins: found "nobody", expected names of plugins' in r.stdout + r.stderr, r.stdout + r.stderr


def hanging_with_an_answer():
    """The same for one that hangs or dies when DNS has answered, after its hook has returned."""
    with Sink() as sink, DnsServer({"send_email.policy.test": [("TXT", "HANG")]}) as dns:
        with with_plugin(route(sink), "laggard at send_email", conf=resolver(dns) + "plugin_timeout = 1s\n") as p:
            hang = submit(p, "dns@remote.test")
            submit(p, "other@remote.test")
            p.wait_log(rf"{hang} the queue-runner died while it worked on this message plugin=laggard hook=send_email", timeout=30)
            wait_until(lambda: p.spool_ids() == p.spool_ids("bad") == [hang], 60, "it to be set aside, and the other delivered")
            sink.wait()


def hanging_with_a_notice():
    """The same before a notice is queued."""
    with Sink(rcpt=lambda c, a, n: "550 5.1.1 nobody" if "bob" in a else None) as sink:
        with with_plugin(route(sink), "laggard at pre_send_trans_email", conf="plugin_timeout = 1s\n") as p:
            hang = submit(p, sender="hang@local.test")
            submit(p, "other@remote.test")
            p.wait_log(f"{hang} the queue-runner died while it worked on this message", timeout=30)
            wait_until(lambda: p.spool_ids() == p.spool_ids("bad") == [hang], 60, "it to be set aside, and the other delivered")


run_cases(facts, facts_elsewhere, pondering, pondering_in_vain, before_the_queue, refused_at_the_door, notes_last, later, later_refuses, overdue, meanwhile, blocking,
          hanging_with_an_answer, hanging_with_a_notice)
