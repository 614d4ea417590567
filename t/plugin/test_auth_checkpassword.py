#!/usr/bin/env python3
"""The plugin auth/auth_checkpassword: what the program is given and what its exit status means; a slow one is killed with its children."""
import os, pathlib, subprocess, time
from building import SOURCES, load_error
from postrider import Instance, run_cases, wait_until
from sasl import b64, plain


def instance(line="", files=None):
    p = Instance(plugins="", conf="auth_without_tls = true\n", files=files, start=False, auth=False, cert=False, listen=("smtp",))
    p.checker, p.record = p.dir / "checker", p.mail / "record"
    subprocess.run(["cc", "-Wall", "-Wextra", "-Werror", "-o", p.checker, SOURCES / "checker.c"], check=True)
    p.write("plugins", line.format(checker=p.checker, record=p.record))
    return p


def session(p, *attempts):
    with p.raw() as c:
        c.expect(None, 220)
        assert c.expect("EHLO c.test", 250).endswith("250 AUTH PLAIN LOGIN")
        for user, password, code in attempts:
            c.expect("AUTH PLAIN " + plain(user, password), code)


def checks():
    with instance('auth/auth_checkpassword checkpw "{checker} {record}" true /bin/true\n') as p:
        p.start()
        session(p, ("alice", "wrong", 535), ("bob", "secret word", 535), ("alice", "$(true) secret word;", 535), ("later", "x", "454 4.7.0"),
                ("crash", "x", "454 4.7.0"), ("alice", "x" * 500, 535), ("alice", "secret word", 235))
        with p.raw() as c:
            c.expect(None, 220)
            c.expect("EHLO c.test", 250)
            c.expect("AUTH LOGIN " + b64("alice"), 334)
            c.expect(b64("secret word"), 235)
        said = p.record.read_text().splitlines()
        assert set(said[:6]) == {f"arg {p.checker}", f"arg {p.record}", "arg /bin/true", "env PATH=/usr/local/bin:/usr/bin:/bin", "env PROTO=TCP",
                                 "env TCPREMOTEIP=127.0.0.1"}, said
        assert {line for line in said if line.startswith("fd ")} == {"fd 0", "fd 1", "fd 2", "fd 3"}, said
        assert len([line for line in said if line.startswith("read 1 login alice stamp 1")]) == 4, said
        assert "ended by signal 6" in p.log() and "exit status 111" in p.log() and "secret word" not in p.log()


def too_slow():
    with instance('auth/auth_checkpassword timeout 1 checkpw "{checker} {record}"\n') as p:
        p.start()
        start = time.monotonic()
        session(p, ("slow", "x", "454 4.7.0"), ("alice", "secret word", 235))
        assert time.monotonic() - start >= 1
        p.wait_log("no answer within 1 seconds")
        def left():
            found = []
            for entry in pathlib.Path("/proc").iterdir():
                try:
                    if entry.name.isdigit() and os.readlink(entry / "exe") == str(p.checker):
                        found.append(entry.name)
                except OSError:
                    pass
            return found
        wait_until(lambda: not left(), what="the slow program and its child to be gone")


def by_file():
    """As qpsmtpd has it: the command in a file of its own."""
    p = instance("auth/auth_checkpassword constrain_sender no\n")
    p.write("smtpauth-checkpassword", f"{p.checker} {p.record} /bin/true\n")
    with p:
        p.start()
        session(p, ("alice", "secret word", 235))


def load_errors():
    load_error("auth/auth_checkpassword\n", "found no program")
    load_error("auth/auth_checkpassword checkpw true\n", 'found the program "true", expected an absolute path')
    load_error("auth/auth_checkpassword checkpw /no/such/program\n", "cannot run /no/such/program")
    load_error("auth/auth_checkpassword checkpw /bin/true timeout 0\n", "argument timeout")
    load_error("auth/auth_checkpassword checkpw /bin/true other\n", '"other"')


run_cases(checks, too_slow, by_file, load_errors)
