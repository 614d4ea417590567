#!/usr/bin/env python3
"""What plugins do to the header section, in messages that are held in memory and in those that are not, and by way of the spool."""
import re
from postrider import Instance, run_cases
from building import greeted, message, plugin_dir
from sink import Sink

TEXT = "Subject: one\n two\nX-A: 1\nno field at all\nx-a: 2\nFrom: a@b.test\n\nbody\n"
BIG = TEXT + "0123456789" * 6 + "\n" * 2 + ("y" * 70 + "\n") * 300


def instance(arguments, **more):
    p = Instance(plugins="", start=False, auth=False, cert=False, listen=("smtp",), **more)
    plugin_dir(p.dir / "plugins", "editor")
    lines = arguments if isinstance(arguments, list) else [arguments]
    editors = "".join(f"editor:{i} {line}\n" for i, line in enumerate(lines))
    p.write("plugins", f"relay\n{editors}rcpt_ok\nroutes\nqueue/maildir {p.mail}/%u\n")
    p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins") + "memory_body_size = 4k\n")
    p.start()
    return p


def header_of(data):
    """The stored header section without the Received line, which changes."""
    head = data.replace(b"\r\n", b"\n").partition(b"\n\n")[0].decode() + "\n"
    head = re.sub(r"^(Return-Path|Delivered-To):.*\n", "", head, flags=re.M)
    return re.sub(r"^Received:.*\n(?:\t.*\n)*", "R\n", head, flags=re.M)


CASES = [
    ("", "R\n" + TEXT.partition("\n\n")[0] + "\n"),
    ("'prepend:X-T:a|\tb'", "X-T: a\n\tb\nR\n" + TEXT.partition("\n\n")[0] + "\n"),
    ("append:X-T:t", "R\n" + TEXT.partition("\n\n")[0] + "\nX-T: t\n"),
    ("insert:1:X-T:t insert:3:X-U:u", "R\nX-T: t\nSubject: one\n two\nX-U: u\nX-A: 1\nno field at all\nx-a: 2\nFrom: a@b.test\n"),
    ("change:X-A:1:new 'change:subject:-1:[x] one two'", "R\nSubject: [x] one two\nX-A: 1\nno field at all\nx-a: new\nFrom: a@b.test\n"),
    ("remove:X-A prepend:X-A:3", "X-A: 3\nR\nSubject: one\n two\nno field at all\nFrom: a@b.test\n"),
    ("remove_nth:X-A:-1 remove:Received", "Subject: one\n two\nX-A: 1\nno field at all\nFrom: a@b.test\n"),
]


def changes():
    for arguments, want in CASES:
        with instance(arguments) as p, greeted(p) as c:
            for text in (TEXT, BIG):
                assert message(c, text, "a@b.test", "alice@local.test").startswith("250"), p.log()
            for text, got in zip(sorted((TEXT, BIG), key=len), sorted(p.maildir("alice", ""), key=len)):
                assert header_of(got) == want, (arguments, header_of(got))
                assert got.partition(b"\n\n")[2].decode().rstrip("\n") == text.partition("\n\n")[2].rstrip("\n"), arguments
            assert "did not" not in p.log(), p.log()


def refusals():
    with instance("'prepend:X A:b' 'append:X:a|b' 'insert:0:X:a|' change:Nothing:0:x change:X-A:2:x remove:Nothing remove_nth:X-A:-3") as p, greeted(p) as c:
        message(c, TEXT, "a@b.test", "alice@local.test")
        assert p.log().count("did not") == 7, p.log()
        assert header_of(p.maildir("alice", "")[0]) == CASES[0][1]
    with instance("at:99 at:7") as p, greeted(p) as c:
        message(c, TEXT, "a@b.test", "alice@local.test")
        assert p.log().count("did at:") == 2 and header_of(p.maildir("alice", "")[0]) == CASES[0][1], p.log()


def walking():
    """A later plugin sees what an earlier one did, in the order in which it will be stored."""
    with instance(["prepend:X-T:t change:X-A:0:changed remove_nth:X-A:1", "walk"]) as p, greeted(p) as c:
        message(c, TEXT, "a@b.test", "alice@local.test")
        seen = re.findall(r"field (\d+) <([^>]*)> <(.*?)> raw (\d+)", p.log())
        assert [s[1] for s in seen] == ["X-T", "Received", "Subject", "X-A", "", "From"], seen
        assert seen[2][2:] == ("one two", str(len("Subject: one\r\n two\r\n"))) and seen[3][2] == "changed" and seen[4][2] == "no field at all", seen


def through_the_spool():
    with Sink() as sink, instance("change:Subject:0:[x] insert:99:X-T:t remove:X-A", files={"relayclients": "127.0.0.1\n", "routes": f"* 127.0.0.1:{sink.port}"}) as p:
        for text in (TEXT, BIG):
            with greeted(p) as c:
                assert message(c, text, "a@b.test", "bob@remote.test").startswith("250")
        for m in sink.wait(2):
            assert header_of(m.data).endswith("R\nSubject: [x]\nno field at all\nFrom: a@b.test\nX-T: t\n"), header_of(m.data)


run_cases(changes, refusals, walking, through_the_spool)
