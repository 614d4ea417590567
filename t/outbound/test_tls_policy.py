#!/usr/bin/env python3
# timeout: 240
"""With whom TLS must be, with whom it is not, and with what certificates: force_tls_hosts, no_tls_hosts, reject_unauthorized, routes with tls=verify,
sections of plugins, and what of it stands in the log."""
import contextlib, re, ssl, tempfile
from certs import Authority
from outbound import PLUGINS, empty, relay, submit, verbs
from postrider import run_cases
from sink import Drop, Sink, server_tls


def tls_of(pair, directory):
    """A server context with the certificate of PAIR."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(directory))
    return context


class World:
    """An authority, servers with certificates of it on one port each, and a relay that finds them by DNS, at addresses of their own."""

    def __init__(self, **hosts):
        """HOSTS: name -> names in its certificate ("" for one of its own making, None for no TLS)."""
        self.stack, self.hosts, self.port = contextlib.ExitStack(), {}, 0
        self.ca = Authority(self.stack.enter_context(tempfile.TemporaryDirectory()))
        for i, (name, names) in enumerate(hosts.items()):
            context = None if names is None else tls_of(self.ca.issue(*names), self.ca.dir) if names else server_tls()
            sink = self.stack.enter_context(Sink(host=f"127.0.0.{i + 1}", port=self.port, tls=context))
            self.hosts[name], self.port = sink, sink.port

    def relay(self, tls="", domains=None, outbound="", records=(), **more):
        """DOMAINS: domain -> names of hosts, best first; else each host has a domain of its name. RECORDS: more of DNS."""
        domains = domains or {f"{name}.test": [name] for name in self.hosts}
        data = [f"{d}. 300 IN MX {10 * i} mx.{h}.test." for d, hosts in domains.items() for i, h in enumerate(hosts)]
        data += [f"mx.{name}.test. 300 IN A 127.0.0.{i + 1}" for i, name in enumerate(self.hosts)] + list(records)
        conf = "resolver { local_data = { %s } }\n" % ", ".join(f'"{line}"' for line in data) + more.pop("conf", "")
        files = {"ca.pem": self.ca.path.read_text(), **more.pop("files", {})}
        return relay(conf=conf, tls=f'ca = "ca.pem"\n{tls}\n', outbound=f"port = {self.port}\n{outbound}", files=files,
                     fail_intervals="1h*9", **more)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()


def outcome(p, to):
    """The line in the log about the first attempt for TO."""
    submit(p, to)
    return p.wait_log(rf"status=(sent|deferred|bounced) .*to={re.escape(to)} .*")[0]


def forced():
    """By domain, host, address and network; only with TLS and a certificate for the host or the domain. Others are not concerned."""
    with World(good=["mx.good.test"], domain=["domain.test"], wrong=["other.test"], own="", plain=None) as w:
        for force in ('"good.test", "domain.test", "wrong.test", "own.test", "plain.test"', '".test"', '"mx.good.test", "mx.domain.test", "mx.wrong.test", "mx.own.test", "mx.plain.test"',
                      '"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5"', '"127.0.0.0/29"'):
            with w.relay(f"force_tls_hosts = {{ {force} }}") as p:
                for to in ("good", "domain"):
                    line = outcome(p, f"a@{to}.test")
                    assert "status=sent" in line and "certificate_status=verified" in line and "tls=TLS1.3" in line, line
                for to, why in (("wrong", "The certificate is not for mx.wrong.test or wrong.test"), ("own", "NOT trusted"), ("plain", "does not offer STARTTLS")):
                    line = outcome(p, f"a@{to}.test")
                    assert "status=deferred" in line and why in line and "dsn=4.7." in line, line
        assert all(m.tls for s in w.hosts.values() for m in s.messages) and not any(w.hosts[n].messages for n in ("wrong", "own", "plain"))
        with w.relay('force_tls_hosts = { "good.test" }') as p:
            for to, status in (("wrong", "The certificate is not for mx.wrong.test"), ("own", "NOT trusted"), ("plain", None)):
                line = outcome(p, f"a@{to}.test")
                assert "status=sent" in line and (status or "") in line and ("certificate_status" in line) == (status is not None), line


def forced_wins():
    """Over no_tls_hosts, enable_tls, routes, in whatever order and however they are named."""
    with World(good=["mx.good.test"]) as w:
        for tls, outbound in (('no_tls_hosts = { "127.0.0.1" }\nforce_tls_hosts = { "good.test" }', ""), ('no_tls_hosts = { "good.test" }\nforce_tls_hosts = { "127.0.0.1" }', ""),
                              ('force_tls_hosts = { "mx.good.test" }', "enable_tls = false\n")):
            with w.relay(tls, outbound=outbound) as p:
                assert "certificate_status=verified" in outcome(p, "a@good.test")
        with w.relay('force_tls_hosts = { "good.test" }', files={"routes": "good.test mx tls=never\n"}) as p:
            assert "certificate_status=verified" in outcome(p, "a@good.test")


def forced_next_host():
    """Which MX is secure is what counts, and which is first does not; none is gone to in clear on the way."""
    with World(plain=None, wrong=["x.test"], good=["mx.good.test"]) as w:
        with w.relay('force_tls_hosts = { "many.test" }', {"many.test": ["plain", "wrong", "good"], "few.test": ["plain"]}) as p:
            line = outcome(p, "a@many.test")
            assert "status=sent" in line and "host=mx.good.test" in line, line
            assert verbs(w.hosts["plain"], "mail") == [0] and verbs(w.hosts["wrong"], "mail") == [0]
            # a connection in clear that is there already is none for it
            assert "host=mx.plain.test" in outcome(p, "a@few.test")
            assert "host=mx.good.test" in outcome(p, "b@many.test")
            assert len(w.hosts["plain"].messages) == 1


def forced_without_mercy():
    """A handshake that fails is not followed by clear text, nor remembered; and what was remembered is not asked for."""
    def broken(c, a, n):
        c.say("220 go")
        raise Drop
    on = "disable_for_failed_hosts = true\n"
    with World(good=["mx.good.test"]) as w:
        sink = w.hosts["good"]
        sink.handlers["starttls"] = broken
        with w.relay(on) as p:              # it has a bad name
            submit(p, "a@good.test")
            assert not sink.wait(1)[0].tls
            empty(p)
            assert "mx.good.test" in p.tool("tls", "list").stdout
            p.write("tls.conf", f'ca = "ca.pem"\n{on}force_tls_hosts = {{ "good.test" }}\n')
            p.stop()
            p.start()
            assert "status=deferred" in outcome(p, "b@good.test") and "dsn=4.7.5" in p.log()
            assert p.tool("tls", "forget", "--all").stdout == "1 forgotten\n"
            p.tool("queue", "flush", check=True)
            p.wait_log(r"status=deferred .*to=b@good.test ", count=2)
            assert p.tool("tls", "list").stdout == "" and len(sink.messages) == 1
            sink.handlers["starttls"] = lambda c, a, n: "454 4.7.0 not now"
            assert "refuses STARTTLS" in outcome(p, "c@good.test")
            sink.handlers.clear()
            p.tool("queue", "flush", check=True)
            empty(p)
            assert all(m.tls for m in sink.messages[1:]) and len(sink.messages) == 3


def no_tls():
    """no_tls_hosts for delivery: by domain, host, network."""
    with World(one=["mx.one.test"], two=["mx.two.test"]) as w:
        for avoid in ('"one.test"', '"mx.one.test"', '"127.0.0.1/32"'):
            with w.relay(f"outbound {{ no_tls_hosts = {{ {avoid} }} }}") as p:
                assert "tls=" not in outcome(p, "a@one.test") and "tls=TLS" in outcome(p, "a@two.test")


def rejecting():
    """reject_unauthorized: a certificate that is shown must be good, but need not be there. Routes and sections of plugins."""
    with World(good=["mx.good.test"], own="", plain=None) as w:
        with w.relay("reject_unauthorized = true") as p:
            assert "certificate_status=verified" in outcome(p, "a@good.test")
            line = outcome(p, "a@own.test")
            assert "status=deferred" in line and "NOT trusted" in line and not w.hosts["own"].messages, line
            assert "status=sent" in outcome(p, "a@plain.test")
        with w.relay("reject_unauthorized = true\noutbound { reject_unauthorized = false }") as p:
            assert "status=sent" in outcome(p, "a@own.test")
        with w.relay("routes { reject_unauthorized = true }", files={"routes": "own.test mx\n"}) as p:
            assert "status=deferred" in outcome(p, "a@own.test")
        with w.relay("routes { no_tls_hosts = { \"mx.good.test\" } }", {"good.test": ["good"], "x.test": ["good"]}, files={"routes": "good.test mx\n"}) as p:
            assert "tls=" not in outcome(p, "a@good.test") and "tls=TLS" in outcome(p, "a@x.test")


def routes():
    """tls=verify: the host of the route, or behind an address the domain; LMTP and smtps as well."""
    with World(good=["mx.good.test", "good.test"], wrong=["other.test"], plain=None) as w:
        good, wrong, plain = (w.hosts[n] for n in ("good", "wrong", "plain"))
        lines = (f"mx.test mx.good.test:{good.port} tls=verify\nbad.test mx.wrong.test:{wrong.port} tls=verify\ngood.test 127.0.0.1:{good.port} tls=verify\n"
                 f"address.test 127.0.0.1:{good.port} tls=verify\nplain.test mx.plain.test:{plain.port} tls=verify\nmust.test mx.wrong.test:{wrong.port} tls=must\n"
                 f"two.test mx.wrong.test:{wrong.port} tls=verify priority=1\ntwo.test mx.good.test:{good.port} tls=verify priority=2\n")
        with w.relay(files={"routes": lines}) as p:
            for to, word in (("mx", "status=sent"), ("bad", "is not for mx.wrong.test"), ("good", "status=sent"), ("address", "is not for 127.0.0.1 or address.test"),
                             ("plain", "does not offer STARTTLS"), ("must", "status=sent"), ("two", "host=mx.good.test")):
                assert word in outcome(p, f"a@{to}.test"), to
            assert len(good.messages) == 3 and len(wrong.messages) == 1 and not plain.messages


def routes_to_one_address():
    """A connection that is there already, whose certificate was found to be for one name, is not one to another name at the same address."""
    with World(good=["mx.good.test"]) as w:
        lines = "".join(f"{name}.test mx.{name}.test:{w.port} tls=verify\n" for name in ("good", "alias"))
        with w.relay(files={"routes": lines}, records=["mx.alias.test. 300 IN A 127.0.0.1"]) as p:
            assert "status=sent" in outcome(p, "a@good.test")
            line = outcome(p, "a@alias.test")
            assert "status=deferred" in line and "is not for mx.alias.test" in line, line
            assert "status=sent" in outcome(p, "b@good.test") and verbs(w.hosts["good"], "mail") == [2]


def facts():
    """The line in the log."""
    with World(good=["mx.good.test"], plain=None) as w:
        with w.relay() as p:
            line = outcome(p, "a@good.test")
            assert re.search(r"host=mx\.good\.test ip=127\.0\.0\.1 tls=TLS1\.3 cipher=TLS_AES_\S+ certificate_status=verified ", line), line
            line = outcome(p, "a@plain.test")
            assert "tls=" not in line and "certificate_status" not in line, line


def nonsense():
    with World(good=["mx.good.test"]) as w:
        with w.relay() as p:
            p.write("tls.conf", 'force_tls_hosts = { "a b" }\n')
            r = p.tool("check")
            assert r.returncode != 0 and "force_tls_hosts: found \"a b\", expected a network" in r.stderr + r.stdout, r
            p.write("tls.conf", 'routes { ca = "none.pem" }\n')
            r = p.tool("check")
            assert r.returncode != 0 and "section routes: ca: cannot read" in r.stderr + r.stdout, r


run_cases(forced, forced_wins, forced_next_host, forced_without_mercy, no_tls, rejecting, routes, routes_to_one_address, facts, nonsense)
