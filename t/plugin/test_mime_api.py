#!/usr/bin/env python3
"""What plugins see of the parts of a message: structure, names, contents, limits; held in memory and not."""
import email.message, email.policy, re
from postrider import Instance, run_cases
from building import greeted, message, plugin_dir


def instance(conf="", arguments=""):
    p = Instance(plugins="", start=False, auth=False, cert=False, listen=("smtp",))
    plugin_dir(p.dir / "plugins", "anatomist")
    p.write("plugins", f"anatomist {arguments}\nrcpt_ok\nqueue/maildir {p.mail}/%u\n")
    p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins") + "memory_body_size = 4k\n" + conf)
    p.start()
    return p


def seen(text, conf="", arguments=""):
    """The log of the plugin about TEXT."""
    with instance(conf, arguments) as p, greeted(p) as c:
        assert message(c, text, "a@b.test", "alice@local.test").startswith("250"), p.log()
        return re.sub(r"(?m)^.*?(?=result \d parts|part \d+|body: )", "", p.log())


def checksum(data):
    total = 0
    for byte in data:
        total = (total * 31 + byte) % 1000003
    return total


def whole():
    """A message as programs make them: every leaf comes out as it went in."""
    for size in (10, 9000):
        m = email.message.EmailMessage(policy=email.policy.SMTP)
        m["Subject"] = "x"
        m.set_content("Gr\u00fc\u00dfe\n" * size, charset="iso-8859-1", cte="quoted-printable")
        m.add_alternative("<p>\u20ac</p>\n" * size, subtype="html", charset="utf-8", cte="base64")
        data = bytes(range(256)) * size
        m.add_attachment(data, "application", "octet-stream", filename="\u00fcber.exe")
        log = seen(m.as_bytes().decode().replace("\r\n", "\n"))
        assert "result 0 parts 5" in log, log
        assert re.search(r"part 0: 0 in 0 multipart/mixed 7bit \[\] container flaws=0", log), log
        assert re.search(r"part 1: 1 in 0 multipart/alternative 7bit \[\] container flaws=0", log), log
        assert re.search(r"part 2: 2 in 1 text/plain quoted-printable \[\] leaf flaws=0", log), log
        assert re.search(r"part 3: 2 in 1 text/html base64 \[\] leaf flaws=0", log), log
        assert re.search(r"part 4: 1 in 0 application/octet-stream base64 \[attachment\] leaf flaws=0 .*ber\.exe/>", log), log
        plain, html = ("Gr\u00fc\u00dfe\r\n" * size), ("<p>\u20ac</p>\r\n" * size)
        for part, what, want in ((2, "decoded", plain.encode("latin-1")), (2, "text", plain.encode()), (3, "decoded", html.encode()), (3, "text", html.encode()), (4, "decoded", data)):
            got = re.search(rf"part {part} {what}: (-?\d+) (\d+) (\d+)", log)
            # the last line end of a text belongs to the boundary
            assert got and any(list(map(int, got.groups())) == [0, len(w), checksum(w)] for w in (want, want[:-2])), (part, what, got, len(want), checksum(want))


def names():
    log = seen("Content-Type: text/plain; name=b.txt\nContent-Disposition: ATTACHMENT; filename=a.txt;\n filename*0*=utf-8''ev%C3; filename*1=\"il\"\nContent-Type: x/y; name=c\n\nbody\n")
    assert re.search(r"text/plain 7bit \[attachment\] leaf flaws=1 size=8 <ev.*il/a.txt/b.txt/c/>", log), log


def lines():
    """message() puts an empty line at the end."""
    log = seen("Subject: x\n\none\n\n" + "y" * 200 + "\n..dot\n")
    assert "body: 0 5 lines 217 bytes" in log, log
    assert "body: 0 0 lines 0 bytes" in seen("Subject: x\n")
    assert "body: 0 3001 lines 36002 bytes" in seen("Subject: x\n\n" + "0123456789\n" * 3000)


def limits():
    bomb = "Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 50 + "--b--\n"
    assert "result 0 parts 51" in seen(bomb)
    assert "result 1 parts 10" in seen(bomb, "max_mime_parts = 10\n")
    deep = "Content-Type: message/rfc822\n\n" * 1000 + "x\n"
    assert "result 1 parts 100" in seen(deep)
    assert "result 1 parts 5" in seen(deep, "max_mime_depth = 5\n")
    assert "result 1 parts 2" in seen(f"Content-Type: multipart/mixed; boundary=b\n\n--b\nX: {'y' * 900}\n" + f" {'y' * 900}\n" * 3 + "\nx\n--b--\n", "max_mime_header_size = 2k\n")


def changed_header():
    """The structure is that of the message as it will be stored."""
    assert "result 0 parts 1" in seen("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n", arguments="retype")


run_cases(whole, names, lines, limits, changed_header)
