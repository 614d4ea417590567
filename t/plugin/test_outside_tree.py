#!/usr/bin/env python3
"""A plugin is built with nothing but what `make install` puts in place, the header and the .pc file: the example of
postrider-plugin(7) as it stands there. `postrider check` and a live server load it."""
# timeout: 300
import os, pathlib, re, shlex, shutil, subprocess, tempfile
from postrider import BUILD, TOP, Instance, run_cases
from building import greeted


def example():
    """The first literal display with an #include in the manual."""
    page = (TOP / "man/postrider-plugin.7").read_text()
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", page, re.M | re.S):
        if "#include" in block:
            return block.replace("\\e", "\\").replace("\\&", "")
    raise AssertionError("the manual has no example")


def pkg_config(root, *args):
    pc = next(root.rglob("postrider.pc"))
    env = dict(os.environ, PKG_CONFIG_PATH=str(pc.parent), PKG_CONFIG_SYSROOT_DIR=str(root), PKG_CONFIG_ALLOW_SYSTEM_CFLAGS="1")
    r = subprocess.run(["pkg-config", *args, "postrider"], env=env, capture_output=True, text=True)
    assert r.returncode == 0, r.stderr
    return shlex.split(r.stdout)


def installed_only():
    with tempfile.TemporaryDirectory() as tmp:
        root, work = pathlib.Path(tmp, "root"), pathlib.Path(tmp, "work")
        work.mkdir()
        os.chmod(tmp, 0o755)
        r = subprocess.run(["make", "-C", TOP, "install", f"DESTDIR={root}"], capture_output=True, text=True,
                           env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "BUILD", "RUN_DIR")})
        assert r.returncode == 0, r.stdout[-3000:] + r.stderr[-3000:]
        (work / "mirror.c").write_text(example())
        flags = pkg_config(root, "--cflags")
        assert not any(str(TOP) in f for f in flags), flags
        subprocess.run([*os.environ.get("CC", "cc").split(), *flags, "-Wall", "-Wextra", "-Werror", "-O2", "-fPIC", "-shared", "-o", "mirror.so", "mirror.c"],
                       cwd=work, check=True)
        # The place of the installed plugins, in the staging directory.
        plugindir = pkg_config(root, "--variable=plugindir")[0]
        place = pathlib.Path(plugindir if plugindir.startswith(str(root)) else f"{root}{plugindir}")
        assert (place / "rcpt_ok.so").is_file() and (place / "queue/maildir.so").is_file(), place
        shutil.copy(work / "mirror.so", place)
        live(place)


def live(place):
    # Everything in the server's own configuration is of the installed tree, programs too.
    build = next(place.parents[i] for i in range(len(place.parents)) if (place.parents[i] / "sbin").is_dir())
    p = Instance(plugins="mirror most 0\nrcpt_ok\n", files={"mirror_names": "mirror.test\n"}, listen=("smtp",), auth=False, cert=False, start=False)
    programs = p.dir / "programs"
    programs.mkdir()
    for program in ("sbin/postrider-forkserver", "bin/postrider"):
        shutil.copy(build / program, programs)
    p.build = programs
    p.write("postrider.conf", re.sub(r'plugin_dir = ".*"', f'plugin_dir = "{place}"', p.base_conf))
    with p:
        r = p.tool("check")
        assert r.returncode == 0, r.stdout + r.stderr
        p.write("plugins", "mirror most -1\n")
        r = p.tool("check")
        assert r.returncode != 0 and 'argument most: found "-1", expected a number from 0 to 100' in r.stdout + r.stderr, r.stdout + r.stderr
        p.write("plugins", "mirror most 0\nrcpt_ok\n")
        p.start()
        with p.raw() as c:
            c.expect(None, 220)
            assert "I am mx.local.test, who are you?" in c.expect("EHLO MX.local.test", 550)
            c.expect("HELO mirror.test", 550)
            c.expect("EHLO client.test", 250)
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<alice@local.test>", 250)


run_cases(installed_only)
