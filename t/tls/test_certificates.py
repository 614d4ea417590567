#!/usr/bin/env python3
"""Certificates and keys: several kinds side by side, chains put in order, and clear words for those that do not fit."""
import contextlib, pathlib, tempfile
from certs import Authority, Pair, dated, openssl, s_client
from postrider import Instance, run_cases


@contextlib.contextmanager
def authority():
    with tempfile.TemporaryDirectory() as d:
        yield Authority(d)


def instance(pairs, tls="", **options):
    """An instance whose tls.conf names PAIRS, not started."""
    p = Instance(cert=False, start=False, auth=False, plugins="tls\nrcpt_ok\n", **options)
    for i, pair in enumerate(pairs):
        pair.write(p.conf_dir, f"pair/{i}.crt", f"pair/{i}.key")
    quoted = lambda kind: ", ".join(f'"pair/{i}.{kind}"' for i in range(len(pairs)))
    p.write("tls.conf", f"cert = {{ {quoted('crt')} }}\nkey = {{ {quoted('key')} }}\n{tls}\n")
    return p


def kinds_side_by_side():
    """Each client gets the kind of key that it can work with, in TLS 1.2 and 1.3."""
    with authority() as ca:
        p = instance([ca.issue("mx.local.test", kind=k, cn=f"{k}.test") for k in ("rsa", "ec", "ed25519")])
        with p:
            p.start()
            for role in ("smtp", "smtps"):
                ask = lambda *args: s_client(getattr(p, role), *args, starttls=role == "smtp")
                for version in ("-tls1_2", "-tls1_3"):
                    for kind, algorithm in (("rsa", "rsa_pss_rsae_sha256:RSA+SHA256"), ("ec", "ECDSA+SHA256"), ("ed25519", "ed25519")):
                        seen = ask(version, "-sigalgs", algorithm)
                        assert seen.ok and f"{kind}.test" in seen.subject, (version, algorithm, seen.text)
                    seen = ask(version)
                    assert "ec.test" in seen.subject, seen.text         # the cheapest of those that both can do
                seen = ask("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256")
                assert seen.ok and "rsa.test" in seen.subject, seen.text


def chains_are_put_in_order():
    with authority() as root:
        sub = root.authority("sub")
        leaf = sub.authority("subsub").issue("mx.local.test")
        certs = [leaf.cert] + [c + "-----END CERTIFICATE-----\n" for c in leaf.chain.split("-----END CERTIFICATE-----\n")[:-1]]
        assert len(certs) == 3
        stray = root.issue("stray.test").cert
        for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
            text = "\n".join(["a comment", *[certs[i] for i in order], stray, root.pair.cert])
            with instance([Pair(text, leaf.key)]) as p:
                p.start()
                seen = s_client(p.smtp, "-CAfile", root.path, "-verify_return_error")
                assert seen.ok and seen.depth == 4 and "mx.local.test" in seen.chain[0], seen.text
                assert "not in the chain" in p.log()


def refused(p, *words):
    """It does not start, nor is it fine to `postrider check`, and both say why."""
    try:
        assert p.start(expect_failure=True) == 2
        r = p.tool("check")
        assert r.returncode == 1, r.stdout
        for text in (p.log(), r.stdout):
            for word in words:
                assert word in text, (word, text[-3000:])
    finally:
        p.close()


def what_does_not_fit():
    with authority() as ca:
        a, b, rsa = ca.issue("a.test"), ca.issue("b.test"), ca.issue("r.test", kind="rsa")
        refused(instance([Pair(a.cert, b.key)]), "pair/0.key does not belong to certificate", "pair/0.crt")
        refused(instance([a, Pair(rsa.cert, a.key)]), "pair/1.key does not belong to certificate", "pair/1.crt")
        refused(instance([Pair("", a.key)]), "pair/0.crt: found no certificate in it")
        refused(instance([Pair(a.cert, a.cert)]), "pair/0.key: found no private key in it")
        refused(instance([Pair(a.cert[:200] + "\n-----END CERTIFICATE-----\n", a.key)]), "pair/0.crt: broken CERTIFICATE")
        refused(instance([Pair(a.cert, a.key.replace("M", "!", 3))]), "pair/0.key: broken PRIVATE KEY")
        for arguments in (["pkcs8", "-topk8", "-passout", "pass:x"], ["ec", "-aes128", "-passout", "pass:x"]):
            locked = openssl(*arguments, input=a.key.encode())
            refused(instance([Pair(a.cert, locked)]), "found an encrypted private key, expected one without a password")
        p = instance([a])
        (p.conf_dir / "pair/0.key").unlink()
        refused(p, "pair/0.key: No such file")
        p = instance([a])
        p.write("tls.conf", 'cert = "pair/0.crt"\n key = { "pair/0.key", "pair/0.key" }')
        refused(p, "key: found 2 files, expected as many as cert names, which is 1")


def forms_of_keys():
    """As openssl writes them: PKCS 8, SEC 1 with parameters in front, PKCS 1; one file for key and certificate."""
    with authority() as ca:
        ec, rsa = ca.issue("mx.local.test"), ca.issue("mx.local.test", kind="rsa")
        sec1 = openssl("ecparam", "-name", "prime256v1") + openssl("ec", input=ec.key.encode())
        pkcs1 = openssl("rsa", "-traditional", input=rsa.key.encode())
        assert "BEGIN EC PRIVATE" in sec1 and "BEGIN RSA PRIVATE" in pkcs1
        p = instance([Pair(ec.cert, sec1), Pair(rsa.cert, pkcs1)])
        with p:
            p.start()
            assert s_client(p.smtp).ok
        p = instance([])
        p.write("bundle.pem", ec.key + ec.cert)
        p.write("tls.conf", "cert = bundle.pem\nkey = bundle.pem\n")
        with p:
            p.start()
            assert s_client(p.smtp).ok


def dates_are_told():
    with authority() as ca:
        p = instance([ca.issue("soon.test", days=3), ca.issue("long.test", kind="rsa", days=300), dated(ca.dir, "over.test"),
                      dated(ca.dir, "early.test", "2090-01-01", "2091-01-01")])
        with p:
            p.start()
            for text in (p.log(), p.tool("check", check=True).stdout):
                assert "0.crt (soon.test): valid until" in text, text
                assert "2.crt (over.test): has expired on" in text, text
            assert "warning: certificate" in text and "1.crt (long.test): valid until" in text and "warning: certificate " + str(p.conf_dir / "pair/1.crt") not in text
            assert "3.crt (early.test): is not valid before" in text
            assert "long.test" not in p.log()
            assert s_client(p.smtp).ok


run_cases(kinds_side_by_side, chains_are_put_in_order, what_does_not_fit, forms_of_keys, dates_are_told)
