#!/usr/bin/env python3
"""The plugin queue/maildir: what is written where, who has a mailbox, all or nothing, nothing outside of its tree."""
import os, shutil
from postrider import Instance, run_cases
from building import greeted, load_error, message

BASE = "relay\nrcpt_ok\n"


def instance(line, files=None, **more):
    files = {"relayclients": "127.0.0.2\n", **(files or {})}
    return Instance(plugins=BASE + line + "\n", files=files, listen=("smtp",), auth=False, cert=False, **more)


def own(p, path):
    """A directory below the mail directory as the server's user would have made it."""
    (p.mail / path).mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        at = p.mail / path
        while at != p.mail:
            shutil.chown(at, "nobody", "nogroup")
            at = at.parent


def everything_below(path):
    return sorted(str(f.relative_to(path)) for f in path.rglob("*"))


def content():
    """Line ends, dots, 8-bit, trace headers, one file for each recipient, safe names."""
    with instance("queue/maildir {mail}/%d/%u") as p, greeted(p) as c:
        c.expect("MAIL FROM:<a@b.test> BODY=8BITMIME", 250)
        for r in ("alice@local.test", "Bob+ext@LOCAL.test", "postmaster", '"/../x y"@local.test', "../../etc@local.test"):
            if r.startswith(".."):
                c.expect(f"RCPT TO:<{r}>", 501)     # no dot-string
                continue
            c.expect(f"RCPT TO:<{r}>", 250)
        c.expect("DATA", 354)
        c.send(b"Subject: x\r\n\r\n..dot\r\n\xe4\xf6\xfc\r\n...\r\n\r\n.\r\n")
        c.expect(None, 250)
        for domain, user, rcpt in (("local.test", "alice", "alice@local.test"), ("local.test", "bob", "Bob+ext@LOCAL.test"),
                                   ("mx.local.test", "postmaster", "postmaster"), ("local.test", "%2F..%2Fx%20y", '"/../x y"@local.test')):
            mails = p.maildir(user, domain)
            assert len(mails) == 1, (user, everything_below(p.mail))
            lines = mails[0].split(b"\n")
            assert lines[:2] == [b"Return-Path: <a@b.test>", b"Delivered-To: " + rcpt.encode()], lines
            assert lines[2].startswith(b"Received: "), lines
            assert mails[0].endswith(b"\nSubject: x\n\n.dot\n\xe4\xf6\xfc\n..\n\n") and b"\r" not in mails[0], mails[0]
            box = p.mail / domain / user
            assert sorted(x.name for x in box.iterdir()) == ["cur", "new", "tmp"] and not list((box / "tmp").iterdir())
            assert (box / "new").stat().st_mode & 0o777 == 0o700 and next((box / "new").iterdir()).stat().st_mode & 0o777 == 0o600
        assert sorted(x.name for x in p.mail.iterdir()) == ["local.test", "mx.local.test"]


def binary():
    """BODY=BINARYMIME: octet by octet as it came, in chunks larger than what is read at once."""
    header = b"Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    body = (bytes(range(256)) + b"\r\n\n\r\r\n.\r\n") * 300 + b"\r"
    with instance("queue/maildir {mail}/%d/%u", conf="memory_body_size = 4k\n") as p, greeted(p) as c:
        c.expect("MAIL FROM:<a@b.test> BODY=BINARYMIME", 250)
        c.expect("RCPT TO:<alice@local.test>", 250)
        for piece in (header, body[:50000]):
            c.send(b"BDAT %d\r\n" % len(piece) + piece)
            c.expect(None, 250)
        c.send(b"BDAT %d LAST\r\n" % len(body[50000:]) + body[50000:])
        c.expect(None, 250)
        mail = p.maildir()[0]
        assert mail.startswith(b"Return-Path: <a@b.test>\r\nDelivered-To: alice@local.test\r\nReceived: "), mail[:200]
        assert mail.endswith(b"\r\n" + header + body) and mail.count(b"\r\n\r\n") == 1, mail[:600]


def one_for_all():
    with instance("queue/maildir {mail}/all") as p, greeted(p) as c:
        assert message(c, "X: y\n\nz", "a@b.test", "alice@local.test", "bob@local.test").startswith("250")
        assert len(list((p.mail / "all/new").iterdir())) == 2


def relative_path():
    p = instance("queue/maildir mail/%u", start=False)
    (p.conf_dir / "mail").mkdir()
    if os.geteuid() == 0:
        shutil.chown(p.conf_dir / "mail", "nobody")
    with p:
        p.start()
        with greeted(p) as c:
            assert message(c, "X: y\n\nz").startswith("250")
        assert len(list((p.conf_dir / "mail/alice/new").iterdir())) == 1


def listed_users():
    with instance("queue/maildir {mail}/%d/%u users boxes", files={"boxes": "alice\nCarol@local.test\n", "rcpthosts": "local.test\nother.test\n"}) as p:
        for source in ("127.0.0.1", "127.0.0.2"):
            with greeted(p, source) as c:
                c.expect("MAIL FROM:<a@b.test>", 250)
                for rcpt, known in (("alice@local.test", 1), ("ALICE+x@other.test", 1), ("carol@local.test", 1), ("carol@other.test", 0), ("dave@local.test", 0), ("postmaster", 0)):
                    answer = c.command(f"RCPT TO:<{rcpt}>")
                    assert answer.startswith("250" if known else "550 5.1.1"), (source, rcpt, answer)
        with greeted(p, "127.0.0.2") as c:
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<dave@remote.test>", 250)     # not ours: no mailbox needed
        with greeted(p) as c:
            assert message(c, "X: y\n\nz", "a@b.test", "carol@local.test").startswith("250")
        assert p.maildir("carol") and sorted(x.name for x in (p.mail / "local.test").iterdir()) == ["carol"]


def existing_users():
    with instance("queue/maildir {mail}/%u/Maildir create no") as p:
        own(p, "alice")
        with greeted(p) as c:
            assert message(c, "X: y\n\nz").startswith("250")
            c.expect("MAIL FROM:<a@b.test>", 250)
            assert c.expect("RCPT TO:<bob@local.test>", 550).startswith("550 5.1.1")
        assert len(list((p.mail / "alice/Maildir/new").iterdir())) == 1
        assert [x.name for x in p.mail.iterdir()] == ["alice"]


def no_links():
    """Links and directories of others are not used: the client is to come again, and the log says why."""
    with instance("queue/maildir {mail}/%u") as p:
        outside = p.dir / "outside"
        outside.mkdir(mode=0o777)
        outside.chmod(0o777)
        (p.mail / "linked").symlink_to(outside)
        own(p, "half/cur")
        (p.mail / "half/new").symlink_to(outside)
        own(p, "open")
        (p.mail / "open").chmod(0o777)
        if os.geteuid() == 0:
            (p.mail / "foreign").mkdir()
        for user in ("linked", "open") + (("foreign",) if os.geteuid() == 0 else ()):
            with greeted(p) as c:
                c.expect("MAIL FROM:<a@b.test>", 250)
                answer = c.command(f"RCPT TO:<{user}@local.test>")
                assert answer.startswith("451 4.3.0"), (user, answer)
        with greeted(p) as c:
            assert message(c, "X: y\n\nz", "a@b.test", "half@local.test").startswith("451 4.3.0")
        assert not list(outside.iterdir()), list(outside.iterdir())
        p.wait_log("cannot use the Maildir of linked@local.test")


def all_or_nothing():
    """When one of several cannot be written, nobody has the message."""
    with instance("queue/maildir {mail}/%u") as p:
        own(p, "bob")
        (p.mail / "bob/new").write_text("this is no directory\n")
        with greeted(p) as c:
            assert message(c, "X: y\n\nz", "a@b.test", "alice@local.test", "bob@local.test", "carol@local.test").startswith("451 4.3.0")
            for user in ("alice", "carol"):
                for part in ("new", "tmp"):
                    path = p.mail / user / part
                    assert not path.exists() or not list(path.iterdir()), path
            (p.mail / "bob/new").unlink()
            assert message(c, "X: y\n\nz", "a@b.test", "alice@local.test", "bob@local.test", "carol@local.test").startswith("250")
        assert all(len(list((p.mail / user / "new").iterdir())) == 1 for user in ("alice", "bob", "carol"))


def load_errors():
    load_error("queue/maildir\n", "found no argument, expected the path")
    load_error("queue/maildir /nowhere/at/all/%u\n", "found no directory /nowhere/at/all")
    load_error("queue/maildir /tmp/%x\n", "expected one without . and ..")
    load_error("queue/maildir /tmp/%u create maybe\n", "expected 1 or 0")
    load_error("queue/maildir /tmp/%u user boxes\n", 'found the argument "user"')


run_cases(content, binary, one_for_all, relative_path, listed_users, existing_users, no_links, all_or_nothing, load_errors)
