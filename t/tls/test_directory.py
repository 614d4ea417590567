#!/usr/bin/env python3
"""The certificate directory: bundles, files of any name in any folder, names and wildcards, what is missing or broken."""
import contextlib, os, pathlib, ssl, tempfile, time
from certs import Authority, Pair, s_client
from postrider import Instance, run_cases, wait_until


@contextlib.contextmanager
def authority():
    with tempfile.TemporaryDirectory() as d:
        yield Authority(d)


def instance(files, default=True, **options):
    """An instance with FILES, {name: text}, in its certificate directory; not started."""
    p = Instance(cert=default, start=False, auth=False, plugins="tls\nrcpt_ok\n", **options)
    for name, text in files.items():
        p.write(f"tls/{name}", text)
    return p


def offered(p, name, *args, starttls=True):
    seen = s_client(p.smtp if starttls else p.smtps, *args, name=name, starttls=starttls)
    assert seen.ok, seen.text
    return seen.subject


def names():
    """SNI picks the certificate by common name, alternative name or wildcard, else the default one is shown."""
    with authority() as ca:
        both = ca.issue("both.test")
        rsa = ca.issue("both.test", kind="rsa", cn="rsa of both")
        wild, exact = ca.issue("*.wild.test", "wild.test", cn="wild"), ca.issue("exact.wild.test", cn="exact")
        old = ca.issue("old.test", cn="old.test", san=False)
        many = ca.issue("A.test", "b.test", "xn--mnchen-3ya.test", cn="many")
        p = instance({"0": both.key + both.cert, "rsa.pem": rsa.key + rsa.cert, "w.crt": wild.cert, "deep/er/w.key": wild.key,
                      "exact.pem": exact.cert + exact.key, "old": old.key + "\n" + old.cert, "deep/many.any-name-at-all": many.key + many.cert,
                      "README": "nothing to see\n", ".hidden": "-----BEGIN CERTIFICATE-----\nx\n", "w.key~": "-----BEGIN CERTIFICATE-----\nx\n"})
        with p:
            p.start()
            for starttls in (True, False):
                for name, wanted in (("both.test", "both.test"), ("BOTH.test", "both.test"), ("wild.test", "wild"), ("x.wild.test", "wild"),
                                     ("exact.wild.test", "exact"), ("x.y.wild.test", "mx.local.test"), ("old.test", "old.test"), ("b.test", "many"),
                                     ("a.TEST", "many"), ("xn--mnchen-3ya.test", "many"), ("unheard.test", "mx.local.test"), (None, "mx.local.test"),
                                     ("mx.local.test", "mx.local.test"), ("a" * 250, "mx.local.test")):
                    got = offered(p, name, starttls=starttls)
                    assert got.endswith(f"= {wanted}"), (name, wanted, got)
            assert offered(p, "both.test", "-sigalgs", "rsa_pss_rsae_sha256:RSA+SHA256").endswith("rsa of both")
            assert offered(p, "both.test", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256").endswith("rsa of both")
            assert offered(p, "both.test", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256").endswith("both.test")


def without_other_files():
    """No certificate but those of the directory: that of our own name is the default."""
    with authority() as ca:
        a, own, z = ca.issue("a.test"), ca.issue("mx.local.test"), ca.issue("z.test")
        bundles = {f"{i}.pem": x.key + x.cert for i, x in enumerate((a, own, z))}
        with instance(bundles, default=False) as p:
            p.start()
            assert offered(p, None).endswith("mx.local.test") and offered(p, "z.test").endswith("z.test")
        del bundles["1.pem"]
        with instance(bundles, default=False) as p:
            p.start()
            assert offered(p, None).endswith("a.test")
        p = instance({"README": "x"}, default=False)
        try:
            assert p.start(expect_failure=True) == 2 and "there are no certificates" in p.log(), p.log()
        finally:
            p.close()


def as_certbot_leaves_it():
    """Links into an archive; the certificate with its chain and without, the chain alone; a key that was used again."""
    with authority() as root:
        sub = root.authority("sub")
        new = sub.issue("mx.example.test")
        p = instance({})
        archive, live = p.conf_dir / "archive", p.conf_dir / "tls/live/mx.example.test"
        archive.mkdir()
        live.mkdir(parents=True)
        for name, text in (("cert", new.cert), ("chain", new.chain), ("fullchain", new.full), ("privkey", new.key)):
            (archive / f"{name}7.pem").write_text(text)
            (live / f"{name}.pem").symlink_to(archive / f"{name}7.pem")
        os.symlink(p.conf_dir / "tls", p.conf_dir / "tls/round")        # a circle
        with p:
            p.start()
            seen = s_client(p.smtp, "-CAfile", root.path, "-verify_return_error", name="mx.example.test")
            assert seen.ok and seen.depth == 2, seen.text
            (live / "fullchain.pem").unlink()
            p.reload()
            seen = s_client(p.smtp, "-CAfile", root.path, "-verify_return_error", name="mx.example.test")
            assert seen.ok and seen.depth == 2, "the chain is in a file of its own\n" + seen.text


def what_is_wrong():
    with authority() as ca:
        a, b, c = ca.issue("a.test"), ca.issue("b.test"), ca.issue("c.test")
        good = {"a.pem": a.key + a.cert, "root.crt": ca.pair.cert}
        for files, word in (({"b.crt": b.cert}, "b.crt: found no key for the certificate of b.test"), ({"b.crt": b.cert, "b.key": c.key}, "found no key for"),
                            ({"b.pem": b.key + b.cert.replace("MII", "MIJ", 1)}, "b.pem: broken CERTIFICATE"),
                            ({"sub/b.pem": b.key[:100] + "\n-----END PRIVATE KEY-----\n"}, "sub/b.pem: broken PRIVATE KEY")):
            with instance({**good, **files}) as p:
                r = p.tool("check")
                assert r.returncode == 1 and word in r.stdout, r.stdout
                p.start()               # the others are served: better than none
                assert word in p.log(), p.log()
                assert offered(p, "a.test").endswith("a.test") and offered(p, "b.test").endswith("mx.local.test")
        with instance({**good, "lonely.key": b.key}) as p:
            p.start()
            assert "lonely.key: found no certificate for the key" in p.log()
            assert p.tool("check").returncode == 0


def private(pid):
    """KiB that a process has for itself."""
    with contextlib.suppress(OSError):
        return int(pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().split("Private_Dirty:")[1].split()[0])
    return 0


def measured(bundles):
    """(seconds until it serves, KiB of an idle worker), with the certificate of the 777th host looked at."""
    with instance(bundles) as p:
        begun = time.monotonic()
        p.start(timeout=120)
        seconds = time.monotonic() - begun
        if bundles:
            assert offered(p, "mx0777.example.test").endswith("mx0777.example.test")
        assert offered(p, None).endswith("mx.local.test")
        # resting: what the handshakes needed has been given back
        return seconds, wait_until(lambda: min(map(private, p.pids("worker")), default=0), what="a worker")


def a_thousand():
    """They cost little time at the start, and a worker next to nothing: it shares them. Their names were changed after they were signed,
    which takes no time, and which nobody minds who only shows them."""
    with authority() as ca:
        one = ca.issue("mx0000.example.test")
        der = ssl.PEM_cert_to_DER_cert(one.cert)
        assert der.count(b"mx0000") == 2
        bundles = {f"{i // 100}/{i:04}.pem": one.key + ssl.DER_cert_to_PEM_cert(der.replace(b"mx0000", b"mx%04d" % i)) for i in range(1000)}
        before, after = measured({}), measured(bundles)
        print(f"without: {before[0]:.2f} s, {before[1]} KiB; with a thousand: {after[0]:.2f} s, {after[1]} KiB")
        assert after[0] < before[0] + 10, "noticeable even here, where memory is checked at each step"
        assert after[1] < before[1] * 1.5 + 512, "a copy would be megabytes"


run_cases(names, without_other_files, as_certbot_leaves_it, what_is_wrong, a_thousand)
