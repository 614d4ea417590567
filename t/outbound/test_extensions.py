#!/usr/bin/env python3
"""What a message needs of a server that may not offer it: never damaged, never half sent; changed only where that is allowed."""
from outbound import empty, relay, verbs
from postrider import run_cases, wait_until
from sink import Sink
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


run_cases(internationalised)
