#!/usr/bin/env python3
"""A small authoritative-looking DNS responder for tests, UDP and TCP on one random loopback port.

    with DnsServer({"example.test": [("MX", 10, "mx.example.test")], "mx.example.test": [("A", "192.0.2.1")]}) as dns:
        conf = f'resolver {{ forwarders = {{ "{dns.forwarder}" }} }}'

The zone maps a name to a list of records: ("A", address), ("AAAA", address), ("MX", preference, host), ("CNAME", host),
("PTR", host), ("NS", host), ("TXT", text, ...), ("TLSA", usage, selector, matching, hex), ("RAW", type number, bytes);
or to a failure for every type: SERVFAIL, NXDOMAIN, REFUSED, DROP (no answer at all), TRUNCATE (UDP says "use TCP", TCP
answers with the records of `truncated`). ("SERVFAIL", "MX") in a list fails that type alone. Names that are not in the
zone are NXDOMAIN, types that are not there NODATA. The zone may be changed while the server runs; TTL is 0 unless given.
`asked` holds (name, type) of every question."""
import contextlib, ipaddress, socketserver, struct, sys, threading

SERVFAIL, NXDOMAIN, REFUSED, DROP, TRUNCATE = "SERVFAIL", "NXDOMAIN", "REFUSED", "DROP", "TRUNCATE"
TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "DS": 43, "DNSKEY": 48, "TLSA": 52}
NAMES = {number: name for name, number in TYPES.items()}
RCODES = {SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5}
UDP_MAX = 1232


def wire_name(name):
    out = b""
    for label in name.rstrip(".").split("."):
        if label:
            raw = label.encode("latin-1")
            out += bytes([len(raw)]) + raw
    return out + b"\0"


def rdata(record):
    kind, values = record[0], record[1:]
    if kind == "RAW":
        return values[0], values[1]
    if kind == "A":
        data = ipaddress.IPv4Address(values[0]).packed
    elif kind == "AAAA":
        data = ipaddress.IPv6Address(values[0]).packed
    elif kind == "MX":
        data = struct.pack("!H", values[0]) + wire_name(values[1])
    elif kind in ("CNAME", "PTR", "NS"):
        data = wire_name(values[0])
    elif kind == "TXT":
        strings = [v.encode("latin-1") for v in values]
        data = b"".join(bytes([len(s)]) + s for s in strings)
    elif kind == "TLSA":
        data = bytes(values[:3]) + bytes.fromhex(values[3])
    else:
        raise ValueError(f"record {record!r}")
    return TYPES[kind], data


def read_question(packet):
    at, labels = 12, []
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1"))
        at += packet[at] + 1
    qtype, _ = struct.unpack_from("!HH", packet, at + 1)
    return ".".join(labels).lower(), qtype, packet[12:at + 5]


class DnsServer:
    def __init__(self, zone=None, ttl=0, address="127.0.0.1"):
        self.zone, self.truncated, self.ttl, self.asked = dict(zone or {}), {}, ttl, []
        for _ in range(50):     # one port that is free for both protocols
            self.tcp = _Tcp((address, 0), _TcpHandler)
            try:
                self.udp = _Udp(self.tcp.server_address, _UdpHandler)
                break
            except OSError:
                self.tcp.server_close()
        self.udp.dns = self.tcp.dns = self
        self.address, self.port = self.tcp.server_address[:2]
        self.threads = [threading.Thread(target=s.serve_forever, args=(0.02,), daemon=True) for s in (self.udp, self.tcp)]

    @property
    def forwarder(self):
        return f"{self.address}@{self.port}"

    def start(self):
        for t in self.threads:
            t.start()
        return self

    def stop(self):
        for s in (self.udp, self.tcp):
            s.shutdown()
            s.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def count(self, name, kind=None):
        return sum(1 for n, t in list(self.asked) if n == name and kind in (None, t))

    def lookup(self, name, qtype, tcp):
        """(rcode, [(owner, record)]), None for silence, TRUNCATE."""
        found, answers = self.zone.get(name), []
        if found == TRUNCATE:
            if not tcp:
                return TRUNCATE
            found = self.truncated.get(name)
        for _ in range(12):     # along CNAMEs, loops included
            if found == DROP:
                return None
            if found is None or isinstance(found, str):
                return RCODES.get(found, 3), answers
            if ("SERVFAIL", NAMES.get(qtype)) in found:
                return 2, []
            if ("DROP", NAMES.get(qtype)) in found:
                return None
            records = [r for r in found if r[0] not in (SERVFAIL, DROP)]
            direct = [r for r in records if rdata(r)[0] == qtype]
            alias = [r for r in records if r[0] == "CNAME"]
            answers += [(name, r) for r in direct or alias]
            if direct or not alias:
                return 0, answers
            name = alias[0][1].rstrip(".").lower()
            found = self.zone.get(name)
        return 0, answers

    def respond(self, packet, tcp):
        name, qtype, question = read_question(packet)
        self.asked.append((name, NAMES.get(qtype, qtype)))
        result = self.lookup(name, qtype, tcp)
        ident, flags = struct.unpack_from("!HH", packet)
        base = 0x8080 | (flags & 0x0100)        # response, recursion available
        if result is None:
            return None
        if result == TRUNCATE:
            return struct.pack("!HHHHHH", ident, base | 0x0200, 1, 0, 0, 0) + question
        rcode, answers = result
        body = b""
        for owner, record in answers:
            kind, data = rdata(record)
            body += wire_name(owner) + struct.pack("!HHIH", kind, 1, self.ttl, len(data)) + data
        if not tcp and len(body) + len(question) + 12 > UDP_MAX:
            return struct.pack("!HHHHHH", ident, base | 0x0200, 1, 0, 0, 0) + question
        authority = b""
        if not answers and rcode in (0, 3):     # so that the negative answer is cached for TTL, not by a guess
            soa = wire_name("ns.invalid") + wire_name("root.invalid") + struct.pack("!IIIII", 1, 60, 60, 60, self.ttl)
            authority = wire_name("") + struct.pack("!HHIH", TYPES["SOA"], 1, self.ttl, len(soa)) + soa
        return struct.pack("!HHHHHH", ident, base | rcode, 1, len(answers), 1 if authority else 0, 0) + question + body + authority


class _UdpHandler(socketserver.BaseRequestHandler):
    def handle(self):
        packet, sock = self.request
        if len(packet) >= 17 and (answer := self.server.dns.respond(packet, False)):
            sock.sendto(answer, self.client_address)


class _TcpHandler(socketserver.StreamRequestHandler):
    timeout = 10

    def handle(self):
        with contextlib.suppress(OSError):      # idle for too long, or gone
            while len(head := self.rfile.read(2)) == 2:
                packet = self.rfile.read(struct.unpack("!H", head)[0])
                answer = self.server.dns.respond(packet, True) if len(packet) >= 17 else None
                if answer is None:
                    return
                self.wfile.write(struct.pack("!H", len(answer)) + answer)


class _Udp(socketserver.ThreadingUDPServer):
    daemon_threads = True


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


if __name__ == "__main__":      # by hand: dnsserver.py "example.test MX 10 mx.example.test" ...
    zone = {}
    for line in sys.argv[1:]:
        owner, kind, *values = line.split()
        zone.setdefault(owner, []).append((kind, *[int(v) if v.isdigit() else v for v in values]))
    server = DnsServer(zone).start()
    print(server.forwarder, flush=True)
    threading.Event().wait()
