#!/usr/bin/env python3
"""Reports that senders ask for (RFC 3461): passed on where the next server offers DSN, else made by us; once, and none to nobody."""
import email, email.policy, os, sys, time
from outbound import empty, relay, submit
from postrider import run_cases, wait_until
from sink import Sink
import spool

MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"


def route(sink, domain="remote.test"):
    return f"{domain} 127.0.0.1:{sink.port}\n"


def report(raw):
    """The fields of a report: of the message, and of each recipient by its address; and the type of what is returned."""
    m = email.message_from_bytes(raw, policy=email.policy.default)
    assert m.get_content_type() == "multipart/report" and not m.defects, raw
    parts = list(m.iter_parts())
    assert [x.get_content_type() for x in parts[:2]] == ["text/plain", "message/delivery-status"], raw
    blocks = parts[1].get_payload()
    return blocks[0], {b["Final-Recipient"].split(";")[1].strip(): b for b in blocks[1:]}, parts[2].get_content_type()


def passed_on():
    """With DSN the server hears all of it, and we report nothing but what fails here."""
    with Sink(extensions=("PIPELINING", "DSN"), rcpt=lambda c, a, n: "550 5.1.1 no" if "bad" in a else None) as sink, relay(route(sink)) as p:
        spool.put(p, MESSAGE, [("bob@remote.test", {"notify": spool.SUCCESS | spool.DELAY, "orcpt": "rfc822;Bob+x@old.test"}),
                               ("bad@remote.test", {"notify": spool.FAILURE})], ret="HDRS", envid="my id+1")
        got = sink.wait()[0]
        assert got.parameters == "RET=HDRS ENVID=my+20id+2B1", got.parameters
        said = [e[2] for e in sink.log if e[1] == "rcpt"]
        assert said == ["TO:<bob@remote.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;Bob+2Bx@old.test", "TO:<bad@remote.test> NOTIFY=FAILURE"], said
        head, rcpts, returned = report(p.wait_mail()[0])
        empty(p)
        assert head["Original-Envelope-Id"] == "my id+1" and list(rcpts) == ["bad@remote.test"] and returned == "text/rfc822-headers"
        assert len(p.maildir()) == 1


def relayed():
    """Without DSN: a report for who asked for one; none for the others, NEVER, or the null sender."""
    with Sink() as sink, relay(route(sink)) as p:
        spool.put(p, MESSAGE, [("a@remote.test", {"notify": spool.SUCCESS, "orcpt": "rfc822;orig@old.test"}), ("b@remote.test", {"notify": spool.NEVER}),
                               "c@remote.test", ("d@remote.test", {"notify": spool.FAILURE | spool.SUCCESS})], envid="e1")
        spool.put(p, MESSAGE, [("e@remote.test", {"notify": spool.SUCCESS})], sender="")
        sink.wait(2)
        assert all(m.parameters.startswith("SIZE=") and " " not in m.parameters for m in sink.messages)
        head, rcpts, returned = report(p.wait_mail()[0])
        empty(p)
        assert sorted(rcpts) == ["a@remote.test", "d@remote.test"] and len(p.maildir()) == 1 and returned == "text/rfc822-headers"
        r = rcpts["a@remote.test"]
        assert (r["Action"], r["Status"], r["Original-Recipient"]) == ("relayed", "2.0.0", "rfc822;orig@old.test"), r
        assert r["Remote-MTA"] == "dns; 127.0.0.1" and r["Diagnostic-Code"] == "smtp; 250 2.0.0 ok" and head["Original-Envelope-Id"] == "e1"


def delivered():
    """To our own mailboxes by the internal socket: the end of the way."""
    with relay() as p:
        spool.put(p, MESSAGE, [("bob@local.test", {"notify": spool.SUCCESS})])
        _, rcpts, _ = report(p.wait_mail()[0])
        empty(p)
        assert len(p.maildir("bob")) == 1 and b"Return-Path" in p.maildir("bob")[0]
        r = rcpts["bob@local.test"]
        assert r["Action"] == "delivered" and r["Remote-MTA"] is None and str(p.run) not in p.maildir()[0].decode()


def told_after_a_crash():
    """Killed between the delivery and the report: the report comes, the message is not sent again."""
    with Sink() as sink, relay(route(sink), start=False) as p:
        token = p.dir / "token"
        token.write_text("")
        os.chmod(p.dir, 0o777)
        p.env = {"POSTRIDER_CRASH_AT": "deliver-recorded", "POSTRIDER_CRASH_TOKEN": str(token)}
        p.start()
        spool.put(p, MESSAGE, [("a@remote.test", {"notify": spool.SUCCESS})])
        _, rcpts, _ = report(p.wait_mail(timeout=60)[0])
        empty(p)
        assert not token.exists() and len(sink.messages) == 1 and len(p.maildir()) == 1
        assert rcpts["a@remote.test"]["Action"] == "relayed" and rcpts["a@remote.test"]["Diagnostic-Code"] is None


def delayed_once():
    """A delay is told once, restarts or not, and only to those who want it."""
    with Sink(rcpt=lambda c, a, n: "451 4.7.1 later" if "late" in a else None) as sink:
        with relay(route(sink), outbound="delay_warning = 1s\n", fail_intervals="1s*100") as p:
            spool.put(p, MESSAGE, ["late1@remote.test", ("late2@remote.test", {"notify": spool.DELAY}), ("late3@remote.test", {"notify": spool.FAILURE}),
                                   ("late4@remote.test", {"notify": spool.NEVER}), "fine@remote.test"], ret="FULL")
            spool.put(p, MESSAGE, "late5@remote.test", sender="")
            _, rcpts, returned = report(p.wait_mail()[0])
            assert sorted(rcpts) == ["late1@remote.test", "late2@remote.test"] and returned == "text/rfc822-headers"
            r = rcpts["late1@remote.test"]
            assert (r["Action"], r["Status"]) == ("delayed", "4.7.1") and r["Will-Retry-Until"] and "451 4.7.1 later" in r["Diagnostic-Code"]
            tries = sink.counts["rcpt"]
            p.stop()
            p.start()
            wait_until(lambda: sink.counts["rcpt"] > tries + 12, what="more attempts")
            assert len(p.maildir()) == 1


def asked_without_the_option():
    """NOTIFY=DELAY is honoured after four hours; who did not ask hears nothing."""
    with Sink(rcpt=lambda c, a, n: "451 4.7.1 later") as sink, relay(route(sink), fail_intervals="1s*100") as p:
        old = time.time() - 4 * 3600 - 10
        spool.put(p, MESSAGE, [("a@remote.test", {"notify": spool.DELAY}), "b@remote.test"], arrived=old)
        spool.put(p, MESSAGE, [("c@remote.test", {"notify": spool.DELAY})], arrived=old + 3600)
        _, rcpts, _ = report(p.wait_mail()[0])
        p.wait_log("status=deferred", count=6)
        assert list(rcpts) == ["a@remote.test"] and len(p.maildir()) == 1


def own_texts():
    """Each kind of notice has a text of its own."""
    files = {f"outbound.{kind}_message": f"From: x@y.test\nSubject: {kind} {{to}}\n\n{{reason}} {{until}}\n" for kind in ("bounce", "delay", "success")}
    with Sink(rcpt=lambda c, a, n: {"bad": "550 no", "late": "450 no"}.get(a[4:].split("@")[0])) as sink:
        with relay(route(sink), files=files, outbound="delay_warning = 1s\nbounce_max_return = 10\n", fail_intervals="1s*100") as p:
            spool.put(p, MESSAGE, ["bad@remote.test", "late@remote.test", ("good@remote.test", {"notify": spool.SUCCESS})])
            mails = p.wait_mail(3)
            assert sorted(m.split(b"Subject: ")[1].split()[0] for m in mails) == [b"bounce", b"delay", b"success"]
            assert all(b"text/rfc822-headers" in m for m in mails)


run_cases(passed_on, relayed, delivered, told_after_a_crash, delayed_once, asked_without_the_option, own_texts)
