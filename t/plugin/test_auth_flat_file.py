#!/usr/bin/env python3
"""The plugin auth/auth_flat_file: right and wrong passwords, hashes of other programs, equal time, refusal of clear texts."""
import contextlib, smtplib, statistics, subprocess, time
from postrider import Instance, PASSWORD, run_cases, wait_until
from building import load_error

PLUGINS = "tls\nauth/auth_flat_file\nrcpt_ok\n"
SHA512 = "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnIFNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1"


def login(p, user, password, role="submission", mechanism="plain"):
    """The reply's code and text."""
    with contextlib.closing(p.client(role, starttls=role != "smtps")) as c:
        try:
            c.user, c.password = user, password
            return c.auth(mechanism, getattr(c, "auth_" + mechanism))
        except smtplib.SMTPAuthenticationError as e:
            return e.smtp_code, e.smtp_error


def passwords():
    p = Instance(plugins=PLUGINS, start=False)
    p.write("flat_auth_pw", p.read("flat_auth_pw") + f"bob:{SHA512}\n")
    with p:
        p.start()
        for mechanism in ("plain", "login"):
            for user, password, good in (("alice@local.test", PASSWORD, True), ("ALICE@Local.Test", PASSWORD, True), ("bob", "Hello world!", True),
                                         ("alice@local.test", PASSWORD + "x", False), ("alice@local.test", PASSWORD[:-1], False),
                                         ("alice@local.test", "x", False), ("bob", PASSWORD, False), ("alice", PASSWORD, False),
                                         ("nobody@local.test", PASSWORD, False)):
                code, text = login(p, user, password, mechanism=mechanism)
                assert code == (235 if good else 535), (mechanism, user, password, code, text)
        wrong, unknown = login(p, "bob", "x"), login(p, "nobody", "x")
        assert wrong == unknown, (wrong, unknown)
        for secret in (PASSWORD, "Hello world!", SHA512[-20:]):
            assert secret not in p.log(), "a password in the log"


def changed():
    with Instance(plugins=PLUGINS) as p:
        assert login(p, "alice@local.test", PASSWORD)[0] == 235
        p.tool("passwd", "alice@local.test", input="another one\n", check=True)
        p.reload()
        # An idle worker of the old generation may still take a client on its way out.
        wait_until(lambda: login(p, "alice@local.test", PASSWORD)[0] == 535, what="the new password to hold")
        assert login(p, "alice@local.test", "another one")[0] == 235


def equal_time():
    """Unknown users and wrong passwords take the same time: medians within a factor of two of each other, and both far
    from the time of a refusal without hashing."""
    with Instance(plugins=PLUGINS) as p:
        times = {"alice@local.test": [], "nobody@local.test": []}
        for _ in range(7):
            for user, list_ in times.items():
                with contextlib.closing(p.client("submission", starttls=True)) as c:
                    c.user, c.password = user, "wrong"
                    start = time.perf_counter()
                    with contextlib.suppress(smtplib.SMTPAuthenticationError):
                        c.auth("plain", c.auth_plain)
                    list_.append(time.perf_counter() - start)
        known, unknown = (statistics.median(v) for v in times.values())
        assert 0.5 < known / unknown < 2, times
        assert unknown > 0.003, times


def load_errors():
    files = {"flat_auth_pw": f"bob:{SHA512}\n# comment\ncarol:clear-text-password\n"}
    p = Instance(plugins=PLUGINS, files=files, start=False, auth=False)
    try:
        r = p.tool("check")
        out = r.stdout + r.stderr
        assert r.returncode != 0 and "flat_auth_pw:3: " in out and '"carol"' in out and "clear-text-password" not in out, out
        assert p.start(expect_failure=True) == 2
        assert "clear-text-password" not in p.log()
    finally:
        p.close()
    load_error("auth/auth_flat_file\n", "flat_auth_pw:1: ", {"flat_auth_pw": "bob:$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/\n"})
    load_error("auth/auth_flat_file\n", "flat_auth_pw:1: ", {"flat_auth_pw": "bob\n"})
    load_error("auth/auth_flat_file\n", "flat_auth_pw:2: plugin auth/auth_flat_file: found the user", {"flat_auth_pw": f"bob:{SHA512}\nBOB:{SHA512}\n"})


run_cases(passwords, changed, equal_time, load_errors)
