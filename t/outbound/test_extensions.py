#!/usr/bin/env python3
"""What a message needs of a server that may not offer it: never damaged, never half sent; changed only where that is allowed."""
import email, os
from outbound import empty, relay, verbs
from postrider import run_cases, wait_until
from sink import Drop, Sink, server_tls
import spool


def route(sink, domain="remote.test"):
    return f"{domain} 127.0.0.1:{sink.port}\n"


def answered(p, count=1):
    """The notices that went to alice, joined; COUNT of them."""
    return b"".join(p.wait_mail(count))


def internationalised():
    """SMTPUTF8 where it is offered; else what is ASCII after all."""
    header, plain = "Subject: grüße\r\n\r\nx\r\n".encode(), "Subject: x\r\n\r\ngrüße\r\n".encode()
    with Sink(extensions=("PIPELINING", "8BITMIME", "SMTPUTF8")) as knows, Sink(extensions=("PIPELINING", "8BITMIME")) as old:
        with relay(route(knows) + route(old, "old.test") + route(old, "xn--tda.test")) as p:
            spool.put(p, header, ["jörg@remote.test"], flags="8bit utf8")
            got = knows.wait()[0]
            assert "SMTPUTF8" in got.parameters and "BODY=8BITMIME" in got.parameters and header in got.data
            assert got.recipients == ["jörg@remote.test".encode().decode("latin-1")], got.recipients
            spool.put(p, plain, ["jorg@ü.test"], flags="8bit utf8")
            got = old.wait()[0]
            assert got.recipients == ["jorg@xn--tda.test"] and "SMTPUTF8" not in got.parameters and plain in got.data
            spool.put(p, header, ["a@old.test"], flags="8bit utf8")
            assert b"Status: 5.6.9" in answered(p) and b"report-type=global-delivery-status" in answered(p)
            spool.put(p, plain, ["jörg@old.test", "b@old.test"], flags="8bit utf8")
            assert old.wait(2)[1].recipients == ["b@old.test"]
            assert b"Status: 5.6.7" in answered(p, 2) and "Final-Recipient: utf-8; jörg@old.test".encode() in answered(p, 2)
            empty(p)


def after_received(data):
    """Without the lines that we or the tests add in front."""
    return data[data.index(b"Subject: "):]


def by_bdat():
    """Octet by octet, whatever is in it and however big; small ones go in one go. Binary ones in no other way."""
    line = b"." + bytes(range(128, 192)) + b"\r\n"
    big = b"Subject: big\r\n\r\n" + line * 40000
    binary = b"Subject: b\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: binary\r\n\r\n\0\r\n.\r\n\n.\n\r" + os.urandom(300000)
    for tls in (None, server_tls()):
        with Sink(extensions=("PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME"), tls=tls) as sink:
            with relay(route(sink), outbound="chunking = true\nreceived_header = out\n") as p:
                for n, (message, flags) in enumerate([(b"Subject: x\r\n\r\n.dot\r\n", "dots"), (big, "8bit dots"), (binary, "8bit binary long dots"), (b"Subject: n\r\n\r\nno end", "")]):
                    spool.put(p, message, ["a@remote.test", "b@remote.test"], flags=flags)
                    got = sink.wait(n + 1)[n]
                    assert after_received(got.data) == message and got.data.startswith(b"Received: by"), message[:20]
                    assert ("BODY=BINARYMIME" in got.parameters) == ("binary" in flags)
                empty(p)
                assert verbs(sink, "data", "bdat") == [0, 4]


def not_by_bdat():
    """A line over 998 octets has to be folded; without the option, only what is binary."""
    with Sink(extensions=("8BITMIME", "CHUNKING", "BINARYMIME")) as sink:
        with relay(route(sink), outbound="chunking = true\n") as p:
            spool.put(p, b"Subject: x\r\n\r\n" + b"x" * 3000 + b"\r\n", "a@remote.test", flags="long")
            sink.wait()
            assert max(map(len, sink.messages[0].data.split(b"\r\n"))) <= 998 and verbs(sink, "data", "bdat") == [1, 0]
        with relay(route(sink)) as p:
            spool.put(p, b"Subject: x\r\n\r\nx\r\n", "a@remote.test")
            spool.put(p, b"Subject: y\r\n\r\n\0", "a@remote.test", flags="binary")
            sink.wait(3)
            assert verbs(sink, "data", "bdat") == [2, 1]


def bdat_refused():
    """What is refused behind it, or broken off, follows the rules of DATA."""
    answers = {}
    with Sink(extensions=("PIPELINING", "CHUNKING"), **{v: (lambda v: lambda c, a, n: answers.pop(v, lambda: None)())(v) for v in ("mail", "rcpt", "bdat", "message")}) as sink:
        with relay(route(sink), outbound="chunking = true\n") as p:
            for verb, reply in (("rcpt", "451 4.3.0 later"), ("bdat", "451 4.3.0 later"), ("message", "451 4.3.0 later")):
                for size in (100, 100000):
                    before = len(sink.messages)
                    answers[verb] = lambda: reply
                    spool.put(p, b"Subject: x\r\n\r\n" + (b"x" * 70 + b"\r\n") * (size // 70), "a@remote.test")
                    sink.wait(before + 1)
                    empty(p)
                    assert len(sink.messages) == before + 1 and not answers, (verb, size)
            answers["message"] = drop
            spool.put(p, b"Subject: x\r\n\r\nx\r\n", "a@remote.test")
            p.wait_log("status=deferred.*closed by the other side")
            empty(p)
            assert not p.maildir()


def drop():
    raise Drop


MIXED = ("MIME-Version: 1.0\r\nSubject: m\r\nContent-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: {0}\r\n\r\n--b\r\n"
         "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGrüße an alle, die das = hier lesen \r\n.\r\n--b\r\n"
         "Content-Type: application/x\r\nContent-Transfer-Encoding: {0}\r\n\r\n")


def parts_of(data):
    return [(m.get_content_type(), m.get_payload(decode=True)) for m in email.message_from_bytes(data).walk() if not m.is_multipart()]


def converted():
    """For who takes no binary or no 8-bit content: the parts say what they said, and nothing of it is left."""
    blob = bytes(range(256)) * 500
    text = "Grüße an alle, die das = hier lesen \r\n.".encode()
    binary = MIXED.format("binary").encode() + blob + b"\r\n--b--\r\n"
    eight = MIXED.format("8bit").encode() + b"\xff\xfe\r\n--b--\r\n"
    signed = b"DKIM-Signature: v=1\r\n" + eight
    with Sink(extensions=("PIPELINING",)) as seven, Sink(extensions=("PIPELINING", "8BITMIME", "SIZE 500000")) as eightbit:
        routes = route(seven) + route(eightbit, "eight.test")
        with relay(routes, outbound="without_8bitmime = encode\n") as p:
            spool.put(p, eight, "a@remote.test", flags="8bit dots")
            assert parts_of(seven.wait()[0].data) == [("text/plain", text), ("application/x", b"\xff\xfe")]
            spool.put(p, binary, "a@remote.test", flags="8bit binary")
            assert parts_of(seven.wait(2)[1].data) == [("text/plain", text), ("application/x", blob)]
            assert all(max(m.data) < 128 and b"BODY" not in m.parameters.encode() for m in seven.messages)
            spool.put(p, binary, "a@eight.test", flags="8bit binary")
            got = eightbit.wait()[0]
            assert parts_of(got.data) == [("text/plain", text), ("application/x", blob)] and "BODY=8BITMIME" in got.parameters
            assert "Grüße".encode() in got.data and b"\0" not in got.data
            spool.put(p, signed, "a@remote.test", flags="8bit dots")
            notice = answered(p)
            assert b"Status: 5.6.3" in notice and b"cannot be converted: a signature would break" in notice and len(seven.messages) == 2
            empty(p)
        with relay(routes, outbound="without_8bitmime = bounce\nwithout_binarymime = bounce\n") as p:
            spool.put(p, eight, "a@remote.test", flags="8bit dots")
            assert b"Status: 5.6.3" in answered(p)
            spool.put(p, binary, "a@eight.test", flags="8bit binary")
            assert answered(p, 2).count(b"Status: 5.6.3") == 2 and len(seven.messages) == 2 and len(eightbit.messages) == 1
        with relay(routes) as p:
            spool.put(p, signed, "a@remote.test", flags="8bit dots")
            assert after_dkim(seven.wait(3)[2].data) == signed


def after_dkim(data):
    return data[data.index(b"DKIM-Signature"):]


run_cases(internationalised, by_bdat, not_by_bdat, bdat_refused, converted)
