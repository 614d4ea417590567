#!/usr/bin/env python3
"""What the operator wants until further notice: pause, suspend, hold and bounce by domain, site and sender; `disabled` changed while the server
runs; what of it survives a restart."""
import json, os, re, signal, threading, time
from outbound import empty, prove, relay, submit
from postrider import run_cases, wait_until
from sink import Sink

BOTH = ("remote.test", "other.test")


def to(sink, *domains):
    return "".join(f"{d} 127.0.0.1:{sink.port}\n" for d in domains or BOTH)


def rules(p):
    return [json.loads(line) for line in p.tool("queue", "rules", "--json", check=True).stdout.splitlines()]


def stats(p):
    return p.tool("queue", "stats", check=True).stdout


def waits(p, message, state, words):
    """MESSAGE is in STATE, and show says why."""
    wait_until(lambda: message in p.spool_ids(state), what=f"the message in {state}/")
    shown = wait_until(lambda: (t := p.tool("queue", "show", message, check=True).stdout) and words in t and t, what=f"\"{words}\" in show")
    return shown


def suspended_by_domain():
    with Sink() as sink, relay(to(sink)) as p:
        r = p.tool("queue", "suspend", "--domain", "Remote.TEST", "--reason", "their disk is full", check=True)
        assert "rule 1" in r.stdout, r
        stays, goes = submit(p, "x@remote.test"), submit(p, "x@other.test")
        assert sink.wait()[0].recipients == ["x@other.test"]
        shown = waits(p, stays, "later", "delivery is suspended by rule 1 (domain remote.test): their disk is full")
        assert "suspend by rule 1 (domain remote.test)" in shown and re.search(r"^attempts +0$", shown, re.M), shown
        assert "rule=1 from=" in p.tool("queue", "list", check=True).stdout
        assert json.loads(p.tool("queue", "list", "--json", check=True).stdout)["rule"] == 1
        # a flush does not get past it
        p.tool("queue", "flush", check=True)
        p.wait_log(f"{stays} delivery status=deferred", count=2)
        assert len(sink.messages) == 1
        p.tool("queue", "resume", "--domain", "remote.test", check=True)
        assert sink.wait(2)[1].recipients == ["x@remote.test"]
        empty(p)
        assert rules(p) == []


def suspended_over_a_restart():
    with Sink() as sink, relay(to(sink)) as p:
        p.tool("queue", "suspend", "--sender", "Alice@local.test", check=True)
        p.tool("queue", "hold", "--sender", "@other.test", check=True)
        p.kill_role("queue-runner")
        suspended, held = submit(p, "x@remote.test"), submit(p, "x@remote.test", sender="bob@OTHER.test")
        waits(p, suspended, "later", "rule 1 (sender alice@local.test)")
        waits(p, held, "hold", "held by rule 2 (sender @other.test)")
        p.stop()
        # without a server: made and ended in the file
        assert "no such rule" in p.tool("queue", "resume", "7").stderr
        p.tool("queue", "resume", "1", check=True)
        p.tool("queue", "suspend", "--domain", "nowhere.test", "--for", "1h", check=True)
        assert [(r["number"], r["action"], r["what"], r["until"] - r["since"] if r["until"] else 0) for r in rules(p)] == [
            (2, "hold", "@other.test", 0), (3, "suspend", "nowhere.test", 3600)]
        p.tool("queue", "flush", check=True)
        p.start()
        assert sink.wait()[0].sender == "alice@local.test"
        assert p.spool_ids() == [held]
        p.tool("queue", "resume", "2", check=True)
        p.tool("queue", "release", held, check=True)
        sink.wait(2)
        empty(p)


def held_as_it_comes_and_as_it_waits():
    answers = ["451 4.7.1 later"]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, relay(to(sink), fail_intervals="1h") as p:
        old = submit(p, "x@remote.test")
        wait_until(lambda: p.spool_ids("later") == [old], what="it to be deferred")
        p.tool("queue", "hold", "--domain", "remote.test", "--reason", "asked for", check=True)
        waits(p, old, "hold", "held by rule 1 (domain remote.test): asked for")
        new = submit(p, "x@remote.test")
        waits(p, new, "hold", "held by rule 1")
        # one recipient of two: the other gets it first
        answers[0] = None
        both = submit(p, ["x@remote.test", "x@other.test"])
        assert sink.wait()[0].recipients == ["x@other.test"]
        waits(p, both, "later", "held by rule 1")
        p.tool("queue", "retry", both, check=True)
        waits(p, both, "hold", "<x@other.test> done")
        p.tool("queue", "resume", "--domain", "remote.test", check=True)
        p.tool("queue", "release", old, new, both, check=True)
        assert sorted(m.recipients[0] for m in sink.wait(4)) == ["x@other.test"] + ["x@remote.test"] * 3
        empty(p)


def bounced_as_it_comes_and_as_it_waits():
    answers = ["451 4.7.1 later"]
    with Sink(rcpt=lambda c, a, n: answers[0]) as sink, relay(to(sink), fail_intervals="1h") as p:
        old = submit(p, "x@remote.test")
        wait_until(lambda: p.spool_ids("later") == [old], what="it to be deferred")
        answers[0] = None
        p.tool("queue", "bounce", "--domain", "remote.test", "--for", "1h", "--reason", "the domain is gone", check=True)
        assert b"the domain is gone" in p.wait_mail(1)[0]
        submit(p, ["x@remote.test", "y@remote.test", "x@other.test"])
        text = b"".join(p.wait_mail(2)).decode()
        assert sink.wait()[0].recipients == ["x@other.test"]
        assert text.count("Status: 5.7.0") == 3 and text.count("returned by the postmaster, by rule 1 (domain remote.test)") >= 3, text
        empty(p)


def by_site():
    """Its name is that of stats; a domain whose way is not known yet is found out, and stopped then."""
    with Sink() as sink, relay(to(sink)) as p:
        prove(p, sink)
        n = len(sink.messages)
        site = re.search(r"^site (\S+) ", stats(p), re.M)[1]
        p.tool("queue", "suspend", "--site", site, check=True)
        stays = submit(p, "x@remote.test")
        waits(p, stays, "later", f"suspended by rule 1 (site {site})")
        assert len(sink.messages) == n
        p.tool("queue", "resume", "--site", site, check=True)
        sink.wait(n + 1)
        empty(p)


def what_waits_in_memory():
    """More messages than may be sent at once: a rule reaches those that wait for their turn, loaded or not; the one on the wire is sent."""
    go = threading.Event()

    def message(connection, argument, n):
        go.wait(20)

    with Sink(message=message) as sink, relay(to(sink), outbound="concurrency_max = 1\nactive_max = 10\n") as p:
        ids = [submit(p, "x@remote.test") for _ in range(40)]
        wait_until(lambda: any(e[1] == "message" for e in sink.log), what="one on the wire")
        p.tool("queue", "hold", "--domain", "remote.test", check=True)
        wait_until(lambda: len(p.spool_ids("hold")) == 39, what="the others held")
        go.set()
        sink.wait()
        wait_until(lambda: sorted(p.spool_ids()) == sorted(p.spool_ids("hold")), what="the first gone")
        p.tool("queue", "resume", "1", check=True)
        p.tool("queue", "release", "-", input="\n".join(p.spool_ids("hold")), check=True)
        sink.wait(40)
        empty(p)


def paused():
    with Sink() as sink, relay(to(sink)) as p:
        prove(p, sink)
        n = len(sink.messages)
        p.tool("queue", "pause", "--reason", "moving house", check=True)
        assert "delivery is paused by rule 1 (all): moving house" in stats(p)
        message = submit(p)
        assert "suspend by rule 1 (all): moving house" in p.tool("queue", "show", message, check=True).stdout
        p.tool("queue", "flush", check=True)
        p.kill_role("queue-runner")
        p.wait_log("outbound delivery is disabled")
        again = submit(p)
        assert sorted(p.spool_ids("new")) == sorted([message, again]) and len(sink.messages) == n
        p.tool("queue", "resume", check=True)
        sink.wait(n + 2)
        empty(p)
        assert p.tool("queue", "resume").returncode == 1
        # one that ends by itself
        p.tool("queue", "pause", "--for", "1s", check=True)
        submit(p)
        sink.wait(n + 3)
        empty(p)


def a_rule_that_ends_by_itself():
    with Sink() as sink, relay(to(sink)) as p:
        p.tool("queue", "suspend", "--domain", "remote.test", "--for", "2s", check=True)
        message = submit(p)
        p.wait_log(f"{message} delivery status=deferred")
        sink.wait()
        empty(p)
        assert rules(p) == [] and "rule 2" in p.tool("queue", "suspend", "--domain", "x.test", check=True).stdout


def disabled_while_it_runs():
    with Sink() as sink, relay(to(sink)) as p:
        prove(p, sink)
        n = len(sink.messages)
        before = p.read("outbound.conf")
        p.write("outbound.conf", before + "disabled = true\n")
        p.wait_log("outbound delivery is disabled now")
        assert "delivery is disabled in outbound.conf" in stats(p)
        message = submit(p)
        assert p.spool_ids("new") == [message]
        # a file that makes no sense changes nothing, and is told
        p.write("outbound.conf", before + "disabled = perhaps\n")
        p.wait_log("outbound.conf has changed and cannot be read")
        assert p.spool_ids("new") == [message] and len(sink.messages) == n
        # as editors do it
        other = p.write("outbound.conf.new", before)
        os.rename(other, p.conf_dir / "outbound.conf")
        sink.wait(n + 1)
        empty(p)
        assert len(p.pids("queue-runner")) == 1


def rules_that_cannot_be_read():
    with Sink() as sink, relay(to(sink)) as p:
        p.tool("queue", "suspend", "--domain", "remote.test", check=True)
        (p.spool / "rules").write_text((p.spool / "rules").read_text() + "2 suspend\n")
        r = p.tool("queue", "rules")
        assert r.returncode == 1 and "rules:3: it is not as" in r.stderr, r
        p.kill_role("queue-runner")
        p.wait_log("nothing is delivered: .*rules:3")
        message = submit(p, "x@other.test")
        assert "the rules cannot be read" in stats(p) and p.spool_ids("new") == [message] and not sink.messages
        (p.spool / "rules").unlink()
        p.tool("queue", "suspend", "--domain", "remote.test", check=True)
        sink.wait()
        empty(p)


def wrong_usage():
    with relay("") as p:
        for words in (["suspend"], ["suspend", "x"], ["hold", "--domain", "a.test", "--site", "b"], ["hold", "--domain", "a..test"], ["bounce", "--sender", "a b"],
                      ["suspend", "--domain", "a.test", "--for", "soon"], ["suspend", "--domain", "a.test", "--reason", "a\nb"], ["pause", "--domain", "a.test"],
                      ["resume", "--domain", "a.test", "1"], ["suspend", "--site", "a b"], ["rules", "x"], ["suspend", "--all"]):
            assert p.tool("queue", *words).returncode in (1, 2), words
        assert not (p.spool / "rules").exists()


run_cases(suspended_by_domain, suspended_over_a_restart, held_as_it_comes_and_as_it_waits, bounced_as_it_comes_and_as_it_waits, by_site, what_waits_in_memory,
          paused, a_rule_that_ends_by_itself, disabled_while_it_runs, rules_that_cannot_be_read, wrong_usage)
