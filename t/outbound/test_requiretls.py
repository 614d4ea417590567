#!/usr/bin/env python3
# timeout: 240
"""REQUIRETLS and TLS-Required (RFC 8689), from a client that says it to the server that is told it, or to the notice that says why not."""
import contextlib, re, smtplib, ssl, tempfile
from certs import Authority
from outbound import empty, verbs
from postrider import Instance, client_tls, run_cases
from signeddns import SignedDns
from sink import Drop, Sink, server_tls

PLUGINS = "tls\nrelay\nrcpt_ok\nroutes\nqueue/maildir {mail}/%d/%u/\n"
OFFER = ("PIPELINING", "8BITMIME", "REQUIRETLS")


class World:
    """Hosts with certificates of one authority, a domain for each ("NAME.test", MX "mx.NAME.test"), and a relay that offers TLS itself."""

    def __init__(self, **hosts):
        """HOSTS: name -> (names in its certificate, [] for one of its own making, None for no TLS; what it offers)."""
        self.stack, self.hosts, self.port = contextlib.ExitStack(), {}, 0
        self.ca = Authority(self.stack.enter_context(tempfile.TemporaryDirectory()))
        for i, (name, (names, offer)) in enumerate(hosts.items()):
            sink = self.stack.enter_context(Sink(host=f"127.0.0.{i + 1}", port=self.port, tls=self.context(names), extensions=offer))
            self.hosts[name], self.port = sink, sink.port

    def context(self, names):
        if not names:
            return None if names is None else server_tls()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.ca.issue(*names).write(self.ca.dir))
        return context

    def relay(self, tls="", routes="", domains=None, pool="5m", conf=None):
        domains = domains or {f"{name}.test": [name] for name in self.hosts}
        data = [f"{d}. 300 IN MX {10 * i} mx.{h}.test." for d, hosts in domains.items() for i, h in enumerate(hosts)]
        data += [f"mx.{name}.test. 300 IN A 127.0.0.{i + 1}" for i, name in enumerate(self.hosts)] + ["down.test. 300 IN MX 0 mx.down.test.", "mx.down.test. 300 IN A 127.0.0.99"]
        conf = conf or "resolver { local_data = { %s } }\n" % ", ".join(f'"{line}"' for line in data)
        return Instance(plugins=PLUGINS, conf=conf, tls=f'ca = "ca.pem"\n{tls}\n', auth=False, outbound=f"port = {self.port}\npool_timeout = {pool}\n", fail_intervals="1h*9",
                        files={"relayclients": "127.0.0.1\n", "routes": routes, "ca.pem": self.ca.path.read_text()})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


def submit(p, *to, options=("REQUIRETLS",), header="", sender="alice@local.test"):
    c = smtplib.SMTP(*p.smtp, timeout=30)
    with contextlib.closing(c):
        c.ehlo("client.test")
        assert not c.has_extn("requiretls") and c.docmd("MAIL FROM:<a@local.test> REQUIRETLS")[0] == 555
        c.starttls(context=client_tls())
        c.ehlo("client.test")
        assert c.has_extn("requiretls")
        assert c.docmd(f"MAIL FROM:<{sender}> {' '.join(options)}")[0] == 250
        for rcpt in to:
            assert c.rcpt(rcpt)[0] == 250
        assert c.data(f"{header}Subject: secret\r\n\r\nthe body\r\n")[0] == 250


def line(p, to, count=1):
    return p.wait_log(rf"status=(sent|deferred|bounced) .*to={re.escape(to)} .*", count=count)[0]


def sent():
    """Over TLS, with the certificate of a host that a route names or of the domain itself; the parameter goes along, for this message alone."""
    with World(good=(["good.test"], OFFER), routed=(["mx.routed.test"], OFFER)) as w:
        with w.relay(routes=f"routed.test mx.routed.test:{w.port}\n") as p:
            for to in ("good", "routed"):
                submit(p, f"a@{to}.test")
                assert "status=sent" in line(p, f"a@{to}.test") and "certificate_status=verified" in p.log()
                empty(p)
                submit(p, f"b@{to}.test", options=())
                empty(p)
                m = w.hosts[to].messages
                assert [("REQUIRETLS" in x.parameters, x.tls) for x in m] == [(True, True), (False, True)], [x.parameters for x in m]


def returned():
    """What it cannot have is told at once, and only with the header; other mail to the same host is not held up."""
    with World(wrong=(["other.test"], OFFER), mx=(["mx.mx.test"], OFFER), own=([], OFFER), plain=(None, OFFER), lacks=(["lacks.test"], ("PIPELINING",))) as w:
        with w.relay() as p:
            for n, (to, code, why) in enumerate((("wrong", "5.7.10", "is not for wrong.test"), ("mx", "5.7.10", "is not for mx.test"), ("own", "5.7.10", "NOT trusted"),
                                  ("plain", "5.7.10", "does not offer STARTTLS"), ("lacks", "5.7.30", "REQUIRETLS support required"))):
                submit(p, f"a@{to}.test")
                assert (x := line(p, f"a@{to}.test")) and "status=bounced" in x and f"dsn={code}" in x and why in x, x
                notice = p.wait_mail(n + 1)
                text = next(m for m in notice if f"a@{to}.test".encode() in m)
                assert f"Status: {code}".encode() in text and b"Subject: secret" in text and b"the body" not in text, text
                assert verbs(w.hosts[to], "mail") == [0]
                submit(p, f"b@{to}.test", options=())
                assert "status=sent" in line(p, f"b@{to}.test")
            assert p.tool("queue", "stats").stdout.count("backing-off") == 0


def next_host():
    """The first that does, of all; when one did not answer it is tried again."""
    with World(plain=(None, OFFER), lacks=(["many.test"], ()), good=(["many.test"], OFFER)) as w:
        with w.relay(domains={"many.test": ["plain", "lacks", "good"], "some.test": ["plain", "down"], "other.test": ["down", "plain"]}) as p:
            submit(p, "a@many.test")
            assert "host=mx.good.test" in line(p, "a@many.test") and [len(s.messages) for s in w.hosts.values()] == [0, 0, 1]
            # a connection that is there already, for mail that demands less, is not used
            submit(p, "b@many.test", options=())
            assert "host=mx.plain.test" in line(p, "b@many.test")
            submit(p, "c@many.test")
            assert "host=mx.good.test" in line(p, "c@many.test") and "REQUIRETLS" in w.hosts["good"].messages[1].parameters
            for to in ("a@some.test", "a@other.test"):
                submit(p, to)
                assert "status=deferred" in line(p, to), line(p, to)


def not_by_other_ways():
    """No setting that allows less counts: no_tls_hosts, routes, and a handshake that fails is no reason for clear text."""
    def broken(c, a, n):
        c.say("220 go")
        raise Drop
    with World(good=(["good.test"], OFFER)) as w:
        with w.relay('no_tls_hosts = { "good.test" }') as p:
            submit(p, "a@good.test")
            assert "tls=TLS" in line(p, "a@good.test")
        with w.relay("disable_for_failed_hosts = true", routes="good.test mx tls=never\n") as p:
            submit(p, "a@good.test")
            assert "tls=TLS" in line(p, "a@good.test")
            empty(p)
            w.hosts["good"].handlers["starttls"] = broken
            p.stop()
            p.start()
            submit(p, "b@good.test")
            assert "status=deferred" in line(p, "b@good.test") and p.tool("tls", "list").stdout == ""
        assert all(m.tls for m in w.hosts["good"].messages) and len(w.hosts["good"].messages) == 2


def notice_too():
    """What the sender is told of it goes the same way; who does not promise the same is told as well (RFC 8689 5), but neither a stranger nor in clear."""
    with World(plain=(None, OFFER), home=(["home.test"], OFFER)) as w:
        with w.relay(pool="0") as p:
            submit(p, "a@plain.test", sender="bob@home.test")
            m = w.hosts["home"].wait(1)[0]
            assert m.sender == "" and m.tls and "REQUIRETLS" in m.parameters and b"5.7.10" in m.data and b"the body" not in m.data
            empty(p)
            w.hosts["home"].extensions = []
            submit(p, "b@plain.test", sender="carol@home.test")
            m = w.hosts["home"].wait(2)[1]
            assert m.sender == "" and m.tls and "REQUIRETLS" not in m.parameters, m.parameters
            empty(p)
            w.hosts["home"].tls = None
            submit(p, "c@plain.test", sender="dave@home.test")
            p.wait_log(r"status=deferred from=<> to=dave@home.test .*does not offer STARTTLS")
            w.hosts["home"].tls = server_tls()
            p.tool("queue", "flush", check=True)
            p.wait_log(r"status=deferred from=<> to=dave@home.test .*NOT trusted")
            assert len(w.hosts["home"].messages) == 2


def local():
    """Our own mailboxes are the end of the way."""
    with World(good=(["good.test"], OFFER)) as w:
        with w.relay() as p:
            submit(p, "carol@local.test", "a@good.test")
            assert len(p.wait_mail(1, "carol")) == 1 and "status=sent" in line(p, "a@good.test")
            empty(p)


def signed():
    """An MX record that DNSSEC vouches for names a host whose certificate will do; without that it is a stranger's word."""
    with World(host=(["mx.host.test"], OFFER)) as w:
        zone = {"signed.test": [("MX", 10, "mx.host.test")], "mx.host.test": [("A", "127.0.0.1")]}
        with SignedDns("signed.test", zone, w.ca.dir) as dns:
            for anchor, status in (("", "bounced"), (f'trust_anchor = "{dns.anchor}"', "sent")):
                with w.relay(conf=f'resolver {{ forwarders = {{ "{dns.forwarder}" }}  {anchor} }}\n') as p:
                    submit(p, "a@signed.test")
                    found = line(p, "a@signed.test")
                    assert f"status={status}" in found, found
            assert len(w.hosts["host"].messages) == 1


def tls_required_no():
    """The header field makes a bad certificate good enough, where that is all that is asked for."""
    with World(own=([], OFFER)) as w:
        with w.relay("outbound { reject_unauthorized = true }") as p:
            submit(p, "a@own.test", options=())
            assert "status=deferred" in line(p, "a@own.test")
            for n, (field, good) in enumerate((("TLS-Required: No\r\n", True), ("tls-required:\r\n NO\r\n", True), ("TLS-Required: Yes\r\n", False), ("X-TLS-Required: No\r\n", False))):
                submit(p, f"b{n}@own.test", options=(), header=field)
                assert ("status=sent" in line(p, f"b{n}@own.test")) == good, field
            submit(p, "c@own.test", header="TLS-Required: No\r\n")
            assert "status=bounced" in line(p, "c@own.test")
        with w.relay('force_tls_hosts = { "own.test" }') as p:
            submit(p, "d@own.test", options=(), header="TLS-Required: No\r\n")
            assert "status=deferred" in line(p, "d@own.test")


run_cases(sent, returned, next_host, not_by_other_ways, notice_too, local, signed, tls_required_no)
