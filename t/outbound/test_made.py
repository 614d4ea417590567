#!/usr/bin/env python3
"""Messages that plugins make, with every option of pr_outbound_send, in a worker and in the queue-runner."""
import email, pathlib, re, sys
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "plugin"))
from building import plugin_dir
from outbound import PLUGINS, empty, relay, submit
from postrider import run_cases
from sink import Sink


def every_option():
    with Sink(extensions=("8BITMIME", "SMTPUTF8", "PIPELINING")) as sink:
        with relay(f"remote.test 127.0.0.1:{sink.port}\n", plugins=PLUGINS + "maker\n", start=False) as p:
            plugin_dir(p.dir / "plugins", "maker")
            p.write("postrider.conf", p.read("postrider.conf").replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
            p.start()
            first = submit(p, "make@remote.test")
            sink.wait(8)
            empty(p)
            made = {}
            for m in sink.messages:
                head_text, body_text = m.data.decode().split("\r\n\r\n", 1)
                made[email.message_from_string(head_text)["Subject"] or body_text] = (m, head_text, body_text)
            head, body = (lambda subject: made[subject][1]), (lambda subject: made[subject][2])
            assert body("plain") == ".\r\n..\r\n" and body("stuffed") == ".\r\n..\r\nx\r\n", made
            assert "\r\nDate: never" in head("stuffed") and head("stuffed").count("Date:") == 1, head("stuffed")
            for subject in ("plain", "removed"):
                assert re.search(r"^Date: \w{3}, ", head(subject), re.M) and re.search(r"^Message-ID: <\w{18}@mx.local.test>", head(subject), re.M), head(subject)
            assert "<old>" not in head("removed") and "folded" not in head("removed") and "X-Message-ID: stays" in head("removed"), head("removed")
            assert body("removed") == "Message-Id: <body>\r\n"
            assert "no header section\r\nMessage-ID: <not one>\r\n" in made and "" in made, list(made)
            wide = made["wide"][0]
            assert wide.recipients[0].encode("latin1").decode() == "j\u00f6rg@remote.test" and "SMTPUTF8" in str(wide.parameters), (wide.recipients, wide.parameters)
            log = p.log()
            assert log.count("made=1 id=") == 6 and "refused=000000" in log and "wide=1" in log, log
            assert "delivered origin=ticket-7 colour=blue size=small" in log, log
            # without an origin: the message that it was about; with its notes when that is asked for
            assert f"delivered origin={first} colour= size=" in log and f"delivered origin={first} colour=red size=small" in log, log
            assert log.count(" made queue=") == 7 and "by=maker origin=ticket-7 from=maker@local.test to=made@remote.test" in log, log
            trace = p.tool("trace", first, "-", input=log, check=True).stdout
            assert len(re.findall(r"status=sent", trace)) == 7, trace     # but for the one with an origin of its own


run_cases(every_option)
