#!/usr/bin/env python3
# timeout: 180
"""Certificates that are replaced on disk are put in force without a restart; what does not fit is not, and what was goes on."""
import contextlib, os, re, signal, tempfile, time
from certs import Authority, s_client
from postrider import Instance, run_cases, wait_until


@contextlib.contextmanager
def setup(interval="1s", **options):
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        p = Instance(cert=False, start=False, auth=False, plugins="tls\nrcpt_ok\nqueue/maildir {mail}/%d/%u/\n", tls=f"watch_interval = {interval}", **options)
        ca.issue("mx.local.test", cn="first").write(p.conf_dir)
        with p:
            p.start()
            yield ca, p


def subject(p, name=None):
    seen = s_client(p.smtp, name=name)
    assert seen.ok, seen.text
    return seen.subject.rpartition("= ")[2]


def replaced():
    """A session that is under way is not cut, the other roles stay, and nothing is retried as SIGHUP would."""
    with setup() as (ca, p):
        assert subject(p) == "first"
        others = p.pids("resolver"), p.pids("queue-runner"), p.pids("master")
        old = p.pids("forkserver")
        c = p.raw()
        c.expect(None, 220)
        c.expect("EHLO x.test", 250)
        c.expect("MAIL FROM:<a@b.test>", 250)
        ca.issue("mx.local.test", cn="second").write(p.conf_dir)
        wait_until(lambda: subject(p) == "second", what=f"the new certificate\n{p.log()}")
        wait_until(lambda: p.pids("forkserver") != old, what="the new forkserver")
        assert (p.pids("resolver"), p.pids("queue-runner"), p.pids("master")) == others
        assert "reloaded" not in p.log() and "--flush" not in p.log()
        c.expect("RCPT TO:<alice@local.test>", 250)
        c.expect("DATA", 354)
        c.expect("Subject: x\r\n\r\nx\r\n.", 250)
        c.expect("QUIT", 221)
        wait_until(lambda: len(p.pids("forkserver")) == 1, what="the old forkserver to leave")
        p.wait_mail()


def bad_pairs():
    with setup() as (ca, p):
        good, other = ca.issue("mx.local.test", cn="second"), ca.issue("mx.local.test")
        (p.conf_dir / "tls_cert.pem").write_text(good.cert)
        p.wait_log(r'not renewed, the one before goes on.*tls_key.pem does not belong to certificate')
        assert subject(p) == "first"
        old = p.pids("forkserver")
        time.sleep(3)               # it is told once, not every time that it is looked at
        assert p.log().count("not renewed") == 1 and p.pids("forkserver") == old
        (p.conf_dir / "tls_key.pem").write_text(good.key)
        wait_until(lambda: subject(p) == "second", what=f"the new pair\n{p.log()}")
        p.write("tls/other.pem", other.key + other.cert[:300])
        p.wait_log(r"not renewed.*other.pem: broken|not renewed.*other.pem: found no")
        assert subject(p) == "second"
        os.kill(p.pids("forkserver")[0], signal.SIGKILL)        # when nobody is left to go on, the rest is served
        p.wait_log(r"error forkserver.*other.pem")
        wait_until(lambda: subject(p) == "second", what="a new forkserver")


def directory():
    with setup() as (ca, p):
        a = ca.issue("a.test")
        p.write("tls/deep/a.pem", a.key + a.cert)
        wait_until(lambda: subject(p, "a.test") == "a.test", what=f"the certificate of a.test\n{p.log()}")
        for name in ("one", "two"):
            pair = ca.issue("b.test", cn=name)
            p.write(f"archive/{name}", pair.key + pair.cert)
        (p.conf_dir / "tls/b").symlink_to("../archive/one")
        wait_until(lambda: subject(p, "b.test") == "one", what="a link")
        (p.conf_dir / "new").symlink_to("../archive/two")
        os.rename(p.conf_dir / "new", p.conf_dir / "tls/b")
        wait_until(lambda: subject(p, "b.test") == "two", what=f"the other link\n{p.log()}")
        (p.conf_dir / "tls/deep/a.pem").unlink()
        wait_until(lambda: subject(p, "a.test") == "first", what="the default in place of what was removed")


def only_by_signal():
    with setup(interval="0") as (ca, p):
        old = p.pids("forkserver")
        ca.issue("mx.local.test", cn="second").write(p.conf_dir)
        time.sleep(3)
        assert subject(p) == "first" and p.pids("forkserver") == old
        p.reload()
        assert subject(p) == "second"
        (p.conf_dir / "tls_cert.pem").write_text("gone")
        p.signal(signal.SIGHUP)
        p.wait_log("not reloaded, nothing changed: .*found no certificate")
        assert subject(p) == "second"


run_cases(replaced, bad_pairs, directory, only_by_signal)
