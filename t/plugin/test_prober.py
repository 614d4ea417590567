#!/usr/bin/env python3
"""Every function of postrider.h at every hook, also where it has no meaning: nothing crashes, no reply is injected."""
from postrider import PASSWORD, Instance, run_cases
from building import message, plugin_dir
from sink import Sink
import base64


def session(p, role, login):
    with p.raw(role) as c:
        c.expect(None, 220)
        c.expect("HELO y.test", 250)
        for line, code in (("FOO", 500), ("NOOP", 250), ("VRFY x", 252), ("HELP", 214)):
            c.expect(line, code)
        c.starttls()
        assert "injected" not in c.expect("EHLO x.test", 250)
        if login:
            c.expect("AUTH PLAIN AGEAYg==", 535)
            c.expect("AUTH PLAIN " + base64.b64encode(b"\0alice@local.test\0" + PASSWORD.encode()).decode(), 235)
        for size in (10, 20000):
            text = "Subject: a\nX-Probe: was here\n\n" + "x\n" * size
            answer = message(c, text, "a@b.test", "alice@local.test", *(["bob@remote.test"] if login else []))
            assert answer[:1] == "2", answer
        c.expect("MAIL FROM:<a@b.test> SIZE=5", 250)
        c.expect("RCPT TO:<nobody@remote.test>", 250 if login else 550)
        c.expect("QUIT", 221)


def everywhere():
    with Sink() as sink:
        p = Instance(plugins="", start=False, files={"routes": f"* 127.0.0.1:{sink.port}"})
        plugin_dir(p.dir / "plugins", "prober")
        p.write("plugins", "prober\ntls\nrelay\nauth/auth_flat_file constrain_sender no\nrcpt_ok\nroutes\n")
        p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins") + "memory_body_size = 4k\n")
        p.start()
        with p:
            session(p, "smtp", False)
            session(p, "submission", True)
            for m in sink.wait(2):
                assert b"X-Probe" not in m.data
            p.wait_log("status=sent", count=2)
            assert not p.spool_ids("bad") and "died" not in p.log()


run_cases(everywhere)
