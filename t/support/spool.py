"""Messages put straight into the spool of an instance, with any envelope: for what lies behind the SMTP session. The format
is postrider-spool(5)'s, written here a second time, from the manual."""
import contextlib, itertools, os, re, shutil, socket, struct, time, zlib
from postrider import wait_until

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
NEVER, SUCCESS, FAILURE, DELAY = 1, 2, 4, 8
serial = itertools.count(1)


def digits(value, count):
    return "".join(ALPHABET[value >> 5 * i & 31] for i in reversed(range(count)))


def new_id():
    return digits(time.time_ns() // 1000, 11) + digits(next(serial), 5) + "07"


def escape(text, word=False):
    data = text.encode() if isinstance(text, str) else text
    return b"".join(b"%%%02X" % c if c < 32 or c in (127, 37) or (word and c == 32) else bytes([c]) for c in data)


def rcpt_line(address, notify=0, orcpt="", status="T", last=""):
    domain = address.rpartition("@")[2].lower()
    with_labels = ".".join("xn--" + l.encode("punycode").decode() if not l.isascii() else l for l in domain.split("."))
    return b" ".join([b"rcpt", status.encode(), escape(address, True), escape(with_labels, True), b"%d" % notify, escape(orcpt, True), escape(last)])


def heard(p, ident):
    """Tells the queue-runner of a message as a worker does (lib/ipc.h, IPC_POKE)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s, contextlib.suppress(FileNotFoundError, ConnectionRefusedError):
        return s.sendto(b"\1\10" + struct.pack("<I", len(ident)) + ident.encode(), str(p.run / "poke"))
    return False


def put(p, message, to, sender="alice@local.test", flags="", arrived=None, poke=True, notes=None, **fields):
    """Puts MESSAGE (bytes with CRLF) into new/ for TO: addresses, or (address, {notify=, orcpt=, status=, last=}); its queue id.
    NOTES are the transaction's. FIELDS are lines of the envelope: envid="x", ret="HDRS", by=seconds ..., a "_" standing for "-". It is looked at at once."""
    ident = new_id()
    lines = [b"from " + escape(sender), b"arrived %d" % int((time.time() if arrived is None else arrived) * 1e6)]
    if flags:
        lines.append(b"flags " + flags.encode())
    lines += [name.replace("_", "-").encode() + b" " + escape(str(value)) for name, value in fields.items()]
    lines += [b"note " + escape(key, True) + b" " + escape(value) for key, value in (notes or {}).items()]
    for r in [to] if isinstance(to, str) else to:
        lines.append(rcpt_line(r) if isinstance(r, str) else rcpt_line(r[0], **r[1]))
    envelope = b"".join(line + b"\n" for line in lines)
    trailer = b"postrider-spool 1 %016x %016x %016x %08x %08x " % (0, len(message), len(message), len(envelope), zlib.crc32(message))
    masked = re.sub(rb"^rcpt .", b"rcpt -", envelope, flags=re.M)
    trailer += b"%08x\n" % zlib.crc32(ident.encode() + masked + trailer)
    path = p.spool / "new" / ident[-2:] / ident
    temporary = p.dir / ident
    temporary.write_bytes(message + envelope + trailer)
    os.chmod(temporary, 0o600)
    if os.geteuid() == 0:
        shutil.chown(temporary, "nobody", "nogroup")
    os.rename(temporary, path)
    if poke:
        wait_until(lambda: heard(p, ident), what="the queue-runner to listen")
    return ident


def put_deferred(p, count, domains, due=86400):
    """Puts COUNT small messages into later/ of an instance that does not run, as the queue-runner leaves them, for user@DOMAINS in turn, due in DUE
    seconds; their ids by domain."""
    ids, now, root = {d: [] for d in domains}, time.time(), os.geteuid() == 0
    owner = (p.spool / "later").stat()
    message = b"Subject: later\r\n\r\nnot yet\r\n"
    middle = b"postrider-spool 1 %016x %016x %016x " % (0, len(message), len(message))
    sum_of_message = b" %08x " % zlib.crc32(message)
    for n in range(count):
        domain = domains[n % len(domains)]
        arrived, when = int((now - count + n) * 1e6), int(now) + due
        ident = digits(arrived, 11) + digits(n, 5) + "%02d" % ((arrived >> 26) % 64)
        head = b"from alice@local.test\narrived %d\nattempts 1\nnext %d\n" % (arrived, when)
        tail = b" user@%b %b 0  451 later\n" % (domain.encode(), domain.encode())
        trailer = middle + b"%08x" % len(head + b"rcpt T" + tail) + sum_of_message
        trailer += b"%08x\n" % zlib.crc32(ident.encode() + head + b"rcpt -" + tail + trailer)
        fd = os.open(p.spool / "later" / ident[-2:] / ident, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o700)
        os.write(fd, message + head + b"rcpt T" + tail + trailer)
        if root:
            os.fchown(fd, owner.st_uid, owner.st_gid)
        os.utime(fd, ns=(0, when * 10**9 + domain_number(domain)))
        os.close(fd)
        ids[domain].append(ident)
    return ids


def domain_number(domain):
    """What stands in the fraction of a second of the time of a file in later/."""
    value = 0xcbf29ce484222325
    for c in domain.encode():
        value = (value ^ c) * 0x100000001b3 & 2**64 - 1
    return ((value ^ value >> 32) & 0xffffffffffffffff) % 999999998 + 1
