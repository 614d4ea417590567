"""Compiles the plugins in t/plugin/sources for tests, for use by a server of either tree."""
import os, pathlib, shlex, shutil, socket, subprocess
from postrider import BUILD, TOP, Instance, Raw

SOURCES = TOP / "t/plugin/sources"


def compile_plugin(source, out, include=TOP / "plugins", flags=()):
    """Builds SOURCE into the shared object OUT with nothing but the header in INCLUDE."""
    out = pathlib.Path(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    # A plugin needs no sanitizer of its own: its calls go into the server, which has them.
    r = subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-std=gnu17", "-Wall", "-Wextra", "-Werror", "-O1", "-g", "-fPIC", "-shared",
                        f"-I{include}", *flags, "-o", out, source], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    return out


def plugin_dir(at, *names):
    """A plugin_dir in the directory AT: the plugins of the build, and NAMES from t/plugin/sources."""
    at = pathlib.Path(at)
    shutil.copytree(BUILD / "plugins", at, ignore=shutil.ignore_patterns("*.d"))
    for name in names:
        compile_plugin(SOURCES / f"{name}.c", at / f"{name}.so")
    return at


def raw_from(p, source, role="smtp"):
    """As p.raw(), from another address of the loopback network."""
    c = Raw.__new__(Raw)
    c.sock = socket.create_connection(getattr(p, role), 30, (source, 0))
    c.data = b""
    return c


def greeted(p, source="127.0.0.1"):
    c = raw_from(p, source)
    c.expect(None, 220)
    c.expect("EHLO x.test", 250)
    return c


def message(c, text, sender="a@b.test", *recipients):
    """MAIL, RCPT, DATA and TEXT; the last reply."""
    c.expect(f"MAIL FROM:<{sender}>", 250)
    for r in recipients or ("alice@local.test",):
        c.expect(f"RCPT TO:<{r}>", 250)
    c.expect("DATA", 354)
    c.send(text.replace("\n", "\r\n") + "\r\n.\r\n")
    return "\n".join(c.reply())


def load_error(plugins, want, files=None, modes=None):
    """PLUGINS with FILES (MODES: of some of them) must be refused by `postrider check` with WANT in the text."""
    p = Instance(plugins=plugins, files=files, start=False, auth=False, cert=False)
    try:
        for name, mode in (modes or {}).items():
            os.chmod(p.conf_dir / name, mode)
        r = p.tool("check")
        assert r.returncode != 0 and want in r.stdout + r.stderr, (plugins, r.returncode, r.stdout + r.stderr)
        return r.stdout + r.stderr
    finally:
        p.close()
