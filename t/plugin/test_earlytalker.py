#!/usr/bin/env python3
"""The plugin earlytalker: who talks before the greeting or before the 354 is refused, who waits is not."""
import time
from postrider import Instance, run_cases
from building import greeted, load_error, raw_from


def instance(arguments):
    return Instance(plugins=f"relay\nearlytalker {arguments}\nrcpt_ok\n", files={"relayclients": "127.0.0.2\n"}, listen=("smtp",), auth=False, cert=False)


def at_connect():
    for arguments, want in (("wait 2", "554 5.7.1"), ("wait 2 reject_type temp", "421 4.7.1"), ("wait 2 action denysoft", "421 4.7.1"),
                            ("wait 2 action deny", "554 5.7.1"), ("wait 2 action log", "220"), ("wait 2 reject 0", "220"), ("wait 2 check-at DATA", "220")):
        with instance(arguments) as p, raw_from(p, "127.0.0.1") as c:
            c.send("EHLO early.test\r\n")
            line = c.line()
            assert line.startswith(want), (arguments, line)


def patient():
    with instance("wait 1") as p:
        start = time.monotonic()
        with greeted(p) as c:
            assert time.monotonic() - start >= 0.9
            c.expect("QUIT", 221)
        start = time.monotonic()
        with greeted(p, "127.0.0.2") as c:
            assert time.monotonic() - start < 0.9, "a client that may relay was made to wait"


def deferred():
    with instance("wait 2 defer-reject 1") as p, raw_from(p, "127.0.0.1") as c:
        c.send("EHLO early.test\r\n")
        c.expect(None, 220)
        c.expect(None, 250)
        c.expect("MAIL FROM:<a@b.test>", 550)


def at_data():
    with instance("wait 1 check-at CONNECT check-at DATA") as p:
        with greeted(p) as c:
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<alice@local.test>", 250)
            c.send("DATA\r\nMAIL FROM:<evil@b.test>\r\nx\r\n.\r\n")
            answer = "\n".join(c.reply())
            assert answer.startswith("5"), answer
            assert c.line() is None, "content was read as commands"
        with greeted(p) as c:
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<alice@local.test>", 250)
            c.expect("DATA", 354)
        with greeted(p) as c:       # content follows BDAT at once, and that is right
            c.send("MAIL FROM:<a@b.test>\r\nRCPT TO:<bob@local.test>\r\nBDAT 3\r\na\r\nBDAT 3 LAST\r\nb\r\n")
            codes = [c.reply()[0][:3] for _ in range(4)]
            assert codes == ["250", "250", "250", "451"], codes       # nobody queues here


def load_errors():
    load_error("earlytalker wait 61\n", "expected a number from 0 to 60")
    load_error("earlytalker check-at MAIL\n", 'found "MAIL", expected CONNECT or DATA')
    load_error("earlytalker action maybe\n", "expected deny, denysoft or log")
    load_error("earlytalker action deny reject 0\n", "expected one way to say it")
    load_error("earlytalker 5\n", 'found the argument "5"')


run_cases(at_connect, patient, deferred, at_data, load_errors)
