"""What the tests of outbound delivery share: an instance that relays for this machine, and a sender without ceremony."""
import pathlib, smtplib, sys
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "plugin"))
from building import plugin_dir
from postrider import Instance, wait_until

PLUGINS = "relay\nrcpt_ok\nroutes\nqueue/maildir {mail}/%d/%u/\n"


def relay(routes="", **arguments):
    """An instance that takes mail for anywhere from 127.0.0.1; ROUTES is the file of that name."""
    files = {"relayclients": "127.0.0.1\n", "routes": routes, **arguments.pop("files", {})}
    arguments.setdefault("plugins", PLUGINS)
    return Instance(files=files, listen=("smtp",), auth=False, cert=False, **arguments)


def with_plugin(routes, line, **arguments):
    """A relay whose first plugin is that of LINE, from t/plugin/sources."""
    p = relay(routes, start=False, **arguments)
    plugin_dir(p.dir / "plugins", line.split()[0])
    p.write("plugins", line + "\n" + p.read("plugins"))
    p.write("postrider.conf", p.read("postrider.conf").replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
    try:
        p.start()
    except AssertionError:
        p.close()
        raise
    return p


def submit(p, to="bob@remote.test", body="hello", sender="alice@local.test"):
    """Sends one message and gives its queue id."""
    to = [to] if isinstance(to, str) else list(to)
    c = smtplib.SMTP(*p.smtp, timeout=30, local_hostname="client.test")
    try:
        c.ehlo()
        assert c.mail(sender)[0] == 250
        for rcpt in to:
            code, text = c.rcpt(rcpt)
            assert code == 250, text
        code, text = c.data(f"Subject: test\r\n\r\n{body}\r\n")
        assert code == 250, text
        return text.decode().split()[-1]
    finally:
        c.close()


def prove(p, sink, to="prover@remote.test"):
    """Delivers one message: a site of which nothing good is known gets one connection at a time."""
    before = len(sink.messages)
    submit(p, to)
    sink.wait(before + 1)
    empty(p)


def empty(p, timeout=20):
    wait_until(lambda: not p.spool_ids(), timeout, f"an empty spool\n{p.log()[-3000:]}")


def verbs(sink, *names):
    """How often each of NAMES was heard."""
    return [sum(entry[1] == name for entry in sink.log) for name in names]
