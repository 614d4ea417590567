#!/usr/bin/env python3
"""The plugin headers: required and single headers, dates."""
import email.utils, time
from postrider import Instance, run_cases
from building import greeted, load_error, message

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


def relay_clients():
    with instance("") as p, greeted(p, "127.0.0.2") as c:
        assert message(c, "X: no date\n\nbody").startswith("250")


def arguments():
    cases("reject_type temp", [(DATE, 450, "4.6.0")])
    cases("reject 0", [(DATE, 250, "")])
    load_error("headers past never\n", "argument past: found")
    load_error("headers Date\n", 'found the argument "Date"')


run_cases(required, dates, relay_clients, arguments)
