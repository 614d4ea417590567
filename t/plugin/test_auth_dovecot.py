#!/usr/bin/env python3
"""The plugin auth/auth_dovecot against a scripted authentication server: right, wrong, temporary, and everything that it should not say."""
import base64, contextlib, os, socket, threading, time
from building import load_error
from postrider import Instance, run_cases
from sasl import b64, plain, tls

GREETING = "VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nMECH\tLOGIN\tplaintext\nSPID\t7\nCUID\t1\nCOOKIE\tabc\nDONE\n"


class Dovecot:
    """Answers each AUTH with what `say` gives for (login, password): a text with the id to fill in, or None to close."""

    def __init__(self, path, say, greeting=GREETING):
        self.say, self.greeting, self.asked = say, greeting, []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        os.chmod(path, 0o777)
        self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                c, _ = self.listener.accept()
                threading.Thread(target=self.talk, args=(c,), daemon=True).start()

    def talk(self, c):
        with contextlib.suppress(OSError), c, c.makefile("rb") as lines:
            c.sendall(self.greeting.encode())
            for line in lines:
                word, *fields = line.decode().rstrip("\n").split("\t")
                if word == "AUTH":
                    self.asked.append(fields)
                    _, login, password = base64.b64decode(fields[-1].removeprefix("resp=")).decode().split("\0")
                    answer = self.say(login, password)
                    if answer is None:
                        return
                    for piece in answer if isinstance(answer, list) else [answer]:
                        c.sendall(piece.format(id=fields[0]).encode())

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextlib.contextmanager
def instance(say, arguments="", greeting=GREETING):
    p = Instance(plugins="", start=False, auth=False)
    path = p.dir / "auth-client"
    d = Dovecot(path, say, greeting)
    p.write("plugins", f"tls\nauth/auth_dovecot socket {path} {arguments}\n")
    try:
        with p:
            p.start()
            yield p, d
    finally:
        d.close()


@contextlib.contextmanager
def secure(p):
    with p.raw("smtps") as c:
        c.sock = tls().wrap_socket(c.sock)
        c.expect(None, 220)
        assert c.expect("EHLO c.test", 250).endswith("250 AUTH PLAIN LOGIN")
        yield c


def answers():
    said = {"alice": "OK\t{id}\tuser=alice@local.test\tmore=x\n", "same": "OK\t{id}\n", "bob": "FAIL\t{id}\tuser=bob\n",
            "later": "FAIL\t{id}\tuser=later\ttemp\n", "later2": "FAIL\t{id}\tcode=temp_fail\n", "gone": None,
            "evil": "OK\t{id}\tuser=a\x01nb\n", "evil2": "OK\t{id}\tuser=a\x010b\n", "tab": "OK\t{id}\tuser=a\x01tb\n", "cont": "CONT\t{id}\t\n",
            "slow": ["OK", "\t{id}", "\tuser=slow@local.test", "\n"], "other": "OK\t99\tuser=x\nFAIL\t{id}\n", "long": "X" * 9000, "many": "NOTHING\n" * 300}
    with instance(lambda login, password: said[login] if password == "secret" or login != "alice" else "FAIL\t{id}\tuser=alice\n") as (p, d):
        for login, password, code in (("alice", "wrong", 535), ("bob", "secret", 535), ("later", "x", 454), ("later2", "x", 454), ("gone", "x", 454),
                                      ("evil", "x", 454), ("evil2", "x", 454), ("tab", "x", 454), ("cont", "x", 454), ("other", "x", 535), ("long", "x", 454),
                                      ("many", "x", 454), ("alice", "secret", 235), ("same", "x", 235), ("slow", "x", 235)):
            with secure(p) as c:
                c.expect("AUTH PLAIN " + plain(login, password), code)
                if login == "alice" and code == 235:
                    c.expect("MAIL FROM:<x@other.test>", 553)
                    c.expect("MAIL FROM:<x@local.test>", 250)
        p.wait_log("session .* user=alice@local.test ")
        p.wait_log("session .* user=same ")
        with secure(p) as c:
            c.expect("AUTH LOGIN " + b64("alice"), 334)
            c.expect(b64("secret"), 235)
        one = d.asked[0]
        assert one[1] == "PLAIN" and {"service=smtp", "nologin", "secured", "rip=127.0.0.1", "lip=127.0.0.1"} <= set(one), one
        assert one[-1].startswith("resp=")
        for trouble in ("temporary failure", "connection closed", "a user name that cannot be one", "no answer that makes sense", "a line that is too long"):
            assert trouble in p.log(), trouble
        assert "secret" not in p.log()


def troubles():
    with instance(lambda login, password: "", "timeout 1 service submission") as (p, d):
        with secure(p) as c:
            start = time.monotonic()
            c.expect("AUTH PLAIN " + plain("alice", "x"), "454 4.7.0")
            assert time.monotonic() - start >= 1
        assert "service=submission" in d.asked[0]
        p.wait_log("auth-client: no answer in time")
        d.close()
        with secure(p) as c:
            c.expect("AUTH PLAIN " + plain("alice", "x"), "454 4.7.0")
        p.wait_log("auth-client: Connection refused")
        os.unlink(p.dir / "auth-client")
        with secure(p) as c:
            c.expect("AUTH PLAIN " + plain("alice", "x"), "454 4.7.0")
        p.wait_log("auth-client: No such file or directory")
    with instance(lambda login, password: "OK\t{id}\n", greeting="VERSION\t2\t0\n") as (p, d):
        with secure(p) as c:
            c.expect("AUTH PLAIN " + plain("alice", "x"), "454 4.7.0")
        p.wait_log("another version of the protocol")


def load_errors():
    load_error("auth/auth_dovecot socket auth-client\n", "argument socket")
    load_error("auth/auth_dovecot socket /" + "x" * 120 + "\n", "argument socket")
    load_error("auth/auth_dovecot service ''\n", "argument service")
    load_error("auth/auth_dovecot host 127.0.0.1\n", '"host"')


run_cases(answers, troubles, load_errors)
