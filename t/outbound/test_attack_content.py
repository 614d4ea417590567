#!/usr/bin/env python3
"""What must come out as it went in: dots and line ends at the borders of pieces, long lines, octets over 127, 50 MB to a
reader that takes its time; and what must not get into a notice: lines of its own from a remote's words or an address."""
import email, email.policy, random, re, smtplib, sys, threading, time
from outbound import empty, relay, submit
from postrider import run_cases, wait_until
from sink import Sink, server_tls

CHUNK = 65536


def route(sink, domain="remote.test"):
    return f"{domain} 127.0.0.1:{sink.port}\n"


def send(p, data, to="bob@remote.test", sender="alice@local.test", **kw):
    """DATA as it is, bytes, already with CRLF; smtplib would change line ends."""
    with p.raw() as c:
        c.expect(None, 220)
        c.expect("EHLO client.test", 250)
        c.expect(f"MAIL FROM:<{sender}>" + (" BODY=8BITMIME" if any(b > 127 for b in data) else ""), 250)
        c.expect(f"RCPT TO:<{to}>", 250)
        c.expect("DATA", 354)
        c.send((b"\r\n" + data).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n")
        answer = "\n".join(c.reply())
        assert answer.startswith("250"), answer
        return answer.split()[-1]


def after_headers(got, mark):
    at = got.find(mark)
    assert at >= 0
    return got[at:]


def borders(tls=None):
    rng = random.Random(1)
    with Sink(tls=tls) as sink, relay(route(sink)) as p:
        bodies = []
        for near in (CHUNK, 2 * CHUNK, 4 * CHUNK):
            for shift in range(-520, 5, 17):       # our own Received line comes in front: its length is about 200
                line = b"x" * 70 + b"\r\n"
                filler = line * (max(0, near + shift - 400) // len(line))
                bodies.append(filler + b"".join(rng.choice((b".\r\n", b"..\r\n", b".x\r\n", b"\r\n", b"y.\r\n")) for _ in range(200)))
        for i in range(12):        # as big, and without a single dot: sendfile's way
            bodies.append((b"z" * 60 + b"\r\n") * (CHUNK // 62 * (i + 1)) + b"q" * i + b"\r\n")
        sent = {}
        for i, body in enumerate(bodies):
            mark = b"X-Mark: %d\r\n\r\n" % i
            sent[i] = mark + body
            send(p, sent[i])
        sink.wait(len(bodies), 40)
        empty(p)
        for m in sink.messages:
            i = int(re.search(rb"X-Mark: (\d+)", m.data)[1])
            assert after_headers(m.data, b"X-Mark: ") == sent.pop(i), i
        assert not sent


def borders_tls():
    borders(server_tls())


def long_and_8bit():
    with Sink() as sink, relay(route(sink)) as p:
        lines = [b"a" * n for n in (997, 998, 999, 1000, 1996, 5000)] + ["ü€".encode() * 300, b"\xff\xfe\x80"] + [b"." * 998, b"." * 1001]
        try:
            send(p, b"Subject: x\r\nX-Mark: 1\r\n\r\n" + b"\r\n".join(lines) + b"\r\n")
        except AssertionError as e:       # lines over 998 may be refused at the door: then without
            lines = [l for l in lines if len(l) <= 998]
            send(p, b"Subject: x\r\nX-Mark: 1\r\n\r\n" + b"\r\n".join(lines) + b"\r\n")
        got = sink.wait()[0].data
        empty(p)
        assert all(len(l) <= 998 for l in got.split(b"\r\n"))
        assert b"\n" not in got.replace(b"\r\n", b"") and b"\r" not in got.replace(b"\r\n", b"")
        body = after_headers(got, b"X-Mark: ").split(b"\r\n\r\n", 1)[1]
        assert body.replace(b"\r\n ", b"") == b"\r\n".join(lines) + b"\r\n"


def slow_reader():
    """50 MB to a server that stops reading again and again, plain and in TLS; a small one passes by."""
    class Slow(Sink):
        def __init__(self, **kw):
            super().__init__(**kw)
            self.listener.setsockopt(1, 8, 4096)        # SO_RCVBUF

    def data(connection, argument, n):
        connection.sock.sendall(b"")
        threading.Event().wait(1.5)
        return None
    for tls in (None, server_tls()):
        with Slow(tls=tls, data=data) as sink, Sink() as quick, relay(route(sink) + route(quick, "quick.test"),
                                                                     files={"databytes": "60000000\n"}) as p:
            body = b"X-Mark: 1\r\n\r\n" + (b"k" * 70 + b"\r\n") * (50_000_000 // 72)
            send(p, body)
            submit(p, "x@quick.test")
            quick.wait(timeout=5)
            assert after_headers(sink.wait(timeout=30)[0].data, b"X-Mark: ") == body
            empty(p)


def notices():
    """Whatever the remote says, and whoever it is about, a notice is a well-formed multipart/report."""
    words = [b"550 5.1.1 x\rBcc: evil@evil.test\n550 5.7.1 second\r\n", b"550-5.1.1 a\r\n550-5.1.1 Subject: b\r\n550 5.1.1 \xc3\xbc\xff\x00\x1b[2J\r\n",
             b"550 " + b"%s%n" * 200 + b"\r\n", b"554\r\n", b"550 5.1.1 --=_boundary--\r\n", b"550 [1.2.3.4] 250 ok\r\n",
             b"550 5.9999.1 odd\r\n", b"550 4.1.1 wrong class\r\n", b"599 9.9.9 x\r\n"]
    addresses = ['"a b"@remote.test', '"x>y"@remote.test', "a%0d%0aBcc%3aevil@remote.test", '"--=_"@remote.test', "{recipients}@remote.test"]
    cases = [(w, f"r{i}@remote.test") for i, w in enumerate(words)] + [(b"550 5.1.1 no\r\n", a) for a in addresses]
    table = {a: w for w, a in cases}

    def rcpt(connection, argument, n):
        return table[argument[3:].strip()[1:-1]]
    with Sink(rcpt=rcpt) as sink, relay(route(sink), fail_intervals="none") as p:
        for _, address in cases:
            send(p, b"Subject: s\r\nX: 1\r\n\r\n.dot\r\n\xff8bit\r\n", address)
        notices = p.wait_mail(len(cases))
        empty(p)
        assert len(notices) == len(cases)
        for raw in notices:
            m = email.message_from_bytes(raw, policy=email.policy.default)
            assert m["bcc"] is None and len(m.get_all("subject")) == 1 and len(m.get_all("to")) == 1, raw
            assert m.get_content_type() == "multipart/report" and not m.defects, (m.defects, raw)
            parts = list(m.iter_parts())
            assert [x.get_content_type() for x in parts] == ["text/plain", "message/delivery-status", "message/rfc822"], raw
            blocks = parts[1].get_payload()
            assert len(blocks) == 2, raw
            assert blocks[0]["Reporting-MTA"] == "dns; mx.local.test" and set(blocks[0].keys()) <= {"Reporting-MTA", "Arrival-Date", "Original-Envelope-Id"}
            assert blocks[1]["Action"] == "failed" and re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", blocks[1]["Status"]), raw
            assert set(blocks[1].keys()) <= {"Original-Recipient", "Final-Recipient", "Action", "Status", "Remote-MTA", "Diagnostic-Code",
                                             "Last-Attempt-Date", "Final-Log-ID"}, raw
            assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]", raw.split(b"message/rfc822")[0]), raw
            assert all(len(l) <= 998 for l in raw.split(b"\n"))


def own_words():
    """Our own words about an IPv6 address are not taken for those of a host."""
    import socket
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as s:
        port = s.getsockname()[1]
    with relay(f"remote.test [::1]:{port}\n", fail_intervals="none") as p:
        submit(p)
        notice = p.wait_mail()[0]
        assert b"Remote-MTA:" not in notice and b"Diagnostic-Code: x-postrider;" in notice, notice
        empty(p)


def nobody_hears_of_a_notice():
    """The null sender, and a notice whose recipient is refused, beget nothing."""
    with Sink(rcpt=lambda c, a, n: "550 5.1.1 no") as sink, relay(route(sink) + route(sink, "sender.test"), fail_intervals="none") as p:
        submit(p, sender="")
        submit(p, sender="x@sender.test")
        p.wait_log("status=bounced", count=3)
        empty(p)
        assert sum(e[1] == "rcpt" for e in sink.log) == 3 and not p.maildir()


run_cases(borders, borders_tls, long_and_8bit, slow_reader, notices, own_words, nobody_hears_of_a_notice)
