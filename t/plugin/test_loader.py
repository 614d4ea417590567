#!/usr/bin/env python3
"""Loading: every kind of broken plugin and line is found by `postrider check`, all of them at once, and the server does
not start; a reload with one changes nothing."""
import pathlib, shutil, tempfile
from postrider import Instance, run_cases
from building import plugin_dir

SET = "wrongabi", "wrongname", "noplugin", "failing", "rejecter", "recorder"
BROKEN = [
    # line in conf/plugins, what the error must hold
    ("absent", "plugin absent: found no "),
    ("wrongabi", "plugin wrongabi: found plugin interface 4 in"),
    ("wrongname", "plugin wrongname: found the name \"somebody\""),
    ("noplugin", "plugin noplugin: found no `postrider_plugin' in"),
    ("text", "plugin text: cannot load: "),
    ("../escape", "plugin ../escape: found this name, expected"),
    ("/bin/true", "plugin /bin/true: found this name, expected"),
    ("queue/", "plugin queue/: found this name, expected"),
    ("relay:x", "plugin relay:x: found this name, expected"),
    ("rcpt_ok 'open", "plugin rcpt_ok: found an open quote"),
]
FAILING = [
    ("failing how text", "plugin failing: found this, expected that"),
    ("failing how silent", "plugin failing: failed and did not say why"),
    ("failing number 10", "argument number: found \"10\", expected a number from 1 to 9"),
    ("failing number", "argument number: found \"\", expected a number from 1 to 9"),
    ("failing numbre 5", "found the argument \"numbre\""),
    ("failing how drop", "no key for failing"),
    ("rejecter reject maybe", "argument reject: found \"maybe\", expected 0, 1 or naughty"),
    ("rejecter reject_type 5xx", "argument reject_type: found \"5xx\", expected perm, temp"),
]


def instance(plugins="", **more):
    p = Instance(plugins=plugins, start=False, auth=False, cert=False, listen=("smtp",), **more)
    plugin_dir(p.dir / "plugins", *SET)
    (p.dir / "plugins/text.so").write_text("this is no shared object\n")
    p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
    return p


def check(p, plugins):
    p.write("plugins", plugins)
    r = p.tool("check")
    return r.returncode, r.stdout + r.stderr


def broken_files():
    p = instance()
    try:
        for line, want in BROKEN + FAILING:
            code, out = check(p, f"# a comment\n\n{line}\n")
            assert code != 0, (line, out)
            assert want in out and "plugins:3:" in out, (line, out)
    finally:
        p.close()


def in_the_core():
    """Plugins of others whose work is the server's: their lines are told of, and nothing else; one's own of that name is loaded."""
    p = instance()
    (p.dir / "plugins/count_unrecognized_commands.so").unlink(missing_ok=True)     # of a build before it came into the core
    try:
        code, out = check(p, "count_unrecognized_commands 4\nnoop_counter 5\nxclient\ntarpit\ndont_require_anglebrackets\nparse_addr_withhelo\n")
        assert code == 0, out
        assert "plugins:1: the server does the work of the plugin count_unrecognized_commands; see max_unrecognized" in out, out
        assert out.count("the server does the work of the plugin") == 6, out
        shutil.copy(p.dir / "plugins/recorder.so", p.dir / "plugins/tarpit.so")
        code, out = check(p, "tarpit\n")
        assert code != 0 and 'found the name "recorder"' in out, out
    finally:
        p.close()


def all_at_once():
    p = instance()
    try:
        code, out = check(p, "absent\nwrongabi\nrcpt_ok\nrcpt_ok\n")
        assert code != 0
        for want in ("plugins:1: plugin absent", "plugins:2: plugin wrongabi", "plugins:4: plugin rcpt_ok: found twice (also line 3)"):
            assert want in out, out
        code, out = check(p, "failing how text\nrejecter reject 7\n")
        assert "plugins:1: plugin failing" in out and "plugins:2: plugin rejecter" in out, out
    finally:
        p.close()


def good_ones():
    p = instance()
    try:
        code, out = check(p, "rcpt_ok\nrejecter:0 reject 1\nrejecter:1 reject=0 \"at\" 'no where'\nfailing number 9\nrecorder\n")
        assert code == 0, out
        (p.dir / "plugins/rcpt_ok.so").chmod(0o777)
        code, out = check(p, "rcpt_ok\n")
        assert code != 0 and "with write permission for all" in out, out
    finally:
        p.close()


def does_not_start():
    p = instance("wrongabi\n")
    try:
        status = p.start(expect_failure=True)
        assert status == 2, status
        assert "plugin wrongabi" in p.log(), p.log()
    finally:
        p.close()


def reload_keeps_the_old():
    p = instance("rcpt_ok\n")
    with p:
        p.start()
        p.write("plugins", "rcpt_ok\nfailing how text\n")
        p.reload()
        assert "found this, expected that" in p.log()
        with p.raw() as c:
            c.expect(None, 220)
            c.expect("EHLO x.test", 250)
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<alice@local.test>", 250)
            c.expect("QUIT", 221)


run_cases(broken_files, in_the_core, all_at_once, good_ones, does_not_start, reload_keeps_the_old)
