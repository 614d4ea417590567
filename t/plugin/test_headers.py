#!/usr/bin/env python3
"""The plugin headers: required and single headers, dates, addresses, the way a message came, notes."""
import email.utils, time
from postrider import Instance, run_cases
from building import greeted, load_error, message, plugin_dir

DATE = "Date: " + email.utils.formatdate() + "\n"
FROM = "From: a@b.test\n"


def day(n):
    return "Date: " + email.utils.formatdate(time.time() + n * 86400) + "\n"


def instance(arguments):
    return Instance(plugins=f"relay\nheaders {arguments}\nrcpt_ok\nqueue/maildir {{mail}}/%u\n", files={"relayclients": "127.0.0.2\n"}, listen=("smtp",), auth=False, cert=False)


def cases(arguments, table):
    with instance(arguments) as p, greeted(p) as c:
        for text, code, words in table:
            answer = message(c, text + "\nbody")
            assert answer.startswith(str(code)) and words in answer, (arguments, text, answer)


def required():
    cases("", [(DATE + FROM, 250, ""), (DATE, 550, "a From header is required"), (FROM, 550, "a Date header is required"), ("", 550, "Date"),
               ("date: x\nFROM: y\n", 250, ""), (DATE + FROM + FROM, 550, "only one From"), (DATE + DATE + FROM, 550, "only one Date"),
               (DATE + FROM + "Subject: 1\nsubject: 2\n", 550, "only one Subject"), (DATE + FROM + "X: 1\nX: 2\n", 250, "")])
    cases("require From,Message-ID", [(FROM, 550, "Message-ID"), (FROM + "message-id: <1@x>\n", 250, "")])


def dates():
    cases("past 5 future 2", [(DATE + FROM, 250, ""), (day(-4) + FROM, 250, ""), (day(-6) + FROM, 550, "too far in the past"),
                              (day(1) + FROM, 250, ""), (day(3) + FROM, 550, "too far in the future"), ("Date: nonsense\n" + FROM, 250, "")])


def unreadable():
    cases("date 1", [("Date: nonsense\n" + FROM, 550, "no date"), ("Date: 31 Nov 2026 00:00 +0000\n" + FROM, 550, "no date"), (DATE + FROM, 250, "")])
    cases("syntax 1", [(DATE + FROM, 250, ""), (DATE + "From: root\n", 550, "the From header"), (DATE + "From: a@b.test <c@d.test>\n", 550, "From"),
                       (DATE + FROM + "To: undisclosed-recipients:;\n", 250, ""), (DATE + FROM + "Cc: x y@z\n", 550, "Cc"),
                       (DATE + FROM + "To: =?utf-8?q?J=C3=B6rg?= <j@b.test>,\n \"K, L\" <k@b.test>\n", 250, ""), (DATE + "no header\n" + FROM, 550, "a line")])


def from_match():
    cases("from_match 1", [(DATE + "From: X <x@B.test>\n", 250, ""), (DATE + "From: x@lists.b.test\n", 250, ""), (DATE + "From: x@test\n", 250, ""),
                           (DATE + "From: x@ab.test\n", 550, "sender's domain"), (DATE + "From: x@c.test, y@b.test\n", 250, ""),
                           (DATE + "From: \"a@b.test\" <x@c.test>\n", 550, "sender's domain"), (DATE + "From: nobody\n", 550, "sender's domain")])
    with instance("from_match 1") as p, greeted(p) as c:
        assert message(c, DATE + "From: x@c.test\n\nbody", "").startswith("250")


def delivered():
    """Also of clients that may relay; compared as addresses are."""
    trace = DATE + FROM + "Delivered-To: bob@local.test\nDelivered-To: \"Alice\"@LOCAL.test\n\nbody"
    with instance("delivered_to 1") as p:
        for source in ("127.0.0.1", "127.0.0.2"):
            with greeted(p, source) as c:
                assert message(c, trace).startswith("550 5.4.6")
                assert message(c, trace, "a@b.test", "carl@local.test", "bob@local.test").startswith("550 5.4.6")
                assert message(c, trace, "a@b.test", "carl@local.test").startswith("250")
                assert message(c, DATE + FROM + "Delivered-To: nonsense\n\nbody").startswith("250")


def ways():
    cases("return_path 1", [(DATE + FROM, 250, ""), ("Return-Path: <a@b.test>\n" + DATE + FROM, 550, "Return-Path")])
    cases("direct 1", [(DATE + FROM, 550, "no mail server"), ("Received: from x by y; date\n" + DATE + FROM, 250, "")])
    cases("user_agent 1", [(DATE + FROM, 550, "no mail program"), (DATE + FROM + "User-Agent:\nX-Mailer: some\n", 250, "")])
    cases("singular X-One require From", [(FROM + FROM, 250, ""), (FROM + "X-One: 1\nx-one: 2\n", 550, "only one X-One")])


def notes():
    with Instance(plugins="", start=False, listen=("smtp",), auth=False, cert=False) as p:
        plugin_dir(p.dir / "plugins", "noted")
        p.write("plugins", "headers notes 1 reject 0\nnoted\nrcpt_ok\n")
        p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
        p.start()
        with greeted(p) as c:
            message(c, "From: x@c.test\nX-Mailer: Some 1.0\nList-Id: <l.test>\n\nbody")
            message(c, "Received: x\nFrom: x@b.test\n\nbody")
        p.wait_log(r"from_match=0 direct=1 agent=<Some 1.0> list=<<l.test>>")
        p.wait_log(r"from_match=1 direct=0 agent=<none> list=<none>")


def relay_clients():
    with instance("") as p, greeted(p, "127.0.0.2") as c:
        assert message(c, "X: no date\n\nbody").startswith("250")


def arguments():
    cases("reject_type temp", [(DATE, 450, "4.6.0")])
    cases("reject 0", [(DATE, 250, "")])
    load_error("headers past never\n", "argument past: found")
    load_error("headers require a:b\n", 'argument require: found "a:b"')
    load_error("headers singular 'a b'\n", 'argument singular: found "a b"')
    load_error("headers syntax maybe\n", "argument syntax: found")
    load_error("headers Date\n", 'found the argument "Date"')


run_cases(required, dates, unreadable, from_match, delivered, ways, notes, relay_clients, arguments)
