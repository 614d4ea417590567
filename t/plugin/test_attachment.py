#!/usr/bin/env python3
"""The plugin attachment: names in every form, types, limits, ambiguity, arguments."""
from postrider import Instance, run_cases
from building import greeted, load_error, message

NAMES = "*.exe\n*.zip No archives, please.\n/^invoice.*\\.js$/\n"
TYPES = "application/x-msdownload\n/^message\\/partial$/ no pieces\n"


def cases(arguments, table, conf=""):
    with Instance(plugins=f"attachment {arguments}\nrcpt_ok\nqueue/maildir {{mail}}/%u\n", files={"attachment_names": NAMES, "attachment_types": TYPES},
                  conf=conf, listen=("smtp",), auth=False, cert=False) as p, greeted(p) as c:
        for text, code, words in table:
            answer = message(c, text)
            assert answer.startswith(str(code)) and words in answer, (arguments, text[:300], answer)


def part(fields):
    return f"Content-Type: multipart/mixed; boundary=b\n\n--b\n\ntext\n--b\n{fields}\n\nx\n--b--\n"


def disposition(parameters):
    return part(f"Content-Disposition: attachment; {parameters}")


def defaults():
    refused = "this kind of attachment"
    cases("", [
        ("Subject: x\n\nbody", 250, ""), (disposition("filename=a.txt"), 250, ""), (disposition("filename=a.EXE"), 550, refused),
        (disposition("filename=a.zip"), 550, "No archives"), (disposition('filename="invoice 1.js"'), 550, refused), (disposition("filename=my.js"), 250, ""),
        # all the ways to hide a name
        (disposition("filename=safe.txt; filename=a.exe"), 550, refused), (disposition("filename*0=a.e; filename*1=xe; filename=safe.txt"), 550, refused),
        (disposition("filename*=utf-8''a%2Eexe"), 550, refused), (disposition("filename*0*=utf-8''a%2E; filename*1=exe"), 550, refused),
        (disposition('filename="=?utf-8?q?a=2Eexe?="'), 550, refused), (disposition('filename="=?x-unknown?b?YS5leGU=?="'), 550, refused),
        (disposition('filename="a.exe. . "'), 550, refused), (disposition("filename=my file.exe"), 550, refused), (disposition('filename="../x\\\\a.exe'), 550, refused),
        (part("Content-Type: text/plain; name=a.exe"), 550, refused), (part("Content-Type: x/y; name=a.txt\nContent-Disposition: inline; filename=b.txt\nContent-Type: x/y; name=a.exe"), 550, refused),
        ("Content-Type: text/plain; name=a.exe\n\nx", 550, refused), (part("Content-Type: message/rfc822\n\n" + disposition("filename=a.exe")), 550, refused),
        (disposition('filename="' + "a" * 1100 + '.txt"'), 550, "too long"),
        (part("Content-Type: Application/X-MSdownload"), 550, "this kind of content"), (part("Content-Type: message/partial; id=x"), 550, "no pieces"),
        ("Content-Type: multipart/mixed; boundary=b\n\n" + "--b\n\nx\n" * 1001, 550, "too many parts"), ("Content-Type: message/rfc822\n\n" * 101, 550, "too many parts"),
    ])


def strict():
    odd = [part("Content-Type: x/y\nContent-Type: z/y"), "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n", part("Content-Transfer-Encoding: x-uuencode"),
           "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\nContent-Disposition: attachment; filename=a.exe\n\nx\n--b--\n"]
    cases("", [(text, 250, "") for text in odd])
    cases("strict 1", [(text, 550, "ambiguous") for text in odd] + [(disposition("filename=a.txt"), 250, ""), (disposition("filename=a.exe"), 550, "this kind of attachment")])


def arguments():
    cases("reject_type temp", [(disposition("filename=a.exe"), 450, "4.7.1")])
    cases("reject 0", [(disposition("filename=a.exe"), 250, "")])
    cases("names other", [(disposition("filename=a.exe"), 250, "")])
    for entry, words in (("/[/", "no regular expression"), ("/never", "between two slashes"), ("/a/b", "between two slashes")):
        load_error("attachment\n", words, {"attachment_names": f"*.x\n{entry}\n"})
        load_error("attachment\n", "attachment_types:1", {"attachment_types": f"{entry}\n"})
    load_error("attachment strict maybe\n", "argument strict: found")
    load_error("attachment *.exe\n", 'found the argument "*.exe"')


run_cases(defaults, strict, arguments)
