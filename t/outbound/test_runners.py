#!/usr/bin/env python3
# timeout: 180
"""Several queue-runners: who has what, commands that reach all of them, deaths, reloads that split the queue anew, limits."""
import collections, os, re, signal, threading, time
from outbound import relay, submit, with_plugin
from postrider import run_cases, wait_until
from sink import Sink

DOMAINS = [f"d{n}.test" for n in range(12)]
LATER = "451 4.7.1 later"


def several(routes, count=3, **more):
    return relay(routes, outbound=f"runners = {count}\n" + more.pop("outbound", ""), **more)


def routes(sink):
    return "".join(f"{d} 127.0.0.1:{sink.port}\n" for d in DOMAINS)


def part(ident, count=3):
    return int(ident[-2:]) % count


def stats(p, name):
    """The figure NAME of each queue-runner."""
    return [int(n) for n in re.findall(rf"^{name} (\d+)", p.tool("queue", "stats", check=True).stdout, re.M)]


def all_deferred(p, answers, each=2):
    """EACH messages for every domain, all deferred: {id: domain}."""
    answers[0] = LATER
    ids = {submit(p, f"x@{d}"): d for _ in range(each) for d in DOMAINS}
    wait_until(lambda: p.spool_ids("later") == sorted(ids) and sum(stats(p, "deferred")) == len(ids), what="all deferred")
    return ids


def delivered(sink, count):
    """Waits until COUNT messages were taken, and sees that nothing more comes; how often each recipient got one."""
    sink.wait(count)
    assert len(sink.messages) == count, f"{len(sink.messages)} of {count}"
    return collections.Counter(r for m in sink.messages for r in m.recipients)


def by_destination():
    answers = [None]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, several(routes(sink), fail_intervals="1h*9") as p:
        assert len(p.pids("queue-runner")) == 3
        ids = all_deferred(p, answers)
        where = collections.defaultdict(set)
        for ident, domain in ids.items():
            where[domain].add(part(ident))
        assert all(len(parts) == 1 for parts in where.values()), f"a domain in several parts: {dict(where)}"
        assert len(set.union(*where.values())) == 3, f"not all parts are used: {dict(where)}"
        sizes = collections.Counter(part(i) for i in ids)
        assert stats(p, "deferred") == [sizes[n] for n in range(3)], (stats(p, "deferred"), sizes)
        shown = p.tool("status", check=True).stdout
        assert "queue-runner.2" in shown and re.search(rf"queue_deferred +{len(ids)}\n", shown), shown
        # One message for several destinations has one owner, too.
        mixed = submit(p, [f"m@{d}" for d in DOMAINS])
        wait_until(lambda: mixed in p.spool_ids("later"), what="the mixed one deferred")
        answers[0] = None
        p.tool("queue", "flush", check=True)
        got = delivered(sink, len(ids) + 1)
        assert all(got[f"x@{d}"] == 2 and got[f"m@{d}"] == 1 for d in DOMAINS), got
        wait_until(lambda: not p.spool_ids(), what="an empty spool")


def commands_reach_all():
    answers = [None]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, several(routes(sink), fail_intervals="1h*9") as p:
        ids = all_deferred(p, answers, 1)
        listed = p.tool("queue", "list", "--ids", check=True).stdout.split()
        assert sorted(listed) == sorted(ids), listed
        for ident in ids:
            p.tool("queue", "hold", ident, check=True)
        assert p.spool_ids("hold") == sorted(ids) and sum(stats(p, "held")) == len(ids)
        p.tool("queue", "release", *ids, check=True)
        wait_until(lambda: p.spool_ids("later") == sorted(ids), what="all deferred again")
        answers[0] = None
        p.tool("queue", "flush", "--domain", DOMAINS[3], check=True)
        assert sink.wait()[0].recipients == [f"x@{DOMAINS[3]}"]
        gone = [i for i, d in ids.items() if d == DOMAINS[3]]
        wait_until(lambda: p.spool_ids() == sorted(set(ids) - set(gone)), what="the one delivered")
        one, two, *rest = sorted(set(ids) - set(gone))
        p.tool("queue", "remove", one, check=True)
        p.tool("queue", "bounce", two, check=True)
        p.wait_mail(1)
        assert ids[two].encode() in p.maildir()[0], "the notice is about another message"
        p.tool("queue", "retry", *rest, check=True)
        got = delivered(sink, 1 + len(rest))
        assert f"x@{ids[one]}" not in got and f"x@{ids[two]}" not in got, got
        wait_until(lambda: not p.spool_ids(), what="an empty spool")


def deaths():
    """One after the other is killed with mail on the wire and mail deferred; the others do not notice, and nothing is lost."""
    answers = [None]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, several(routes(sink), fail_intervals="1h*9") as p:
        ids = all_deferred(p, answers)
        for _ in range(3):
            before = p.pids("queue-runner")
            os.kill(before[0], signal.SIGKILL)
            wait_until(lambda: len(now := p.pids("queue-runner")) == 3 and before[0] not in now and len(stats(p, "deferred")) == 3, what="a new one")
            assert set(before[1:]) < set(p.pids("queue-runner")), "the death of one took others along"
            assert sum(stats(p, "deferred")) == len(ids), stats(p, "deferred")
        answers[0] = None
        p.tool("queue", "flush", check=True)
        got = delivered(sink, len(ids))
        assert all(got[f"x@{d}"] == 2 for d in DOMAINS), got
        wait_until(lambda: not p.spool_ids(), what="an empty spool")


def deaths_under_load():
    """Killed again and again while mail comes and goes: every message arrives; twice only what was on the wire at a death."""
    with Sink() as sink, several(routes(sink)) as p:
        for n in range(60):
            submit(p, f"n{n}@{DOMAINS[n % len(DOMAINS)]}")
            if n % 12 == 6:
                p.kill_role("queue-runner")
        wait_until(lambda: not p.spool_messages(), 60, what="an empty spool")
        got = collections.Counter(r for m in sink.messages for r in m.recipients)
        missing = [n for n in range(60) if not got[f"n{n}@{DOMAINS[n % len(DOMAINS)]}"]]
        assert not missing, f"lost: {missing}"
        assert max(got.values()) <= 2, got


def split_anew():
    """The number changes while mail is deferred: each message has one owner before and after, and goes once."""
    answers = [None]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, several(routes(sink), fail_intervals="1h*9") as p:
        conf, total = p.read("outbound.conf"), 0
        for count in (2, 5, 1):
            ids = all_deferred(p, answers, 1)
            p.write("outbound.conf", conf.replace("runners = 3", f"runners = {count}"))
            answers[0] = None
            p.reload()
            total += len(ids)
            sink.wait(total)
            wait_until(lambda: not p.spool_ids(), what="an empty spool")
            wait_until(lambda: len(p.pids("queue-runner")) == count and len(stats(p, "deferred")) == count, what=f"{count} queue-runners")
        got = delivered(sink, total)
        assert all(got[f"x@{d}"] == 3 for d in DOMAINS), got


def limits_are_shared():
    """One site for all domains, with 4 connections: two queue-runners have 2 each."""
    lock, now, most = threading.Lock(), [0], [0]

    def message(connection, argument, n):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.05)
        with lock:
            now[0] -= 1
    with Sink(message=message) as sink, several("", 2, files={"routes": f"* 127.0.0.1:{sink.port}\n"},
                                                                    outbound="concurrency_per_destination = 4\n") as p:
        for d in DOMAINS:       # so that both know the site
            submit(p, f"x@{d}")
        sink.wait(len(DOMAINS))
        most[0] = 0
        for n in range(48):
            submit(p, f"n{n}@{DOMAINS[n % len(DOMAINS)]}")
        sink.wait(len(DOMAINS) + 48)
        assert 2 <= most[0] <= 4, f"{most[0]} at once"
        shown = p.tool("queue", "stats", check=True).stdout
        assert len(re.findall(r"window=\d+/2 ", shown)) == 2, shown


def messages_of_plugins():
    """What a plugin of one queue-runner sends goes to the one whose it is, which alone delivers it."""
    with Sink() as sink, with_plugin(routes(sink) + f"remote.test 127.0.0.1:{sink.port}\n", "courier", outbound="runners = 3\n") as p:
        for d in DOMAINS:
            submit(p, f"tell@{d}")
        sink.wait(2 * len(DOMAINS))
        wait_until(lambda: not p.spool_ids(), what="an empty spool")
        sent = re.findall(r"queue\[(\d+)\] \S+ delivery status=sent .* to=(told|tell)@", p.log())
        assert len({pid for pid, who in sent if who == "tell"}) == 3, sent
        assert len({pid for pid, who in sent if who == "told"}) == 1, sent


run_cases(by_destination, commands_reach_all, deaths, deaths_under_load, split_anew, limits_are_shared, messages_of_plugins)
