#!/usr/bin/env python3
"""What plugins answer, and what becomes of it: bad verdicts, crashes, hangs, observers, the standard arguments."""
import time
from postrider import Instance, run_cases, wait_until
from building import plugin_dir

SET = "sleeper", "crasher", "badverdict", "badcode", "recorder", "rejecter"


def instance(plugins, conf="", files=None):
    p = Instance(plugins="", start=False, auth=False, cert=False, files=files, listen=("smtp",))
    plugin_dir(p.dir / "plugins", *SET)
    p.write("plugins", plugins.format(mail=p.mail))
    p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins") + conf + "\n")
    p.start()
    return p


def greeted(p):
    c = p.raw()
    c.expect(None, 220)
    c.expect("EHLO x.test", 250)
    return c


def bad_verdicts():
    """What is no verdict, and DELAY in a session, mean DENYSOFT; a code that contradicts the verdict gives way."""
    with instance("badverdict\n") as p, greeted(p) as c:
        for sender in ("number", "delay"):
            answer = c.expect(f"MAIL FROM:<{sender}@b.test>", 450)
            assert "do not say" not in answer, answer
        p.wait_log(r"bad verdict 77 at mail")
        p.wait_log(r"bad verdict 6 at mail")


def wrong_code():
    """A 250 in the reply of a DENY never reaches the client; the text does, with the code of the verdict."""
    with instance("badcode\n") as p, greeted(p) as c:
        c.expect("MAIL FROM:<a@b.test>", 250)
        assert "welcome" in c.expect("RCPT TO:<alice@local.test>", 550)
        p.wait_log(r"code 250 does not fit")


def crash():
    """A crash costs one session; the next client is served."""
    with instance("crasher\nrcpt_ok\n") as p:
        for i in range(3):
            with greeted(p) as c:
                c.send("MAIL FROM:<crash@b.test>\r\n")
                assert c.line() is None, "the session went on"
            with greeted(p) as c:
                c.expect("MAIL FROM:<fine@b.test>", 250)
        p.wait_log(r"(?i)worker.*(died|signal|killed)")


def hang():
    """The watchdog kills a worker that is stuck, and says in which plugin and hook; others go on."""
    with instance("sleeper mail\nrcpt_ok\n", conf='plugin_timeout = "1s"') as p:
        start = time.monotonic()
        with greeted(p) as c, greeted(p) as other:
            c.send("MAIL FROM:<a@b.test>\r\n")
            other.expect("NOOP", 250)
            assert c.line() is None
            other.expect("NOOP", 250)
        assert 0.9 < time.monotonic() - start < 20
        line = p.wait_log(r".*sleeper.*").group(0)
        assert "mail" in line, line


def observer():
    """An observer sees all hooks in their order and changes nothing, though it denies everything."""
    with instance("recorder\nrcpt_ok\nqueue/maildir {mail}/%d/%u\n") as p:
        with greeted(p) as c:
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<alice@local.test>", 250)
            c.expect("DATA", 354)
            c.send("Subject: x\r\n\r\nx\r\n.\r\n")
            c.expect(None, 250)
            c.expect("QUIT", 221)
        p.wait_log("saw disconnect")
        p.wait_mail()
        seen = [line.split("saw ")[1].split(":")[0] for line in p.log().splitlines() if "saw " in line]
        want = ["pre_connection", "connect", "ehlo", "mail", "rcpt", "data", "data_post", "queue", "queue_post", "reset_transaction", "quit", "disconnect"]
        assert [h for h in seen if h in want] == want, seen
        assert "saw rcpt: sender=a@b.test" in p.log() and "saw queue: sender=a@b.test recipients=1" in p.log()


def reject_arguments():
    """reject and reject_type, at the greeting, at MAIL and after the message."""
    cases = [
        ("at mail", {"MAIL": ("550 5.7.9 rejected by rejecter", True)}),
        ("at mail reject_type temp", {"MAIL": ("450 4.7.9 rejected", True)}),
        ("at mail reject_type disconnect", {"MAIL": ("550 5.7.9 rejected", False)}),
        ("at mail reject_type temp_disconnect", {"MAIL": ("421 4.7.9 rejected", False)}),
        ("at mail reject 0", {"MAIL": ("250", True), "RCPT": ("250", True)}),
        ("at mail reject naughty", {"MAIL": ("250", True), "RCPT": ("550 5.7.1 rejected by rejecter", True)}),
    ]
    for arguments, want in cases:
        with instance(f"rejecter {arguments}\nrcpt_ok\n") as p, greeted(p) as c:
            for verb, line in (("MAIL", "MAIL FROM:<a@b.test>"), ("RCPT", "RCPT TO:<alice@local.test>")):
                if verb not in want:
                    continue
                code, goes_on = want[verb]
                answer = c.command(line)
                assert answer.startswith(code), (arguments, answer)
                assert goes_on or c.line() is None, arguments
    for arguments, want in (("", "554 5.7.9 rejected"), ("reject_type temp", "421 4.7.9 rejected")):
        with instance(f"rejecter at connect {arguments}\n") as p, p.raw() as c:
            assert c.line().startswith(want)
            assert c.line() is None


def twice():
    """name:0 and name:1 are two instances with arguments of their own."""
    with instance("rejecter:0 at nowhere\nrejecter:1 at mail\n") as p, greeted(p) as c:
        assert "rejected by rejecter:1" in c.expect("MAIL FROM:<a@b.test>", 550)


def content():
    """Capabilities, notes and headers: what a plugin changes is in the message, and nothing else is."""
    with instance("rejecter\nrcpt_ok\nqueue/maildir {mail}/%d/%u\n") as p, p.raw() as c:
        c.expect(None, 220)
        assert "X-REJECTER" in c.expect("EHLO x.test", 250)
        c.expect("MAIL FROM:<a@b.test>", 250)
        c.expect("RCPT TO:<alice@local.test>", 250)
        c.expect("DATA", 354)
        c.send("Subject: x\r\nX-Unwanted: one\r\n two\r\nX-Kept: yes\r\nx-unwanted: three\r\n\r\nX-Unwanted: body\r\n.\r\n")
        c.expect(None, 250)
        mail = p.wait_mail()[0].decode()
        head, _, body = mail.partition("\n\n")
        lines = head.split("\n")
        assert lines[0] == "Return-Path: <a@b.test>" and lines[1] == "Delivered-To: alice@local.test" and lines[2] == "X-First: rejecter", lines
        assert lines[-3:] == ["Subject: x", "X-Kept: yes", "X-Note: a@b.test"], lines
        assert body == "X-Unwanted: body\n", body


run_cases(bad_verdicts, wrong_code, crash, hang, observer, reject_arguments, twice, content)
