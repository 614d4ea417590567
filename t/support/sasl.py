"""The client's side of SASL for tests, step by step, so that each step can be made wrong: SCRAM-SHA-256 (RFC 5802, 7677) and the rest."""
import base64, contextlib, hashlib, hmac, os, ssl


def b64(data):
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def unb64(text):
    return base64.b64decode(text, validate=True)


def plain(user, password, authzid=""):
    return b64(f"{authzid}\0{user}\0{password}")


def channel(raw, name):
    """The data of the channel binding NAME of a Raw over TLS, as far as Python knows it."""
    if name == "tls-unique":
        return raw.sock.get_channel_binding("tls-unique")
    if name == "tls-server-end-point":
        return hashlib.sha256(raw.sock.getpeercert(binary_form=True)).digest()
    raise ValueError(name)


class Scram:
    def __init__(self, user, password, gs2="n,,", binding=b"", nonce=None):
        self.user, self.password, self.gs2, self.binding = user, password, gs2, binding
        self.nonce = nonce or b64(os.urandom(18))

    def first(self):
        name = self.user.replace("=", "=3D").replace(",", "=2C")
        self.bare = f"n={name},r={self.nonce}"
        return b64(self.gs2 + self.bare)

    def answer(self, challenge, nonce=None):
        """The final message; NONCE in place of the server's to be wrong."""
        self.server_first = unb64(challenge).decode()
        self.facts = dict(part.split("=", 1) for part in self.server_first.split(","))
        assert self.facts["r"].startswith(self.nonce) and len(self.facts["r"]) > len(self.nonce), self.server_first
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), unb64(self.facts["s"]), int(self.facts["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        final = f"c={b64(self.gs2.encode() + self.binding)},r={nonce or self.facts['r']}"
        message = f"{self.bare},{self.server_first},{final}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), message, "sha256")
        self.server = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), message, "sha256")
        return b64(final + ",p=" + b64(bytes(a ^ b for a, b in zip(key, signature))))

    def verify(self, challenge):
        return unb64(challenge) == b"v=" + b64(self.server).encode()

    def run(self, raw, mechanism="SCRAM-SHA-256"):
        """The whole exchange on RAW: the last reply."""
        reply = raw.command(f"AUTH {mechanism} {self.first()}")
        if not reply.startswith("334 "):
            return reply
        reply = raw.command(self.answer(reply[4:]))
        if reply.startswith("334 "):
            assert self.verify(reply[4:]), "the server's signature is wrong"
            reply = raw.command("")
        return reply


def cram_md5(raw, user, password):
    reply = raw.command("AUTH CRAM-MD5")
    if not reply.startswith("334 "):
        return reply
    return raw.command(b64(f"{user} {hmac.new(password.encode(), unb64(reply[4:]), 'md5').hexdigest()}"))


def tls(version=None, pair=None):
    """A client's context that trusts everybody, of one version only if said; with the files PAIR (certificate, key) to show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if version:
        context.minimum_version = context.maximum_version = version
    if pair:
        context.load_cert_chain(*pair)
    return context


@contextlib.contextmanager
def secure(p, pair=None, version=None):
    """A connection to the smtps port after EHLO, whose answer is in its `ehlo`."""
    with p.raw("smtps") as c:
        c.sock = tls(version, pair).wrap_socket(c.sock)
        c.expect(None, 220)
        c.ehlo = c.expect("EHLO c.test", 250)
        yield c
