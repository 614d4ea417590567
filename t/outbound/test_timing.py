#!/usr/bin/env python3
"""When senders want their mail to go: not before (FUTURERELEASE), by when (DELIVERBY), and what first (MT-PRIORITY)."""
import smtplib, threading, time
from outbound import PLUGINS, empty, relay, submit, verbs
from postrider import Instance, run_cases, wait_until
from sink import Sink
import spool

TLS_PLUGINS = "tls\nauth/auth_flat_file\n" + PLUGINS
MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"
BY = ("PIPELINING", "DELIVERBY")


def route(sink, domain="remote.test"):
    return f"{domain} 127.0.0.1:{sink.port}\n"


def notice(p, count=1):
    """The last of COUNT notices that alice has."""
    return p.wait_mail(count)[-1].decode()


def offered():
    """DELIVERBY to all, MT-PRIORITY to who may relay, FUTURERELEASE for submission alone."""
    with Instance(plugins=TLS_PLUGINS, listen=("smtp", "submission")) as p:
        with p.client() as stranger, p.client("submission", starttls=True, login=True) as user:
            user.ehlo("client.test")
            assert stranger.has_extn("deliverby") and not stranger.has_extn("futurerelease") and not stranger.has_extn("mt-priority")
            assert user.has_extn("deliverby") and user.has_extn("mt-priority")
            seconds, last = user.esmtp_features["futurerelease"].split()
            when = time.mktime(time.strptime(last, "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
            assert abs(when - time.time() - int(seconds)) < 60
            for bad in ("HOLDFOR=0", f"HOLDFOR={int(seconds) + 1}", "HOLDUNTIL=2020-01-01T00:00:00", "HOLDFOR=60 BY=30;R", "HOLDFOR=60 HOLDUNTIL=2020-01-01T00:00:00Z"):
                code, text = user.docmd(f"MAIL FROM:<alice@local.test> {bad}")
                assert code == 501, (bad, code, text)


def held():
    """Until its time, whatever is flushed; then to all, those of our own too; and its age begins then."""
    with Sink() as sink, Instance(plugins=TLS_PLUGINS, listen=("submission",), outbound="queue_lifetime = 1s\n",
                                  files={"routes": route(sink)}) as p, p.client("submission", starttls=True, login=True) as c:
        start = time.time()
        assert c.docmd("MAIL FROM:<alice@local.test> HOLDFOR=4")[0] == 250
        assert c.rcpt("bob@remote.test")[0] == c.rcpt("carol@local.test")[0] == 250
        ident = c.data("Subject: held\r\n\r\nx\r\n")[1].decode().split()[-1]
        assert c.docmd("MAIL FROM:<alice@local.test> HOLDFOR=4")[0] == 250
        assert c.rcpt("dave@local.test")[0] == 250
        assert c.data("Subject: held\r\n\r\nx\r\n")[0] == 250
        p.wait_log("message waits for its release", count=2)
        assert "later" in p.tool("queue", "show", ident).stdout and "\nrelease " in p.tool("queue", "show", ident).stdout
        assert p.tool("queue", "flush").returncode == 0
        sink.wait()
        early = time.time() - start
        assert early >= 3, early          # whole seconds
        p.wait_mail(1, "carol")
        p.wait_mail(1, "dave")
        empty(p)
        assert not p.maildir()


def held_over_a_restart():
    """It stands on disk; and what is removed while it waits is gone."""
    with Sink() as sink, relay(route(sink)) as p:
        until = int(time.time()) + 3
        spool.put(p, MESSAGE, "bob@remote.test", hold=until)
        away = spool.put(p, MESSAGE, "eve@remote.test", hold=until + 3600)
        p.wait_log("message waits for its release", count=2)
        p.stop()
        p.start()
        sink.wait()
        assert time.time() >= until and sink.messages[0].recipients == ["bob@remote.test"]
        assert p.tool("queue", "remove", away).returncode == 0
        empty(p)


def in_time():
    """Mode R: the server hears how much time is left, must know DELIVERBY, and must not want more. LMTP delivers."""
    with Sink(extensions=BY) as knows, Sink() as not_knows, Sink(extensions=("DELIVERBY 300",)) as slow, Sink(lmtp=True) as last:
        routes = route(knows) + route(not_knows, "old.test") + route(slow, "slow.test") + f"local.example lmtp:127.0.0.1:{last.port}\n"
        with relay(routes) as p:
            now = int(time.time())
            spool.put(p, MESSAGE, "bob@remote.test", by=now + 90, by_mode="R")
            left, mode = knows.wait()[0].parameters.split("BY=")[1].split(";")
            assert 60 <= int(left) <= 90 and mode == "R"
            spool.put(p, MESSAGE, "bob@local.example", by=now + 90, by_mode="RT")
            assert "BY=" not in last.wait()[0].parameters
            empty(p)
            assert not p.maildir()
            spool.put(p, MESSAGE, "bob@old.test", by=now + 90, by_mode="R")
            text = notice(p)
            assert "Status: 5.3.3" in text and "Action: failed" in text and "\nDeliver-By-Date: " in text, text
            spool.put(p, MESSAGE, "bob@slow.test", by=now + 90, by_mode="R")
            assert "Status: 5.4.7" in notice(p, 2)
            spool.put(p, MESSAGE, "bob@slow.test", by=now + 90, by_mode="N")
            assert slow.wait()[0].parameters.endswith(";N")
            empty(p)
            assert verbs(not_knows, "mail") == [0] and len(p.maildir()) == 2


def too_late():
    """Mode R: returned when its time is over, though the schedule would have waited longer, and not tried any more."""
    with Sink(extensions=BY, rcpt=lambda c, a, n: "451 4.2.0 later") as sink:
        with relay(route(sink), fail_intervals="1h") as p:
            start = int(time.time())
            spool.put(p, MESSAGE, "bob@remote.test", by=start + 3, by_mode="R")
            text = notice(p)
            assert time.time() >= start + 3 and "Status: 5.4.7" in text and "Action: failed" in text, text
            empty(p)
            assert verbs(sink, "mail") == [1]
            spool.put(p, MESSAGE, [("bob@remote.test", {"notify": spool.NEVER})], by=start, by_mode="R")
            empty(p)
            assert verbs(sink, "mail") == [1] and len(p.maildir()) == 1


def too_late_and_suspended():
    """Mode R: it goes back when its time is over though nothing may be sent, once; what is held stays."""
    with Sink() as sink, relay(route(sink) + route(sink, "held.test")) as p:
        p.tool("queue", "suspend", "--domain", "remote.test", check=True)
        p.tool("queue", "hold", "--domain", "held.test", check=True)
        by = int(time.time()) + 2
        ident = spool.put(p, MESSAGE, "bob@remote.test", by=by, by_mode="R")
        held = spool.put(p, MESSAGE, "bob@held.test", by=int(time.time()), by_mode="R")
        text = notice(p)
        assert time.time() >= by and "Status: 5.4.7" in text and "Action: failed" in text, text
        wait_until(lambda: p.spool_ids() == [held], what="only the held one")
        log = p.log()
        assert log.count(f"{ident} delivery status=deferred") == 1 and log.count(f"{ident} delivery status=bounced") == 1, log[-2000:]
        assert p.spool_ids("hold") == [held] and len(p.maildir()) == 1


def late():
    """Mode N: its sender is told once, at the end of its time, and it is tried on."""
    later = [True]
    with Sink(extensions=BY, rcpt=lambda c, a, n: "451 4.2.0 later" if later[0] else None) as sink:
        with relay(route(sink), fail_intervals="1h*9", outbound="delay_warning = 1h\n") as p:
            start = int(time.time())
            spool.put(p, MESSAGE, [("bob@remote.test", {"notify": spool.SUCCESS}), ("eve@remote.test", {"notify": spool.NEVER})],
                      by=start + 2, by_mode="N")
            text = notice(p)
            assert time.time() >= start + 2 and "Action: delayed" in text and "Status: 4.4.7" in text, text
            assert "Will-Retry-Until: " in text and "Deliver-By-Date: " in text and "eve@remote.test" not in text.split("delivery-status")[1].split("--=_")[0]
            assert p.tool("queue", "flush").returncode == 0
            wait_until(lambda: verbs(sink, "mail") == [3], 10, "a third attempt")
            p.wait_log("status=deferred", count=6)
            later[0] = False
            assert p.tool("queue", "flush").returncode == 0
            assert int(sink.wait()[0].parameters.split("BY=")[1].split(";")[0]) <= 0
            text = notice(p, 2)           # NOTIFY=SUCCESS, as ever
            empty(p)
            assert "Action: relayed" in text and len(p.maildir()) == 2


def traced():
    """T: told of each server that it is relayed to; N: of the one that does not know of it."""
    with Sink(extensions=BY + ("DSN",)) as knows, Sink(extensions=("PIPELINING", "DSN")) as old, relay(route(knows) + route(old, "old.test")) as p:
        by = int(time.time()) + 90
        for count, (to, mode) in enumerate((("bob@remote.test", "RT"), ("bob@remote.test", "NT"), ("bob@old.test", "N")), 1):
            spool.put(p, MESSAGE, [(to, {"notify": spool.FAILURE})], by=by, by_mode=mode)
            text = notice(p, count)
            assert "Action: relayed" in text and "Status: 2.0.0" in text, (to, mode, text)
        for to, mode in (("bob@remote.test", "R"), ("bob@remote.test", "N")):
            spool.put(p, MESSAGE, to, by=by, by_mode=mode)
        spool.put(p, MESSAGE, [("bob@old.test", {"notify": spool.NEVER})], by=by, by_mode="NT")
        spool.put(p, MESSAGE, "bob@old.test", sender="", by=by, by_mode="NT")
        knows.wait(4)
        old.wait(3)
        empty(p)
        assert len(p.maildir()) == 3


def urgent_first():
    """The messages of a sender go in the order of their priorities, which the server hears when it knows of them."""
    order = [0, -9, 9, 3, 0, -1, -9]
    go = threading.Event()
    with Sink(extensions=("MT-PRIORITY", "SIZE"), rcpt=lambda c, a, n: go.wait(60) and None) as sink, Sink() as old:
        with relay(route(sink) + route(old, "old.test"), fail_intervals="1h*9", outbound="concurrency_max = 1\n") as p:
            spool.put(p, MESSAGE, "first@remote.test")
            wait_until(lambda: sink.connections, what="the only connection to be taken")
            for n, priority in enumerate(order):
                spool.put(p, MESSAGE, f"p{n}@remote.test", priority=priority)
            wait_until(lambda: f"\nwaiting {len(order)}\n" in p.tool("queue", "stats").stdout, what="all to wait")
            go.set()
            got = [m.parameters.partition("MT-PRIORITY=")[2] or "0" for m in sink.wait(len(order) + 1)]
            assert got == ["0", "9", "3", "0", "0", "-1", "-9", "-9"], got
            c = smtplib.SMTP(*p.smtp, timeout=30)
            c.ehlo("client.test")
            assert c.docmd("MAIL FROM:<alice@local.test> MT-PRIORITY=-4")[0] == 250
            assert c.rcpt("bob@old.test")[0] == 250 and c.data("Subject: x\r\n\r\nx\r\n")[0] == 250
            c.close()
            got = old.wait()[0]
            assert "MT-PRIORITY" not in got.parameters and b"\r\n\tPRIORITY -4; " in got.data
            empty(p)


run_cases(offered, held, held_over_a_restart, in_time, too_late, too_late_and_suspended, late, traced, urgent_first)
