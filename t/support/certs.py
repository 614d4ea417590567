"""Certificates for tests, made with openssl, and what a client gets to see of them."""
import pathlib, re, subprocess

KINDS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"], "ed25519": ["-newkey", "ed25519"],
         "ec384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]}


def openssl(*args, input=None):
    r = subprocess.run(["openssl", *map(str, args)], input=input, capture_output=True)
    assert r.returncode == 0, f"openssl {' '.join(map(str, args))}: {r.stderr.decode(errors='replace')}"
    return r.stdout.decode(errors="replace")


def certtool(*args):
    return subprocess.run(["certtool", *map(str, args)], check=True, capture_output=True, text=True).stdout


class Pair:
    """Texts in PEM: the certificate, its chain below the root, the private key."""

    def __init__(self, cert, key, chain=""):
        self.cert, self.key, self.chain = cert, key, chain

    @property
    def full(self):
        return self.cert + self.chain

    def write(self, directory, cert="tls_cert.pem", key="tls_key.pem"):
        directory = pathlib.Path(directory)
        (directory / cert).parent.mkdir(parents=True, exist_ok=True)
        (directory / cert).write_text(self.full)
        (directory / key).write_text(self.key)
        return directory / cert, directory / key


class Authority:
    """with tempfile.TemporaryDirectory() as d: root = Authority(d); sub = root.authority("sub"); sub.issue("mx.example.test")"""

    def __init__(self, directory, name="root", signer=None):
        self.dir, self.name, self.signer, self.count = pathlib.Path(directory), name, signer, 0
        pair = self.make(signer, f"/CN=Test {name}", "ec", ["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign,cRLSign"], f"{name}-ca")
        self.pair = Pair(*pair, chain=signer.chain if signer else "")

    @property
    def path(self):
        """The file with this authority's own certificate."""
        return self.dir / f"{self.name}-ca.crt"

    @property
    def chain(self):
        return self.pair.cert + self.pair.chain if self.signer else ""

    def authority(self, name):
        return Authority(self.dir, name, self)

    def make(self, signer, subject, kind, extensions, file, days=30):
        cert, key = self.dir / f"{file}.crt", self.dir / f"{file}.key"
        by = ["-CA", signer.path, "-CAkey", signer.dir / f"{signer.name}-ca.key"] if signer else []
        openssl("req", "-x509", *KINDS[kind], "-noenc", "-days", days, "-subj", subject, "-keyout", key, "-out", cert, *by,
                *[x for e in extensions for x in ("-addext", e)])
        return cert.read_text(), key.read_text()

    def issue(self, *names, kind="ec", days=30, cn=None, san=True, usage="serverAuth,clientAuth"):
        self.count += 1
        extensions = ["basicConstraints=critical,CA:FALSE", f"extendedKeyUsage={usage}"]
        if san and names:
            extensions.append("subjectAltName=" + ",".join(f"IP:{n}" if re.fullmatch(r"[\d.]+|.*:.*", n) else f"DNS:{n}" for n in names))
        cert, key = self.make(self, f"/CN={cn or names[0]}", kind, extensions, f"{self.name}-{self.count}", days)
        return Pair(cert, key, self.chain)


def dated(directory, name, begin="2020-01-01", end="2021-01-01"):
    """A self-signed certificate that is valid between two dates, which openssl cannot make before its version 3.4."""
    template, key = pathlib.Path(directory) / "template", pathlib.Path(directory) / "dated.key"
    template.write_text(f'cn = "{name}"\ndns_name = "{name}"\ntls_www_server\nactivation_date = "{begin} 00:00:00"\n'
                        f'expiration_date = "{end} 00:00:00"\n')
    key.write_text(certtool("--generate-privkey", "--key-type=ecdsa", "--no-text"))
    return Pair(certtool("--generate-self-signed", "--load-privkey", key, "--template", template, "--no-text"), key.read_text())


class Seen:
    """What `openssl s_client` saw."""

    def __init__(self, text):
        self.text = text
        find = lambda pattern: m[1] if (m := re.search(pattern, text, re.M)) else None
        self.subject = find(r"^subject=(.*)$")
        self.depth = len(re.findall(r"^ *\d+ s:", text, re.M))
        self.chain = re.findall(r"^ *\d+ s:(.*)$", text, re.M)
        self.version = find(r"^New, (\S+), Cipher") or find(r"^Reused, (\S+), Cipher")
        self.protocol = find(r"^ *Protocol *: (\S+)")
        self.cipher = find(r"^(?:New|Reused), \S+, Cipher is (\S+)")
        self.reused = bool(re.search(r"^Reused, ", text, re.M))
        self.signature = find(r"^Peer signature type: (\S+)")
        self.group = find(r"^Server Temp Key: ([^,]+)")
        self.ok = self.cipher not in (None, "(NONE)")


def s_client(address, *args, starttls=True, name=None, input=b"QUIT\r\n", timeout=30):
    command = ["openssl", "s_client", "-connect", f"{address[0]}:{address[1]}", *(["-starttls", "smtp"] if starttls else []),
               *(["-servername", name] if name else ["-noservername"]), "-showcerts", "-ign_eof", *map(str, args)]
    r = subprocess.run(command, input=input, capture_output=True, timeout=timeout)
    return Seen((r.stdout + r.stderr).decode(errors="replace"))
