#!/usr/bin/env python3
# timeout: 420
"""testssl.sh looks for weaknesses on all kinds of ports: protocols, ciphers, vulnerabilities. The worst that it may find is LOW: ciphers
with CBC, which Postfix and others before TLS 1.3 need. TESTSSL_FULL=1 in the environment has it look for everything everywhere, and
not only for what a port may have of its own."""
import concurrent.futures, json, os, shutil, subprocess, sys, tempfile
from certs import Authority
from postrider import Instance, run_cases

PROGRAM = shutil.which("testssl") or shutil.which("testssl.sh")
CHECKS = {"protocols": {"SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3"},
          "standard": {"cipherlist_NULL", "cipherlist_aNULL", "cipherlist_EXPORT", "cipherlist_LOW", "cipherlist_STRONG"},
          "robot": {"ROBOT"},
          "vulnerable": {"heartbleed", "CCS", "ROBOT", "secure_renego", "CRIME_TLS", "POODLE_SSL", "SWEET32",
                         "FREAK", "DROWN", "LOGJAM", "BEAST", "LUCKY13", "RC4"}}
OF_ITSELF = {("service", "DEBUG"), ("engine_problem", "WARN")}     # what it says of itself and of its openssl
UNSURE = {"secure_client_renego"}     # goes by the time that passes, and takes a slow machine for a weak server; t/smtp/test_attacks_tls looks closely
PORTS = {"smtp": ("protocols", "standard", "vulnerable"), "smtps": ("protocols", "standard", "robot"), "submission": ("protocols", "robot")}
if os.environ.get("TESTSSL_FULL"):
    PORTS = dict.fromkeys(PORTS, PORTS["smtp"])


def findings(directory, trust, role, port, checks):
    """{id: (severity, text)}"""
    out = f"{directory}/{role}.json"
    starttls = () if role == "smtps" else ("-t", "smtp")
    r = subprocess.run([PROGRAM, "--quiet", "--warnings", "off", "--color", "0", "--nodns", "none", "--ip", "127.0.0.1", "--add-ca", trust,
                        "--jsonfile", out, *starttls, *(f"--{c}" for c in checks), f"127.0.0.1:{port}"],
                       stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=directory, timeout=400)
    assert os.path.exists(out), r.stdout + r.stderr
    with open(out, encoding="utf-8") as f:
        return {x["id"]: (x["severity"], x["finding"]) for x in json.load(f)}


def nothing_above_low():
    with tempfile.TemporaryDirectory() as d:
        ca = Authority(d)
        pairs = [ca.issue("127.0.0.1", "mx.local.test", kind=kind) for kind in ("ec", "rsa")]
        files = {name: pair.full + pair.key for name, pair in zip(("ec.pem", "rsa.pem"), pairs)}
        names = ", ".join(f'"{n}"' for n in files)
        with Instance(cert=False, plugins="tls\nauth/auth_flat_file\nrcpt_ok\n", tls=f"cert = {{ {names} }}\nkey = {{ {names} }}", files=files) as p, \
                concurrent.futures.ThreadPoolExecutor() as pool:
            runs = {role: pool.submit(findings, d, ca.path, role, p.ports[role], checks) for role, checks in PORTS.items()}
            for role, checks in PORTS.items():
                found = runs[role].result()
                bad = {k: v for k, v in found.items() if v[0] not in ("OK", "INFO", "LOW") and k not in UNSURE and (k, v[0]) not in OF_ITSELF}
                assert not bad, (role, bad)
                missing = set().union(*(CHECKS[c] for c in checks)) - set(found)
                assert not missing, (role, missing, found)
                assert found["TLS1_3"][0] == "OK" and found["TLS1_2"][0] == "OK", found


if not PROGRAM:
    print("testssl.sh is not installed")
    sys.exit(77)
run_cases(nothing_above_low)
