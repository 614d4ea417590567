#!/usr/bin/env python3
# timeout: 240
"""The memory of hosts whose TLS has failed, in both directions, in LMDB and in Redis: `disable_for_failed_hosts`, `postrider tls`."""
import signal, socket, ssl, subprocess, time, warnings
from outbound import empty, relay, submit, verbs
from postrider import Instance, Raw, run_cases, wait_until
from redis import PROGRAM, Redis, stores
from sink import Drop, Sink, server_tls

warnings.simplefilter("ignore", DeprecationWarning)         # old TLS is what we want
ON = "disable_for_failed_hosts = true\n"


def old_tls():
    """A server that knows nothing newer than TLS 1.1: the handshake fails for want of a common version."""
    context = server_tls()
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def outbound():
    """A failed handshake is retried in clear at once, and not made again for the next message; until somebody says so."""
    for conf in stores():
        # as far away as servers are: the store is asked meanwhile, and not waited for
        with Sink(tls=old_tls(), greeting=lambda *_: time.sleep(0.5)) as sink, relay(f"* 127.0.0.1:{sink.port}", conf=conf, tls=ON) as p:
            submit(p)
            assert not sink.wait(1)[0].tls
            empty(p)
            assert verbs(sink, "starttls") == [1] and "TLS failed, trying in clear" in p.log()
            lines = wait_until(lambda: p.tool("tls", "list", check=True).stdout.splitlines(), what="the entry")
            fields = lines[0].split("\t")
            assert len(lines) == 1 and fields[:3] == ["server", f"127.0.0.1:{sink.port}", "127.0.0.1"] and fields[3] in ("6d", "7d") and "TLS" in fields[5], lines
            # a new connection, or the one in the pool would be used
            p.stop()
            p.start()
            submit(p)
            assert not sink.wait(2)[1].tls
            empty(p)
            assert verbs(sink, "starttls") == [1], sink.log
            p.wait_log("TLS is not tried with 127.0.0.1:")
            sink.tls = server_tls()                       # it is put right
            r = p.tool("tls", "forget", "192.0.2.1")
            assert r.returncode == 1 and r.stdout == "0 forgotten\n"
            assert p.tool("tls", "forget", "127.0.0.1").stdout == "1 forgotten\n"
            assert p.tool("tls", "list").stdout == ""
            p.stop()
            p.start()
            submit(p)
            assert sink.wait(3)[2].tls


def outbound_kinds_of_failure():
    """Closed in the middle, an alert, nonsense in place of a handshake: all are remembered."""
    def nonsense(c, argument, n):
        c.say("220 go")
        c.sock.recv(4096)           # the other side's hello
        c.sock.sendall({"nonsense": b"HTTP/1.1 400 Bad Request\r\n\r\n", "alert": b"\x15\x03\x01\x00\x02\x02\x28", "closed": b""}[kind])
        raise Drop
    for kind in ("nonsense", "alert", "closed"):
        with Sink(tls=server_tls(), starttls=nonsense) as sink, relay(f"* 127.0.0.1:{sink.port}", tls=ON) as p:
            submit(p)
            assert not sink.wait(1)[0].tls
            empty(p)
            assert p.tool("tls", "list").stdout.startswith("server\t"), kind


def outbound_by_name():
    """Hosts are found by their names."""
    data = 'resolver { local_data = { "remote.test. 300 IN MX 10 MX.remote.test.", "mx.remote.test. 300 IN A 127.0.0.1" } }\n'
    with Sink(tls=old_tls()) as sink, relay("", conf=data, tls=ON, outbound=f"port = {sink.port}") as p:
        submit(p)
        sink.wait(1)
        empty(p)
        assert "\tmx.remote.test\t" in wait_until(lambda: p.tool("tls", "list", check=True).stdout, what="the entry")
        assert p.tool("tls", "forget", "MX.Remote.test").stdout == "1 forgotten\n"


def outbound_off():
    """Without the option nothing is kept and nothing asked."""
    with Sink(tls=old_tls()) as sink, relay(f"* 127.0.0.1:{sink.port}") as p:
        submit(p)
        sink.wait(1)
        empty(p)
        assert p.tool("tls", "list").stdout == "" and p.status()["counters"]["store_asked"] == 0


def outbound_while_away():
    """Without the store TLS is tried each time; a store that hangs delays nothing."""
    if not PROGRAM:
        print("skip outbound_while_away: no redis-server here")
        return
    with Redis() as r, Sink(tls=server_tls()) as sink:
        with relay(f"* 127.0.0.1:{sink.port}", conf=f'store = "{r.url}"\nstore_timeout = 1m\nstore_connect_timeout = 1m\n', tls=ON) as p:
            r.signal(signal.SIGSTOP)
            submit(p)
            assert sink.wait(1)[0].tls
            empty(p)
            r.signal(signal.SIGCONT)


# ---- clients ----

def server(conf="", tls=ON, **more):
    return Instance(plugins="tls\nrcpt_ok\n", conf=conf, tls=tls, auth=False, **more)


def offered(p, role="smtp", source="127.0.0.1"):
    c = Raw.__new__(Raw)
    c.sock, c.data = socket.create_connection(getattr(p, role), 30, (source, 0)), b""
    with c:
        c.expect(None, 220)
        return "STARTTLS" in c.expect("EHLO x.test", 250)


def bad_handshake(p, role="smtp"):
    """A client that knows only what we do not."""
    r = subprocess.run(["openssl", "s_client", "-starttls", "smtp", "-connect", "%s:%d" % getattr(p, role), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert "no peer certificate" in r.stdout, r.stdout + r.stderr


def good_handshake(p, role="smtp"):
    with p.raw(role) as c:
        c.expect(None, 220)
        c.expect("EHLO x.test", 250)
        c.starttls()
        c.expect("EHLO x.test", 250)


def inbound():
    for conf in stores():
        with server(conf) as p:
            assert offered(p)
            bad_handshake(p)
            wait_until(lambda: not offered(p), what="STARTTLS to be withheld")
            assert offered(p, source="127.0.0.2") and offered(p, "submission"), "others, or users, suffer for it"
            fields = p.tool("tls", "list").stdout.split("\t")
            assert fields[:3] == ["client", "127.0.0.1", "-"] and fields[3] in ("60m", "59m"), fields
            assert "STARTTLS is not offered: it failed with 127.0.0.1" in p.log()
            # who says it all the same gets it, and that it works is remembered instead
            good_handshake(p)
            wait_until(lambda: offered(p), what="STARTTLS to be offered again")
            bad_handshake(p)
            wait_until(lambda: not offered(p), what="STARTTLS to be withheld")
            assert p.tool("tls", "forget", "--all").stdout == "1 forgotten\n" and offered(p)


def inbound_expires():
    with server(tls=ON + "disable_inbound_expiry = 1s\n") as p:
        bad_handshake(p)
        p.wait_log("end=tls-failed")
        wait_until(lambda: offered(p), what="STARTTLS to be offered again")


def inbound_not_remembered():
    """On ports for users; when it is switched off, for inbound alone too; when we break it off ourselves."""
    with server() as p:
        bad_handshake(p, "submission")
        p.wait_log("end=tls-failed")
        assert offered(p) and offered(p, "submission") and p.tool("tls", "list").stdout == ""
        with p.raw() as c:
            c.expect(None, 220)
            c.expect("EHLO x.test", 250)
            c.expect("STARTTLS", 220)
            p.stop()
        p.start()
        assert p.tool("tls", "list").stdout == "" and offered(p)
    with server(tls=ON + "inbound { disable_for_failed_hosts = false }\n") as p:
        bad_handshake(p)
        p.wait_log("end=tls-failed")
        assert offered(p) and p.status()["counters"]["store_asked"] == 0


def usage():
    p = Instance(start=False, auth=False, cert=False)
    try:
        for words in (["list", "x"], ["forget"], ["forget", "a", "b"], ["forget", "a", "--all"], ["forget", "--none"], []):
            assert p.tool("tls", *words).returncode == 2, words
        assert "neither" in p.tool("tls", "forget", "a b").stderr
        assert p.tool("tls", "--help").returncode == 0
    finally:
        p.close()


run_cases(outbound, outbound_kinds_of_failure, outbound_by_name, outbound_off, outbound_while_away, inbound, inbound_expires, inbound_not_remembered, usage)
