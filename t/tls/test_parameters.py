#!/usr/bin/env python3
# timeout: 180
"""Versions, ciphers, curves and Diffie-Hellman as real clients find them, from tls.conf and from qpsmtpd's files."""
import contextlib, subprocess
from certs import Authority, s_client
from postrider import Instance, run_cases
import tempfile


@contextlib.contextmanager
def setup(tls="", **options):
    """With an ECDSA and an RSA key."""
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        p = Instance(cert=False, start=False, auth=False, plugins="tls\nrcpt_ok\n", **options)
        for kind in ("ec", "rsa"):
            ca.issue("mx.local.test", kind=kind).write(p.conf_dir, f"{kind}.crt", f"{kind}.key")
        p.write("tls.conf", 'cert = { ec.crt, rsa.crt }\nkey = { ec.key, rsa.key }\n' + tls + "\n")
        with p:
            p.start()
            yield p


def agreed(p, *args):
    seen = s_client(p.smtp, *args)
    return seen.cipher if seen.ok else None


# Old versions, which openssl itself speaks only when asked for so.
OLD = ("-cipher", "ALL@SECLEVEL=0")


def versions():
    def offered(p):
        return [v for v, args in (("1", ("-tls1", *OLD)), ("1.1", ("-tls1_1", *OLD)), ("1.2", ("-tls1_2",)), ("1.3", ("-tls1_3",))) if agreed(p, *args)]
    for tls, files, wanted in (("", {}, "1.2 1.3"), ("min_version = TLSv1", {}, "1 1.1 1.2 1.3"), ("min_version = TLSv1.3", {}, "1.3"),
                               ("secure_protocol = TLSv1_2_method", {}, "1.2"), ("outbound { min_version = TLSv1 }", {}, "1.2 1.3"),
                               ("min_version = TLSv1.1\ninbound { min_version = TLSv1.3 }", {}, "1.3"),
                               ("", {"tls_protocols": "SSLv23:!SSLv2:!SSLv3:!TLSv1\n"}, "1.1 1.2 1.3"),
                               ("min_version = TLSv1.2", {"tls_protocols": "SSLv23:!SSLv2:!SSLv3\n"}, "1.2 1.3")):
        with setup(tls, files=files) as p:
            assert offered(p) == wanted.split(), (tls, files, offered(p))


def ciphers():
    asked = ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "AES128-SHA", "DHE-RSA-AES256-SHA256")
    for tls, files, wanted in (("", {}, asked[:3]), ("ciphers = \"EECDH+AESGCM\"", {}, asked[:2]), ("ciphers = \"NORMAL:-ECDHE-RSA\"", {}, (asked[0], asked[2])),
                               ("", {"tls_ciphers": "HIGH:MEDIUM\n"}, asked), ("ciphers = kRSA", {"tls_ciphers": "HIGH\n"}, asked[2:3])):
        with setup(tls, files=files) as p:
            got = tuple(c for c in asked if agreed(p, "-tls1_2", "-cipher", c) == c)
            assert got == tuple(wanted), (tls, files, got)
            if tls == "ciphers = kRSA":
                assert agreed(p) and agreed(p, "-tls1_3")       # AES-GCM is among it, which TLS 1.3 takes too
    with setup('ciphers = "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA"') as p:
        assert "AES128-SHA" not in (agreed(p, "-tls1_2", "-cipher", "AES128-SHA") or "")
        assert "they are left out: AES128-SHA" in p.log()
    p = Instance(start=False, auth=False, tls='ciphers = "HIGH:!FOO"')
    try:
        r = p.tool("check")
        assert r.returncode and "tls.conf:1: ciphers: found \"HIGH:!FOO\", expected" in r.stdout and '"FOO" is no cipher that GnuTLS has' in r.stdout, r.stdout
    finally:
        p.close()


def whose_order():
    order = "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256"
    theirs = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384"
    with setup(f'ciphers = "{order}"') as p:
        assert agreed(p, "-tls1_2", "-cipher", theirs) == "ECDHE-ECDSA-AES256-GCM-SHA384"
    with setup(f'ciphers = "{order}"\nhonor_cipher_order = false') as p:
        assert agreed(p, "-tls1_2", "-cipher", theirs) == "ECDHE-ECDSA-AES128-GCM-SHA256"


def curves():
    with setup('ecdh_curve = { secp384r1, "P-521" }') as p:
        for args in (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), ("-tls1_3",)):
            for group, wanted in (("P-384", "secp384r1"), ("P-521", "secp521r1"), ("X25519:P-384", "secp384r1"), ("X25519", None)):
                seen = s_client(p.smtp, *args, "-groups", group)
                assert seen.ok == bool(wanted) and (not wanted or wanted in seen.text), seen.text
    with setup('inbound { ecdh_curve = "X25519" }') as p:
        assert s_client(p.smtp).group == "X25519"


def diffie_hellman():
    dhe = ("-tls1_2", "-cipher", "DHE-RSA-AES128-GCM-SHA256")
    params = subprocess.run(["certtool", "--get-dh-params", "--sec-param=high", "--no-text"], check=True, capture_output=True, text=True).stdout
    with setup() as p:
        assert "DH, 2048 bits" in s_client(p.smtp, *dhe).text
        p.write("dh.pem", params)
        p.write("tls.conf", p.read("tls.conf") + "dhparam = dh.pem\n")
        p.reload()
        assert "DH, 3072 bits" in s_client(p.smtp, *dhe).text
        small = subprocess.run(["openssl", "dhparam", "512"], check=True, capture_output=True, text=True).stdout
        for text, word in ((small, "dh.pem: found 512 bits, expected at least 2048"), ("x", "dh.pem: found no parameters")):
            p.write("dh.pem", text)
            assert word in p.tool("check").stdout


run_cases(versions, ciphers, whose_order, curves, diffie_hellman)
