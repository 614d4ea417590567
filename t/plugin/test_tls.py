#!/usr/bin/env python3
"""The plugin tls: STARTTLS and smtps with it, neither without it; its arguments."""
import contextlib, shutil, smtplib
from postrider import Instance, run_cases
from building import load_error


def offers_tls():
    with Instance() as p:
        with contextlib.closing(p.client("smtp")) as c:
            assert c.has_extn("starttls")
        with contextlib.closing(p.client("smtp", starttls=True)) as c:
            assert not c.has_extn("starttls")
            assert c.noop()[0] == 250
        with contextlib.closing(p.client("smtps")) as c:
            assert c.noop()[0] == 250 and not c.has_extn("starttls")


def own_certificate():
    """Arguments name other files, relative to the configuration directory."""
    p = Instance(plugins="tls other/my.cert other/my.key\n", start=False)
    (p.conf_dir / "other").mkdir()
    for kind in ("cert", "key"):
        shutil.move(p.conf_dir / f"tls_{kind}.pem", p.conf_dir / f"other/my.{kind}")
    with p:
        p.start()
        with contextlib.closing(p.client("smtp", starttls=True)) as c:
            assert c.noop()[0] == 250


def without():
    with Instance(plugins="rcpt_ok\n", listen=("smtp",)) as p, contextlib.closing(p.client("smtp")) as c:
        assert not c.has_extn("starttls")
        assert c.docmd("STARTTLS")[0] in (454, 500, 502, 503)
    p = Instance(plugins="rcpt_ok\n", start=False, auth=False)
    try:
        assert p.start(expect_failure=True) == 2, "an smtps listener without TLS"
    finally:
        p.close()


def load_errors():
    load_error("tls /only/one\n", "found a certificate and no key")
    load_error("tls a b c\n", 'found the argument "c"')
    load_error("tls absent.cert absent.key\n", "absent.cert")
    load_error("tls:0\ntls:1\n", "switched on by another plugin")


run_cases(offers_tls, own_certificate, without, load_errors)
