#!/usr/bin/env python3
# timeout: 240
"""A long queue: 20,000 deferred messages cost little memory and no time at the start, mail comes and goes meanwhile, and what is for
one domain is listed, flushed and bounced among them without reading the others."""
import contextlib, pathlib, re
from outbound import relay, submit
from postrider import run_cases, wait_until
from sink import Sink
from spool import put_deferred

COUNT = 20000
DOMAINS = [f"d{n}.test" for n in range(200)]
EACH = COUNT // len(DOMAINS)
BYTES = 100                 # of memory a message; the index needs 32 to 64


def figure(p, name):
    return sum(int(n) for n in re.findall(rf"^{name} (\d+)", p.tool("queue", "stats", check=True).stdout, re.M))


def reads(pids):
    """How many system calls that read PIDS have made; 0 where only root may know."""
    with contextlib.suppress(PermissionError):
        return sum(int(re.search(r"^syscr: (\d+)", pathlib.Path(f"/proc/{pid}/io").read_text(), re.M)[1]) for pid in pids)
    return 0


def memory(pids):
    """Bytes of memory that PIDS have for themselves."""
    return sum(int(re.search(r"^RssAnon:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text(), re.M)[1]) for pid in pids) * 1024


def long_queue(runners):
    with Sink() as sink, relay(f"{DOMAINS[3]} 127.0.0.1:{sink.port}\nremote.test 127.0.0.1:{sink.port}\n", outbound=f"runners = {runners}\n") as p:
        p.wait_log("serving, 0 messages deferred", count=runners)
        empty = memory(p.pids("queue-runner"))
        p.stop()
        ids = put_deferred(p, COUNT, DOMAINS)
        p.start()
        wait_until(lambda: len(p.pids("queue-runner")) == runners and figure(p, "deferred") == COUNT, 60, "all deferred messages to be known")
        pids = p.pids("queue-runner")
        grown = memory(pids) - empty
        assert grown < COUNT * BYTES + runners * 1024 * 1024, f"{grown} bytes for {COUNT} messages"
        submit(p)               # mail comes and goes
        assert sink.wait()[0].recipients == ["bob@remote.test"]

        listed = p.tool("queue", "list", "--ids", "--domain", DOMAINS[7], check=True).stdout.split()
        assert sorted(listed) == sorted(ids[DOMAINS[7]]), f"{len(listed)} listed"
        before = reads(pids)
        said = p.tool("queue", "flush", "--domain", DOMAINS[3], check=True).stdout
        assert sum(map(int, re.findall(r"^(\d+) deferred messages will be tried now$", said, re.M))) == EACH, said
        sink.wait(1 + EACH, 60)
        assert {r for m in sink.messages[1:] for r in m.recipients} == {f"user@{DOMAINS[3]}"}
        wait_until(lambda: figure(p, "deferred") == COUNT - EACH, what="those to be gone")
        assert reads(pids) - before < COUNT / 4, "the others were read to find them"

        p.tool("queue", "bounce", "-", input="\n".join(ids[DOMAINS[7]]) + "\n", check=True)
        p.wait_mail(EACH, timeout=60)
        wait_until(lambda: figure(p, "deferred") == COUNT - 2 * EACH, what="those to be gone")
        assert not p.tool("queue", "list", "--ids", "--domain", DOMAINS[7], check=True).stdout
        assert len(p.spool_ids("later")) == COUNT - 2 * EACH


def one():
    long_queue(1)


def three():
    long_queue(3)


run_cases(one, three)
