#!/usr/bin/env python3
"""The plugin badmailfrom: addresses, domains, texts, reject arguments."""
from postrider import Instance, run_cases
from building import greeted, load_error

LIST = "spammer@bad.test\n@evil.test   We do not want this.\nplain.test\n.below.test go away # comment\n"
CASES = [("spammer@bad.test", "not welcome"), ("SPAMMER@Bad.Test", "not welcome"), ("\"spammer\"@bad.test", "not welcome"), ("\"Spam\\mer\"@bad.test", "not welcome"), ("other@bad.test", None), ("x@evil.test", "We do not want this."),
         ("x@sub.evil.test", None), ("x@PLAIN.test", "not welcome"), ("x@a.below.test", "go away"), ("x@below.test", None), ("", None), ("good@fine.test", None)]


def senders():
    with Instance(plugins="relay\nbadmailfrom\nrcpt_ok\n", files={"badmailfrom": LIST, "relayclients": "127.0.0.2\n"}, listen=("smtp",), auth=False, cert=False) as p:
        for sender, text in CASES:
            with greeted(p) as c:
                answer = c.command(f"MAIL FROM:<{sender}>")
                assert answer.startswith("550 5.7.1") and text in answer if text else answer.startswith("250"), (sender, answer)
        with greeted(p, "127.0.0.2") as c:
            c.expect("MAIL FROM:<spammer@bad.test>", 250)


def arguments():
    for args, verb, code in (("reject 0", "RCPT", 250), ("reject naughty", "RCPT", 550), ("reject_type temp", "MAIL", 450)):
        with Instance(plugins=f"badmailfrom {args}\nrcpt_ok\n", files={"badmailfrom": LIST}, listen=("smtp",), auth=False, cert=False) as p, greeted(p) as c:
            c.expect("MAIL FROM:<spammer@bad.test>", code if verb == "MAIL" else 250)
            if verb == "RCPT":
                c.expect("RCPT TO:<alice@local.test>", code)


def load_errors():
    for line in ("^spam.*@", "x@", "no_domain_at_all/", "spam\\d+@x.test", "x$", "a..b@x.test", "a@b@x.test"):
        load_error("badmailfrom\n", "badmailfrom:2", {"badmailfrom": f"good@x.test\n{line}\n"})
    load_error("badmailfrom reject 5\n", "expected 0, 1 or naughty")


run_cases(senders, arguments, load_errors)
