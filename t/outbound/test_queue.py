#!/usr/bin/env python3
"""The queue: hold, release, remove, retry and flush while delivery runs; disabled; expiry; restart; fairness; what kills the
runner; lost pokes."""
import concurrent.futures, os, pathlib, signal, sys, threading, time
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "plugin"))
from building import compile_plugin, plugin_dir
from outbound import empty, prove, relay, submit
from postrider import run_cases, wait_until
from sink import Sink


def route(sink, domain="remote.test"):
    return f"{domain} 127.0.0.1:{sink.port}\n"


def hold_release_remove():
    answers = ["451 4.7.1 later"]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, relay(route(sink), fail_intervals="1h") as p:
        one, two = submit(p), submit(p)
        wait_until(lambda: p.spool_ids("later") == sorted([one, two]), what="both deferred")
        p.tool("queue", "hold", one, check=True)
        assert p.spool_ids("hold") == [one] and p.spool_ids("later") == [two]
        p.tool("queue", "remove", two, check=True)
        assert p.spool_ids() == [one]
        assert p.tool("queue", "remove", two).returncode != 0
        answers[0] = None
        p.tool("queue", "flush", check=True)
        assert p.tool("queue", "retry", one).returncode != 0, "a held message was retried"
        p.tool("queue", "release", one, check=True)
        sink.wait()
        empty(p)


def changes_in_flight():
    """Hold and remove while the message is on the wire: after the attempt."""
    go = threading.Event()

    def message(connection, argument, n):
        if n == 0:
            return None
        go.wait(20)
        return "451 4.3.0 later" if n < 3 else None
    with Sink(message=message) as sink, relay(route(sink), fail_intervals="1h") as p:
        prove(p, sink)
        one, two = submit(p), submit(p)
        wait_until(lambda: sum(e[1] == "message" for e in sink.log) == 3, what="both on the wire")
        assert "after that" in p.tool("queue", "hold", one, check=True).stdout
        assert "after that" in p.tool("queue", "remove", two, check=True).stdout
        go.set()
        wait_until(lambda: p.spool_ids("hold") == [one] and p.spool_ids() == [one], what="one held, the other gone")
        p.tool("queue", "release", one, check=True)
        sink.wait(2)
        empty(p)


def flush_of_a_domain():
    answers = ["451 4.7.1 later"]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, relay(route(sink) + route(sink, "other.test"), fail_intervals="1h") as p:
        submit(p, "x@remote.test")
        other = submit(p, "x@other.test")
        wait_until(lambda: len(p.spool_ids("later")) == 2, what="both deferred")
        answers[0] = None
        p.tool("queue", "flush", "--domain", "remote.test", check=True)
        assert sink.wait()[0].recipients == ["x@remote.test"]
        wait_until(lambda: p.spool_ids() == [other], what="the other one left")
        p.tool("queue", "retry", other, check=True)
        sink.wait(2)
        empty(p)


def sighup_flushes():
    answers = ["451 4.7.1 later"]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, relay(route(sink), fail_intervals="1h") as p:
        submit(p)
        wait_until(lambda: len(p.spool_ids("later")) == 1, what="it to be deferred")
        answers[0] = None
        p.reload()
        sink.wait()
        empty(p)


def disabled():
    with Sink() as sink, relay(route(sink), outbound="disabled = true\n") as p:
        submit(p)
        time.sleep(0.5)         # long enough for a delivery that must not happen
        assert not sink.messages and len(p.spool_ids("new")) == 1
        p.write("outbound.conf", "local_mx_ok = true\n")
        p.reload()
        sink.wait()
        empty(p)


def expiry():
    with Sink(rcpt=lambda c, a, n: "451 4.2.2 mailbox full") as sink:
        with relay(route(sink), outbound="queue_lifetime = 3s\n", fail_intervals="1s*1000") as p:
            submit(p)
            notice = p.wait_mail()[0]
            assert b"mailbox full" in notice and b"Status: 4." in notice, notice
            empty(p)
        with relay(route(sink), outbound="max_temp_failures = 2\n", fail_intervals="1s, 1s") as p:
            submit(p, sender="")        # a notice that cannot be delivered begets none
            p.wait_log("status=deferred", count=2)
            empty(p)
            assert not p.maildir()


def survives_a_restart():
    answers = ["451 4.7.1 later"]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, relay(route(sink), fail_intervals="2s*100") as p:
        for _ in range(5):
            submit(p)
        wait_until(lambda: len(p.spool_ids("later")) == 5, what="all deferred")
        p.stop()
        answers[0] = None
        p.start()
        sink.wait(5)
        empty(p)


def slow_ones_hold_up_nobody():
    """300 messages for a server that hangs, in more than fits into memory; one for another domain goes at once."""
    go = threading.Event()
    with Sink(mail=lambda c, a, n: n and go.wait(60) and None) as slow, Sink() as quick:
        with relay(route(slow, "slow.test") + route(quick, "quick.test"),
                   outbound="active_max = 20\nconcurrency_per_destination = 5\nconcurrency_max = 10\n") as p:
            prove(p, slow, "prover@slow.test")
            with concurrent.futures.ThreadPoolExecutor(4) as pool:
                list(pool.map(lambda i: submit(p, f"r{i}@slow.test"), range(300)))
            wait_until(lambda: slow.connections >= 5, what="the slow one to be busy")
            start = time.monotonic()
            submit(p, ["x@quick.test", "y@slow.test"])
            assert quick.wait(timeout=10)[0].recipients == ["x@quick.test"]
            assert time.monotonic() - start < 10
            assert slow.connections <= 5 and len(slow.messages) == 1
            go.set()
            slow.wait(302, timeout=60)
            empty(p, 30)
            assert sorted({r for m in slow.messages for r in m.recipients}) == sorted([f"r{i}@slow.test" for i in range(300)] + ["prover@slow.test", "y@slow.test"])
            assert len(slow.messages) == 302


KILLER = r"""
#include <postrider.h>
#include <signal.h>
#include <string.h>
static enum verdict on_send(struct hook_call *call)
{
	if (strstr(pr_recipient(call), "killer@"))
		raise(SIGSEGV);
	return DECLINED;
}
const struct postrider_plugin postrider_plugin = { .abi = POSTRIDER_ABI, .name = "killer", .hooks = { [HOOK_SEND_EMAIL] = on_send } };
"""

HOOKS = r"""
#include <postrider.h>
#include <string.h>
static enum verdict on_send(struct hook_call *call)
{
	if (strstr(pr_recipient(call), "wait@") && !pr_note(call, "waited")) {
		pr_set_note(call, "waited", "yes");
		pr_set_delay(call, 1);
		return DELAY;
	}
	if (!strstr(pr_recipient(call), "deny@"))
		return DECLINED;
	pr_reply(call, 550, "5.7.1", "not from %s", pr_sender(call));
	return DENY;
}
static enum verdict on_deferred(struct hook_call *call)
{
	pr_log(call, PR_INFO, "deferred %s by %ld: %s", pr_next_domain(call), (long)pr_delay(call), pr_response(call));
	if (strstr(pr_recipient(call), "drop@"))
		return OK;
	pr_set_delay(call, 1);
	return DENYSOFT;
}
static enum verdict on_bounce(struct hook_call *call)
{
	pr_log(call, PR_INFO, "bounce %s", pr_response(call));
	return strstr(pr_recipient(call), "quiet@") ? OK : DECLINED;
}
static enum verdict on_delivered(struct hook_call *call)
{
	pr_log(call, PR_INFO, "delivered %s to %s at %s: %s", pr_queue_id(call), pr_recipient_at(call, 0), pr_response_ip(call), pr_response(call));
	return DENY;
}
const struct postrider_plugin postrider_plugin = { .abi = POSTRIDER_ABI, .name = "watch", .hooks = { [HOOK_SEND_EMAIL] = on_send,
	[HOOK_DEFERRED] = on_deferred, [HOOK_BOUNCE] = on_bounce, [HOOK_DELIVERED] = on_delivered } };
"""


def with_plugin(p, name, source):
    (p.dir / f"{name}.c").write_text(source)
    compile_plugin(p.dir / f"{name}.c", plugin_dir(p.dir / "plugins") / f"{name}.so")
    p.write("plugins", p.read("plugins") + f"\n{name}\n")
    p.write("postrider.conf", p.read("postrider.conf").replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
    p.start()


def set_aside():
    """A message that kills the runner twice goes to bad/; all others are delivered."""
    with Sink() as sink, relay(route(sink), start=False, env={"ASAN_OPTIONS": "detect_leaks=0:handle_segv=0"}) as p:
        with_plugin(p, "killer", KILLER)
        killer = submit(p, "killer@remote.test")
        submit(p, "other@remote.test")
        wait_until(lambda: p.spool_ids("bad") == [killer], 30, f"it to be set aside\n{p.log()[-2000:]}")
        assert sink.wait()[0].recipients == ["other@remote.test"]
        wait_until(lambda: p.spool_ids() == [killer], 30, "all others to be gone")
        assert "died of it twice" in p.log()


def hooks():
    answers = {"drop@remote.test": "451 4.1.1 no", "later@remote.test": "451 4.1.1 no", "quiet@remote.test": "550 5.1.1 no"}
    with Sink(rcpt=lambda c, a, n: answers.pop(a[4:].rstrip(">"), None) if "later" in a else answers.get(a[4:].rstrip(">"))) as sink:
        with relay(route(sink), start=False, fail_intervals="1h") as p:
            with_plugin(p, "watch", HOOKS)
            for name in ("drop", "later", "quiet", "deny", "wait"):
                submit(p, f"{name}@remote.test")
            sink.wait(2)
            assert sorted(m.recipients[0] for m in sink.messages) == ["later@remote.test", "wait@remote.test"]
            p.wait_log(r"dropped by a plugin")
            p.wait_log(r"deferred remote\.test by 3[678]\d\d: 451")
            p.wait_log(r"delivered \w+ to later@remote\.test at 127\.0\.0\.1: 250")
            assert b"not from alice@local.test" in p.wait_mail()[0]
            empty(p)
            assert len(p.maildir()) == 1, "a notice that the plugin did not want"


def lost_pokes():
    """Nobody reads the poke socket for a while: what was accepted meanwhile is found all the same."""
    with Sink() as sink, relay(route(sink)) as p:
        runner = p.pids("queue-runner")[0]
        qlen = int(open("/proc/sys/net/unix/max_dgram_qlen").read())
        os.kill(runner, signal.SIGSTOP)
        try:
            count = min(qlen + 20, 600)
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(lambda i: submit(p, f"r{i}@remote.test"), range(count)))
        finally:
            os.kill(runner, signal.SIGCONT)
        sink.wait(count, timeout=60)
        empty(p, 30)


def no_descriptors():
    """Files may hardly be opened: the runner waits and goes on, nothing is lost, nothing counts as a failure."""
    go = threading.Event()
    with Sink(mail=lambda c, a, n: go.wait(30) and None) as sink, relay(route(sink), start=False, outbound="pool_timeout = 0\n") as p:
        plain = p.command_line
        p.command_line = lambda ready: ["sh", "-c", 'ulimit -n 230; exec "$@"', "sh", *plain(ready)]
        p.start()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda i: submit(p, f"r{i}@remote.test"), range(60)))
        go.set()
        sink.wait(60, timeout=60)
        empty(p, 30)
        assert "status=deferred" not in p.log() and len(sink.messages) == 60


def leaves_quickly():
    """A server that hangs does not keep us from leaving, nor from reloading; the message stays."""
    go = threading.Event()
    with Sink(mail=lambda c, a, n: go.wait(60) and None) as sink, relay(route(sink)) as p:
        ident = submit(p)
        wait_until(lambda: any(e[1] == "mail" for e in sink.log), what="MAIL")
        start = time.monotonic()
        p.reload()
        wait_until(lambda: sink.connections == 2, 20, "the new runner to try it")
        p.stop()
        assert time.monotonic() - start < 20
        assert p.spool_ids("new") == [ident]
        go.set()
        p.start()
        assert sink.wait()[0].recipients == ["bob@remote.test"]
        empty(p)


def removed_in_flight_goes_nowhere_else():
    """What is removed while one of its destinations gets it, and waits for a turn at another: that one never does."""
    first, last, answers = threading.Event(), threading.Event(), ["451 4.2.0 later"]

    def rcpt(c, a, n):
        (last if "leaving@" in a else first).wait(60)
    with Sink(rcpt=rcpt) as slow, Sink(rcpt=lambda c, a, n: answers[0]) as other:
        routes = f"slow.test 127.0.0.1:{slow.port}\nother.test 127.0.0.1:{other.port}\n"
        with relay(routes, fail_intervals="1h", outbound="concurrency_per_destination = 1\n") as p:
            for n in range(12):     # so many that the next one waits outside of memory
                submit(p, f"x{n}@slow.test")
            ident = submit(p, ["leaving@slow.test", "left@other.test"])
            wait_until(lambda: ident in p.spool_ids("later"), what="it to be deferred at the other")
            assert "\nparked 0\n" not in p.tool("queue", "stats").stdout
            first.set()
            slow.wait(12)
            wait_until(lambda: "\nsending 1\n" in p.tool("queue", "stats").stdout, what="it to be on its way")
            assert "it is being sent" in p.tool("queue", "remove", ident, check=True).stdout
            answers[0] = None
            p.tool("queue", "flush", check=True)
            submit(p, "marker@other.test")
            other.wait()
            last.set()
            empty(p)
            assert [m.recipients for m in other.messages] == [["marker@other.test"]] and len(slow.messages) == 13


run_cases(hold_release_remove, changes_in_flight, flush_of_a_domain, sighup_flushes, disabled, expiry, survives_a_restart,
          slow_ones_hold_up_nobody, set_aside, hooks, lost_pokes, no_descriptors, leaves_quickly, removed_in_flight_goes_nowhere_else)
