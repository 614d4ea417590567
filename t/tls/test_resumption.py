#!/usr/bin/env python3
# timeout: 180
"""Sessions that are taken up again: with any worker and any generation, over STARTTLS and smtps, but not under other settings."""
import pathlib, signal, tempfile
from certs import s_client
from postrider import Instance, run_cases, wait_until

VERSIONS = ("-tls1_2", "-tls1_3")


def begin(address, version, path, **options):
    seen = s_client(address, version, "-sess_out", path, input=b"NOOP\r\nQUIT\r\n", **options)
    assert seen.ok and not seen.reused and pathlib.Path(path).exists(), seen.text
    return seen


def again(address, version, path, **options):
    seen = s_client(address, version, "-sess_in", path, input=b"NOOP\r\nQUIT\r\n", **options)
    assert seen.ok, seen.text
    return seen.reused


def instance(**options):
    return Instance(auth=False, plugins="tls\nrcpt_ok\n", conf="sessions_per_worker = 1\n", **options)


def across_workers():
    """Each session has a worker of its own here."""
    with tempfile.TemporaryDirectory() as d, instance() as p:
        for version in VERSIONS:
            begin(p.smtp, version, f"{d}/s")
            for _ in range(3):
                assert again(p.smtp, version, f"{d}/s"), version
            assert again(p.smtps, version, f"{d}/s", starttls=False), version


def a_ticket_each():
    """In TLS 1.3 one ticket, and a new one whenever a session is taken up again."""
    with tempfile.TemporaryDirectory() as d, instance() as p:
        for more in ("-sess_out", "-sess_in"):
            seen = s_client(p.smtp, "-tls1_3", "-msg", more, f"{d}/s", input=b"NOOP\r\nQUIT\r\n")
            assert seen.reused == (more == "-sess_in") and seen.text.count("NewSessionTicket") == 1, seen.text


def across_generations():
    with tempfile.TemporaryDirectory() as d, instance(tls="watch_interval = 1s") as p:
        for version in VERSIONS:
            begin(p.smtp, version, f"{d}/{version}")
        p.reload()
        for version in VERSIONS:
            assert again(p.smtp, version, f"{d}/{version}"), f"{version} after a reload"
        old = p.pids("forkserver")[0]
        p.kill_role("forkserver")
        wait_until(lambda: p.pids("forkserver") not in ([], [old]), what="a new forkserver")
        for version in VERSIONS:
            wait_until(lambda: again(p.smtp, version, f"{d}/{version}"), what=f"{version} after the death of the forkserver")
        p.tool("tls-cert", "--force", "--name", "mx.local.test", check=True)
        p.wait_log("files that it has read have changed: renewing")
        wait_until(lambda: len(p.pids("forkserver")) == 1 and p.pids("forkserver") != [old], what="the renewal")
        for version in VERSIONS:
            assert again(p.smtp, version, f"{d}/{version}"), f"{version} after a renewal"


def not_under_other_settings():
    with tempfile.TemporaryDirectory() as d, instance() as p:
        for version in VERSIONS:
            begin(p.smtp, version, f"{d}/{version}")
        p.write("tls.conf", "ciphers = \"SECURE128\"\n")
        p.reload()
        for version in VERSIONS:
            assert not again(p.smtp, version, f"{d}/{version}"), version


def foreign_tickets():
    """A ticket of another server, and one that was damaged, lead to a full handshake."""
    with tempfile.TemporaryDirectory() as d, instance() as p, instance() as other:
        for version in VERSIONS:
            begin(other.smtp, version, f"{d}/s")
            assert not again(p.smtp, version, f"{d}/s"), version


run_cases(across_workers, a_ticket_each, across_generations, not_under_other_settings, foreign_tickets)
