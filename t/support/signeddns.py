"""A DNS server for tests with one zone that is signed (RFC 4034, RSASHA256 by openssl). What is not there it does not deny with a signature, so only
what is asked for and there can be validated."""
import base64, os, pathlib, re, struct, subprocess, time
from dnsserver import DnsServer, TYPES, rdata, wire_name

RRSIG, ALGORITHM = 46, 8


def openssl(*args, input=None):
    return subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, input=input).stdout


class SignedDns(DnsServer):
    """with SignedDns("signed.test", {"signed.test": [("MX", 10, "mx.example.test")]}, directory) as dns: ... dns.anchor (a file for trust_anchor)"""

    def __init__(self, origin, zone, directory, ttl=300):
        super().__init__(zone, ttl=ttl)
        self.origin, self.key = origin, pathlib.Path(directory) / "zone.key"
        openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", self.key)
        modulus = bytes.fromhex(re.search(rb"Modulus=(\w+)", openssl("rsa", "-in", self.key, "-noout", "-modulus"))[1].decode())
        self.dnskey = struct.pack("!HBB", 257, 3, ALGORITHM) + b"\x03\x01\x00\x01" + modulus
        self.zone.setdefault(origin, []).append(("RAW", TYPES["DNSKEY"], self.dnskey))
        os.chmod(directory, 0o755)              # it is read when root has been given up
        self.anchor = pathlib.Path(directory) / "anchor"
        self.anchor.write_text(f"{origin}. IN DNSKEY 257 3 {ALGORITHM} {base64.b64encode(self.dnskey[4:]).decode()}\n")

    def tag(self):
        """RFC 4034, appendix B."""
        sum_ = sum(b if i & 1 else b << 8 for i, b in enumerate(self.dnskey))
        return (sum_ + (sum_ >> 16)) & 0xffff

    def signature(self, owner, records):
        kind, now = rdata(records[0])[0], int(time.time())
        head = struct.pack("!HBBIIIH", kind, ALGORITHM, owner.count(".") + 1, self.ttl, now + 86400, now - 86400, self.tag()) + wire_name(self.origin)
        body = b"".join(wire_name(owner) + struct.pack("!HHIH", kind, 1, self.ttl, len(data)) + data for data in sorted(rdata(r)[1] for r in records))
        return ("RAW", RRSIG, head + openssl("dgst", "-sha256", "-sign", self.key, input=head + body))

    def lookup(self, name, qtype, tcp):
        result = super().lookup(name, qtype, tcp)
        if not isinstance(result, tuple) or not result[1] or not (name == self.origin or name.endswith("." + self.origin)):
            return result
        return result[0], result[1] + [(name, self.signature(name, [r for _, r in result[1]]))]
