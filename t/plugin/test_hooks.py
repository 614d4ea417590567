#!/usr/bin/env python3
"""Hooks that belong to no session: logging and config; and what sessions of our own (internal delivery) run."""
import os, re, shutil
from postrider import Instance, run_cases, wait_until
from building import greeted, message, plugin_dir

SET = "shipper", "supplier", "reader", "queueid", "recorder"


def prepared(plugins, conf="", files=None):
    p = Instance(plugins="", start=False, auth=False, cert=False, files=files, listen=("smtp",))
    plugin_dir(p.dir / "plugins", *SET)
    (p.dir / "shipped").mkdir()
    if os.geteuid() == 0:
        shutil.chown(p.dir / "shipped", "nobody")
    p.write("plugins", plugins.format(mail=p.mail, shipped=p.dir / "shipped/lines"))
    p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins") + conf + "\n")
    return p


def instance(*args, **more):
    p = prepared(*args, **more)
    try:
        p.start()
    except AssertionError:
        p.close()
        raise
    return p


def shipped(p):
    path = p.dir / "shipped/lines"
    return path.read_text() if path.exists() else ""


def logging_takes():
    """What a plugin takes is not in the log; level, process and id are told; nothing is offered that it logs itself."""
    with instance("shipper file {shipped}\nrcpt_ok\nqueue/maildir {mail}/%d/%u\n") as p:
        with greeted(p) as c:
            message(c, "Subject: x\n\nx")
            c.expect("QUIT", 221)
        wait_until(lambda: re.search(r"\] .*session", shipped(p)) or "end=quit" in shipped(p), what="the session's line")
        lines, log = shipped(p), p.log()
        accepted = re.search(r"^worker 2 \[(\S+)\] .*worker\[\d+\] (\S+) accepted .*$", lines, re.M)
        assert accepted and accepted[1] == accepted[2], lines
        assert " accepted " not in log, log
        assert re.search(r"^worker 2 \[\S+\] .*from mail: \[\] plugin=shipper", lines, re.M), lines
        assert re.search(r"^queue 2 \[\] .*serving", lines, re.M), lines
        assert " shipping plugin=shipper" in log and "shipping" not in lines
        assert "something is there" not in log and "offered what" not in log


def logging_declines():
    """Lines that it does not want, and all of one that answers anything but OK, are in the log: none is lost."""
    with instance("shipper:0 file {shipped} take accepted\nshipper:1 file {shipped}1 take from=a@b.test answer 77\n"
                  "rcpt_ok\nqueue/maildir {mail}/%d/%u\n") as p:
        with greeted(p) as c:
            message(c, "Subject: x\n\nx")
            message(c, "Subject: x\n\nx", "c@d.test")
            c.expect("QUIT", 221)
        p.wait_log(r"from mail: ")
        p.wait_log(r"end=quit|QUIT|quit")
        assert shipped(p).count(" accepted ") == 2 and " accepted " not in p.log()
    for answer in (0, 2, 3, 6, 77):
        with instance(f"shipper file {{shipped}} take accepted answer {answer}\nrcpt_ok\nqueue/maildir {{mail}}/%d/%u\n") as p:
            with greeted(p) as c:
                message(c, "Subject: x\n\nx")
            p.wait_log(r" accepted ")
            wait_until(lambda: " accepted " in shipped(p), what="the line")
            assert (f"bad verdict {answer} at logging" in p.log()) == (answer > 5), p.log()


def logging_without_log():
    """log = "none": there is no log but the plugin's."""
    with prepared("shipper file {shipped}\nrcpt_ok\n") as p:
        p.write("postrider.conf", p.read("postrider.conf").replace('log = "stderr"', 'log = "none"'))
        p.start()
        with greeted(p) as c:
            c.expect("MAIL FROM:<a@b.test>", 250)
        wait_until(lambda: "from mail: []" in shipped(p), what="the line")
        assert "from mail" not in p.log()


def config_gives():
    """A list comes from the first plugin before the one that asks, else from the file; it is asked for once."""
    plugins = ("reader:0\nsupplier:0 list supplier_list=x list late=of-0\nreader:1\n"
               "supplier:1 list things=b.test,c.test list supplier_list=never\nreader:2\n"
               "supplier:2 list things=d.test list rcpthosts=given.test\nreader:3 list early-list early 1\nrcpt_ok\nqueue/maildir {mail}/%d/%u\n")
    with instance(plugins, files={"things": "# from\nfile.test\n", "supplier_list": "file\n", "early-list": "early.test\n"}) as p:
        with greeted(p) as c:
            c.expect("MAIL FROM:<a@b.test>", 250)
            c.expect("RCPT TO:<alice@given.test>", 250)
            c.expect("RCPT TO:<alice@local.test>", 550)
        p.wait_log(r"late: of-0")
        log = p.log()
        for reader, want in ((0, "2 file.test"), (1, "2 file.test"), (2, "1 b.test"), (2, "2 c.test"), (3, "1 early.test")):
            for when in ("init", "mail"):
                assert re.search(rf'"?{when}: {want}"?.* plugin=reader:{reader}', log), (reader, when, want)
        assert not re.search(r"init: \d d.test|left.test", log)
        assert re.search(r"supplier_list: file.* plugin=supplier:0", log) and re.search(r"supplier_list: x.* plugin=supplier:1", log)
        # Once in each process that loads plugins, however many want it; nobody is asked when it was not yet ready.
        generations = len(re.findall(r"init: first is file.test.* plugin=reader:0", log))
        assert generations == 2, generations
        assert len(re.findall(r"asked for things.* plugin=supplier:0", log)) == generations
        assert not re.search(r"asked for things.* plugin=supplier:2", log)
        # The queue-runner's list of our own domains is the same.
        with greeted(p) as c:
            assert "queued" in message(c, "Subject: x\n\nx", "a@b.test", "bob@given.test")
        p.wait_mail(1, "bob", "given.test")


def config_in_the_runner():
    """What a plugin gives as rcpthosts is ours for the queue-runner, too: it delivers there itself."""
    with instance("relay\nsupplier list rcpthosts=given.test\nrcpt_ok\nqueue/maildir {mail}/%d/%u\n", files={"relayclients": "127.0.0.1\n"}) as p:
        with greeted(p) as c:
            message(c, "Subject: x\n\nx", "a@b.test", "bob@given.test")
        p.wait_mail(1, "bob", "given.test")
        assert "status=sent" in p.wait_log(r"status=sent.*").group(0)


def config_errors():
    """All else than OK and DECLINED is an error of the load that names list, plugin and who asked."""
    cases = [
        ("answer things=2", 'plugins:2: plugin reader: list "things": plugin supplier failed with DENY'),
        ("answer things=77", 'plugins:2: plugin reader: list "things": plugin supplier failed with DENYSOFT'),
        ("bad things", 'plugins:1: plugin supplier: list "things": entry 1 has 9 bytes'),
        ("bad things", 'plugins:2: plugin reader: list "things": plugin supplier gave what is no entry'),
    ]
    for arguments, want in cases:
        p = prepared(f"supplier {arguments}\nreader\n")
        try:
            r = p.tool("check")
            assert r.returncode and want in r.stdout, (arguments, r.stdout)
        finally:
            p.close()
    p = prepared("supplier list relayclients=127.0.0.1,nonsense\nrelay\n")
    try:
        r = p.tool("check")
        assert r.returncode and "relayclients (of plugin supplier):2: plugin relay: " in r.stdout, r.stdout
    finally:
        p.close()


def queue_ids():
    """pr_queue_id is the id that the client is told, in the worker and in the queue-runner."""
    files = {"relayclients": "127.0.0.1\n", "routes": "remote.test 127.0.0.1:9\n"}
    with instance("relay\nqueueid\nrcpt_ok\nroutes\nqueue/maildir {mail}/%d/%u\n", files=files) as p:
        for recipient in ("bob@remote.test", "alice@local.test"):
            with greeted(p) as c:
                qid = re.search(r"queued as (\w+)", message(c, "Subject: x\n\nx", "a@b.test", recipient))[1]
            p.wait_log(rf"queue id at send_email: \[{qid}\]")
            for hook in ("data_post", "queue_outbound", "queue_post"):
                assert f"queue id at {hook}: [{qid}]" in p.log(), hook
        assert "queue id at mail: []" in p.log() and "queue id at queue: []" not in p.log()
    with instance("queueid\nrcpt_ok\nqueue/maildir {mail}/%d/%u\n") as p:
        with greeted(p) as c:
            qid = re.search(r"queued as (\w+)|$", message(c, "Subject: x\n\nx"))[1]
        p.wait_log(r"queue id at queue_post: \[\w{18}\]")
        assert not qid or f"queue id at queue: [{qid}]" in p.log()


def internal_sessions():
    """Of a delivery to ourselves observers see all hooks; others only those of the queue."""
    files = {"relayclients": "127.0.0.1\n"}
    with instance("relay\nrecorder\nqueueid\nrcpt_ok\nqueue/maildir {mail}/%d/%u\n", files=files) as p:
        with greeted(p) as c:
            message(c, "Subject: x\n\nx", "a@b.test", "alice@local.test")
            c.expect("QUIT", 221)
        p.wait_mail()
        wait_until(lambda: p.log().count("saw reset_transaction") == 2, what="both messages")
        for hook, times in (("pre_connection", 2), ("connect", 2), ("ehlo", 2), ("mail", 2), ("rcpt", 2), ("data", 2), ("data_post", 2),
                            ("queue:", 1), ("queue_post", 2)):
            hook = hook if hook.endswith(":") else hook + ":"
            assert p.log().count(f"saw {hook}") == times, (hook, p.log().count(f"saw {hook}"))
        assert p.log().count("queue id at mail") == 1 and p.log().count("queue id at queue:") == 1


run_cases(logging_takes, logging_declines, logging_without_log, config_gives, config_in_the_runner, config_errors, queue_ids, internal_sessions)
