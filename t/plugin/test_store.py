#!/usr/bin/env python3
"""The store as plugins have it, in workers and in the queue-runner, in LMDB and in Redis; and what they hear when it is away."""
from postrider import Instance, run_cases, wait_until
from building import plugin_dir
from redis import PROGRAM, Redis, stores
from sink import Sink
import contextlib


@contextlib.contextmanager
def server(plugins, conf="", **more):
    p = Instance(plugins="", start=False, cert=False, auth=False, listen=("smtp",), **more)
    plugin_dir(p.dir / "plugins", "keeper")
    p.write("plugins", plugins + "\n")
    p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins") + conf)
    p.start()
    with p:
        yield p


def say(p, line):
    with p.raw() as c:
        c.expect(None, 220)
        answer = c.expect(line, 250)
        c.expect("QUIT", 221)
        return answer.split()[2:]          # behind 250 2.0.0


def in_workers():
    for conf in stores():
        with server("keeper\n", conf) as p:
            assert say(p, "XGET a") == ["NONE", "0"]
            assert say(p, "XSET a one 0")[0] == "OK"
            assert say(p, "XGET a") == ["OK", "one", "0"]
            assert say(p, "XLATER a") == ["later", "OK", "one", "3", "in", "keeper"], say(p, "XLATER a")
            assert [say(p, f"XADD n {n} 600")[-1] for n in (1, 2, -5)] == ["1", "3", "-2"]
            assert say(p, "XADD a 1 600")[0] == "BAD" and "makes no sense" in p.log()
            assert say(p, "XSET " + "k" * 401 + " v 0")[0] == "BAD"
            assert say(p, "XSET k v -1")[0] == "BAD" and say(p, "XADD k 1 0")[0] == "BAD" and say(p, "XSET k v 99999999999")[0] == "BAD"
            assert say(p, "XDEL a")[0] == "OK" and say(p, "XDEL a")[0] == "NONE"
            assert p.status()["counters"]["store_asked"] >= 10


def after_a_restart():
    """Both kinds of namespace outlive the server."""
    for kind in ("lasting 0", "lasting 1"):
        with server(f"keeper space x {kind}\n") as p:
            say(p, "XSET a one 0")
            p.stop()
            p.start()
            assert say(p, "XGET a") == ["OK", "one", "0"]
            p.reload()
            assert say(p, "XGET a") == ["OK", "one", "0"]


def in_the_queue_runner():
    for conf in stores():
        with Sink() as sink, server("relay\nroutes\nrcpt_ok\nkeeper\n", conf, files={"routes": f"* 127.0.0.1:{sink.port}", "relayclients": "127.0.0.1"}) as p:
            for n in range(3):
                p.client().sendmail("a@b.test", ["bob@remote.test"], "Subject: x\r\n\r\nx\r\n")
            p.wait_log(r"counted remote.test: OK 3")
            assert "must not" in p.log()
            assert say(p, "XGET last") == ["OK", "remote.test", "0"]


def away():
    """One line in the log, and all goes on; then it is back."""
    if not PROGRAM:
        print("skip away: no redis-server here")
        return
    with Redis() as r, server("keeper\n", f'store = "{r.url}"\nstore_timeout = 5s\n') as p:
        assert say(p, "XSET a one 0")[0] == "OK"
        r.kill()
        assert [say(p, "XGET a")[0] for _ in range(20)] == ["AWAY"] * 20
        assert p.log().count("is away") == 1, p.log()
        assert p.status()["counters"]["store_unanswered"] >= 20
        r.start()
        wait_until(lambda: say(p, "XGET a")[0] == "NONE", what="the store to be back")
        assert p.log().count("is back") == 1, p.log()


def namespaces():
    with server("keeper:0 space one\nkeeper:1 space one\n") as p:
        say(p, "XSET a one 0")
    p = Instance(plugins="", start=False, cert=False, auth=False)
    try:
        plugin_dir(p.dir / "plugins", "keeper")
        p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
        for line, want in (("keeper space a:b", 'found the namespace "a:b"'), ("keeper space " + "x" * 32, "at most 31"),
                           ("keeper:0 space x\nkeeper:1 space x lasting 1", "another plugin, which says that it is not lasting")):
            p.write("plugins", line + "\n")
            r = p.tool("check")
            assert r.returncode == 1 and want in r.stdout, r.stdout
    finally:
        p.close()


run_cases(in_workers, after_a_restart, in_the_queue_runner, away, namespaces)
