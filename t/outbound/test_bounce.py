#!/usr/bin/env python3
"""What comes back to senders: with an HTML form and an image where the administrator has put them, and to the postmaster what can go
back to nobody, once."""
import base64, email, email.policy
from outbound import empty, relay, submit, verbs
from postrider import run_cases
from sink import Sink
import spool

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(range(200))).decode()
HTML = '<html><body><img src="cid:icon.png"><b>{recipients}</b><p>{reason}</p>{subject}</body></html>\n'
IMAGE = f'Content-Type: image/png; name="icon.png"\nContent-Disposition: inline\nContent-Transfer-Encoding: base64\nContent-ID: <icon.png>\n\n{PNG}\n'


def route(*sinks):
    return "".join(f"{domain} 127.0.0.1:{sink.port}\n" for domain, sink in zip(("remote.test", "gone.test"), sinks))


def no(text="550 5.1.1 <script>no</script>"):
    return lambda c, a, n: text


def parse(raw):
    m = email.message_from_bytes(raw, policy=email.policy.default)
    assert m.get_content_type() == "multipart/report" and not any(part.defects for part in m.walk()), raw
    return m, [part.get_content_type() for part in m.iter_parts()]


def html_and_image():
    """As a mail program sees it; a message with 8-bit header and all."""
    with Sink(rcpt=no()) as sink, relay(route(sink), files={"outbound.bounce_message_html": HTML, "outbound.bounce_message_image": IMAGE}) as p:
        spool.put(p, b"Message-ID: <1@x>\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe_=3Cb=3E?=\r\n\r\nbody\r\n", ["a@remote.test", "b@remote.test"])
        m, types = parse(p.wait_mail()[0])
        empty(p)
        assert types == ["multipart/related", "message/delivery-status", "message/rfc822"], types
        assert m["References"] == "<1@x>" and m["Auto-Submitted"] == "auto-replied"
        alternative, image = m.get_payload(0).iter_parts()
        plain, html = alternative.iter_parts()
        assert plain.get_content_type() == "text/plain" and "<a@remote.test>:\n    host 127.0.0.1 said: 550 5.1.1 <script>" in plain.get_content()
        assert html.get_content_type() == "text/html" and m.get_payload(0).get_param("type") == "multipart/alternative"
        text = html.get_content()
        assert "<b>a@remote.test, b@remote.test</b>" in text and "&lt;script&gt;no&lt;/script&gt;" in text and "grüße &lt;b&gt;" in text, text
        assert image["Content-ID"] == "<icon.png>" and image.get_content() == base64.b64decode(PNG)


def html_alone():
    """Of any kind of notice; the others have none."""
    with Sink(rcpt=lambda c, a, n: no()(c, a, n) if "bad" in a else None) as sink:
        with relay(route(sink), files={"outbound.success_message_html": HTML}) as p:
            spool.put(p, b"Subject: x\r\n\r\nx\r\n", [("a@remote.test", {"notify": spool.SUCCESS}), "bad@remote.test"])
            types = sorted(parse(raw)[1][0] for raw in p.wait_mail(2))
            assert types == ["multipart/alternative", "text/plain"], types
            empty(p)


def bad_files():
    """Named at start, and by the check, with what is wrong."""
    with relay(files={"outbound.bounce_message_image": IMAGE}, start=False) as p:
        got = p.tool("check")
        assert got.returncode != 0 and "outbound.bounce_message_image: no use without outbound.bounce_message_html" in got.stdout + got.stderr, got


def to_the_postmaster():
    """A notice that fails goes to double_bounce_to, whole; what fails of that is dropped. Without the option nothing is sent."""
    for option, mails in (("double_bounce_to = postmaster@local.test\n", 1), ("double_bounce_to = root@gone.test\n", 0), ("", 0)):
        with Sink(rcpt=no()) as first, Sink(rcpt=no("550 5.1.1 gone")) as second, relay(route(first, second), outbound=option) as p:
            submit(p, "bob@remote.test", sender="alice@gone.test", body="the body")
            if mails:
                m, types = parse(p.wait_mail(1, "postmaster")[0])
                assert types == ["text/plain", "message/delivery-status", "message/rfc822"] and m["To"].addresses[0].addr_spec == "postmaster@local.test"
                assert "<alice@gone.test>:\n    host 127.0.0.1 said: 550 5.1.1 gone" in m.get_payload(0).get_content()
                assert "the body" in str(m.get_payload(2)) and "bob@remote.test" in str(m.get_payload(2))
            p.wait_log("status=bounced", count=3 if "root" in option else 2)
            empty(p)
            assert verbs(second, "mail") == [2 if "root" in option else 1]
            assert len(p.maildir("postmaster")) == mails and "status=bounced from=<> to=alice@gone.test" in p.log()


def null_sender_of_others():
    """The same for what comes in without a sender; never for what a plugin or NOTIFY has nothing to do with."""
    with Sink(rcpt=no()) as sink, relay(route(sink), outbound="double_bounce_to = postmaster@local.test\n") as p:
        spool.put(p, b"Subject: auto\r\n\r\nx\r\n", "bob@remote.test", sender="")
        p.wait_mail(1, "postmaster")
        spool.put(p, b"Subject: x\r\n\r\nx\r\n", [("bob@remote.test", {"notify": spool.NEVER})])
        empty(p)
        assert len(p.maildir("postmaster")) == 1 and not p.maildir()


run_cases(html_and_image, html_alone, bad_files, to_the_postmaster, null_sender_of_others)
