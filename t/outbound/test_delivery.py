#!/usr/bin/env python3
"""One delivery against servers that answer well, badly, too late, too much, or not at all."""
import os, pathlib, socket, sys, time
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "plugin"))
from building import compile_plugin, plugin_dir
from outbound import empty, relay, submit, verbs
from postrider import run_cases, wait_until
from sink import Drop, Sink, server_tls


def route(sink, domain="remote.test"):
    return f"{domain} 127.0.0.1:{sink.port}\n"


def once(reply):
    """A handler that says REPLY the first time only."""
    return lambda c, a, n: reply if n == 0 else None


def raise_drop(*_):
    raise Drop


def temporary_then_sent():
    for step in ("greeting", "ehlo", "mail", "rcpt", "data", "message"):
        with Sink(**{step: once("451 4.7.1 later")}) as sink, relay(route(sink)) as p:
            submit(p)
            p.wait_log(r"status=deferred.*later")
            sink.wait()
            empty(p)
            assert len(sink.messages) == 1, step


def permanent_is_bounced():
    for step in ("mail", "rcpt", "data", "message"):
        with Sink(**{step: lambda c, a, n: "554 5.7.1 not here"}) as sink, relay(route(sink)) as p:
            submit(p)
            p.wait_log(r"status=bounced.*dsn=5\.7\.1.*not here")
            notice = p.wait_mail()[0]
            assert b"not here" in notice and b"Final-Recipient: rfc822;" in notice.replace(b"rfc822; ", b"rfc822;"), notice
            empty(p)
            assert not sink.messages


def nothing_past_an_error():
    with Sink(extensions=("8BITMIME",), mail=lambda c, a, n: "550 5.1.0 no") as sink, relay(route(sink)) as p:
        submit(p, sender="")
        p.wait_log("status=bounced")
        empty(p)
        assert verbs(sink, "mail", "rcpt", "data") == [1, 0, 0], sink.log


def pipelined_or_not():
    for extensions in (("PIPELINING", "SIZE 1000000", "8BITMIME"), ()):
        with Sink(extensions=extensions) as sink, relay(route(sink)) as p:
            submit(p, ["a@remote.test", "b@remote.test", "c@remote.test"], ".\r\n..two\r\n" + "x" * 3000)
            got = sink.wait()[0]
            assert got.recipients == ["a@remote.test", "b@remote.test", "c@remote.test"], got.recipients
            lines = got.data.split(b"\r\n")
            assert b"." in lines and b"..two" in lines and max(map(len, lines)) <= 998
            assert ("SIZE=" in got.parameters) == bool(extensions), got.parameters
            empty(p)


def each_recipient_its_fate():
    answers = {"good": None, "bad": "550 5.1.1 no such user", "slow": "450 4.2.1 mailbox busy"}
    with Sink(rcpt=lambda c, a, n: answers[a[4:].split("@")[0]]) as sink, relay(route(sink), fail_intervals="1s*20") as p:
        ident = submit(p, [f"{name}@remote.test" for name in answers])
        assert sink.wait()[0].recipients == ["good@remote.test"]
        assert b"no such user" in p.wait_mail()[0]
        wait_until(lambda: p.spool_ids("later") == [ident], what="one deferred")
        answers["slow"] = None
        assert sink.wait(2)[1].recipients == ["slow@remote.test"]
        empty(p)
        assert len(sink.messages) == 2 and len(p.maildir()) == 1


def too_many_recipients():
    """452 after some were taken: the rest follows at once in another delivery."""
    def rcpt(connection, argument, n):
        return "452 4.5.3 too many" if len(connection.recipients) >= 2 else None
    with Sink(rcpt=rcpt) as sink, relay(route(sink), fail_intervals="1h") as p:
        submit(p, [f"r{i}@remote.test" for i in range(5)])
        sink.wait(3)
        assert [len(m.recipients) for m in sink.messages] == [2, 2, 1]
        empty(p)


def dropped_before_and_after_the_dot():
    with Sink(data=lambda c, a, n: raise_drop() if n == 0 else None) as sink, relay(route(sink)) as p:
        submit(p)
        p.wait_log(r"status=deferred.*while sending DATA")
        sink.wait()
        empty(p)
    with Sink(message=lambda c, a, n: raise_drop() if n == 0 else None) as sink, relay(route(sink)) as p:
        submit(p)
        p.wait_log(r"status=deferred.*may be delivered twice")
        sink.wait()
        empty(p)


def busy_421():
    with Sink(greeting=once("421 4.3.2 too busy")) as sink, relay(route(sink)) as p:
        submit(p)
        p.wait_log(r"status=deferred.*421 4\.3\.2 too busy")
        sink.wait()
        empty(p)
        assert b"421" not in b"".join(p.maildir())


def hostile_answers():
    """Endless, huge, binary, mixed: deferred, the log stays clean, nothing grows."""
    answers = [b"250-more\r\n" * 5000, b"250 " + b"x" * 200000, b"\0\x1b[2J\xff\r\n", b"250-a\r\n550 b\r\n", b"999 what\r\n", b"250\n" * 3,
               b"\r\n", b"250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"]
    for answer in answers:
        with Sink(mail=lambda c, a, n: answer if n == 0 else None) as sink, relay(route(sink)) as p:
            submit(p)
            p.wait_log("status=(deferred|sent)")
            sink.wait(timeout=30)
            empty(p)
            assert "\x1b" not in p.log() and "\0" not in p.log()
            assert len(sink.messages) == 1


def words_are_cleaned():
    with Sink(rcpt=lambda c, a, n: b"550-5.1.1 bad \x1b[31m\x00\xe9 \r\n550 5.1.1 status=sent\r\n") as sink, relay(route(sink)) as p:
        submit(p)
        notice = p.wait_mail()[0]
        assert b"\x1b" not in notice and b"\0" not in notice and "\x1b" not in p.log()
        p.wait_log(r'status=bounced.*answer="550 5\.1\.1 bad \?\[31m\?\? +status=sent"')


def surplus_after_starttls():
    """Bytes behind the 220 of STARTTLS were said in clear: the connection is closed, nothing is sent over it."""
    answers = [b"220 go\r\n250-mx.evil.test\r\n250 AUTH PLAIN\r\n"]
    with Sink(tls=server_tls(), starttls=lambda c, a, n: answers[0] if n == 0 else None) as sink, relay(route(sink)) as p:
        submit(p)
        p.wait_log(r"status=deferred.*surplus bytes")
        assert verbs(sink, "mail") == [0]
        assert sink.wait()[0].tls
        empty(p)


def broken_handshake_then_clear():
    def starttls(connection, argument, n):
        connection.say("220 go")
        connection.sock.recv(5)         # the handshake has begun
        connection.sock.sendall(b"this is not TLS at all, however long it is\r\n")
        raise Drop
    with Sink(extensions=("STARTTLS",), starttls=starttls) as sink, relay(route(sink)) as p:
        submit(p)
        assert not sink.wait()[0].tls
        assert sink.connections == 2 and "TLS failed, trying in clear" in p.log()
        empty(p)


def tls_refused_or_off():
    with Sink(extensions=("STARTTLS",), starttls=lambda c, a, n: "454 4.7.0 not now") as sink, relay(route(sink)) as p:
        submit(p)
        assert not sink.wait()[0].tls
    with Sink(tls=server_tls()) as sink, relay(route(sink), outbound="enable_tls = false\n") as p:
        submit(p)
        assert not sink.wait()[0].tls
        assert verbs(sink, "starttls") == [0]
    with Sink(tls=server_tls()) as sink, relay(route(sink)) as p:
        submit(p, body="x" * 70 + "\r\n" + ("y" * 70 + "\r\n") * 20000)
        got = sink.wait()[0]
        assert got.tls and got.data.count(b"y" * 70) == 20000
        p.wait_log(r"status=sent.*tls=TLS1\.")


def connections_are_reused():
    with Sink() as sink, relay(route(sink) + route(sink, "other.test"), outbound="deliveries_per_connection = 3\n") as p:
        for i in range(6):
            submit(p, "x@remote.test" if i % 2 else "x@other.test")
            sink.wait(i + 1)
            empty(p)
        assert sink.connections == 2, sink.connections
        assert verbs(sink, "ehlo", "quit")[0] == 2
    with Sink() as sink, relay(route(sink), outbound="pool_timeout = 0\n") as p:
        for i in range(2):
            submit(p)
            sink.wait(i + 1)
            empty(p)
        assert sink.connections == 2
    with Sink() as sink, relay(route(sink), outbound="pool_timeout = 1s\n") as p:
        submit(p)
        wait_until(lambda: verbs(sink, "quit") == [1], 5, "QUIT when it was idle for long")


def died_in_the_pool():
    """A pooled connection that died is no failed attempt: closed at once, or found dead at MAIL."""
    with Sink(mail=lambda c, a, n: raise_drop() if n == 1 else None) as sink, relay(route(sink)) as p:
        for i in range(2):
            submit(p)
            sink.wait(i + 1)
        empty(p)
        assert "status=deferred" not in p.log() and sink.connections == 2
    with Sink(mail=lambda c, a, n: "421 4.4.2 idle" if n == 1 else None) as sink, relay(route(sink)) as p:
        for i in range(2):
            submit(p)
            sink.wait(i + 1)
        empty(p)
        assert "status=deferred" not in p.log() and sink.connections == 2


def lmtp_over_unix():
    def message(connection, argument, n):
        return "452 4.2.2 full" if argument[1].startswith("full") and n < 5 else None
    with relay(start=False, fail_intervals="1s*20") as p:
        path = str(p.dir / "lmtp.sock")
        with Sink(unix=path, lmtp=True, message=message) as sink:
            os.chmod(path, 0o777)
            (p.conf_dir / "plugins").write_text("relay\nrcpt_ok\nlmtp_route\n")
            source = p.dir / "lmtp_route.c"
            source.write_text('#include <postrider.h>\n'
                              'static enum verdict on_get_mx(struct hook_call *call)\n{\n'
                              f'\treturn pr_add_mx(call, 0, "lmtp:unix:{path}") ? OK : DENY;\n}}\n'
                              'const struct postrider_plugin postrider_plugin = {\n\t.abi = POSTRIDER_ABI, .name = "lmtp_route",\n'
                              '\t.hooks = { [HOOK_GET_MX] = on_get_mx } };\n')
            compile_plugin(source, plugin_dir(p.dir / "plugins") / "lmtp_route.so")
            p.write("postrider.conf", p.base_conf.replace(f"{p.build}/plugins", f"{p.dir}/plugins"))
            p.start()
            submit(p, ["one@remote.test", "full@remote.test", "two@remote.test"])
            sink.wait()
            p.wait_log(r"status=deferred.*to=full@remote.test.*452 4\.2\.2 full")
            assert [l for l in sink.log if l[1] == "ehlo"]
            wait_until(lambda: any("full@remote.test" in m.recipients for m in sink.messages), 20, "the full one to be delivered")
            empty(p)


def silent_server():
    """It accepts the connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        start = time.monotonic()
        with relay(f"remote.test 127.0.0.1:{silent.getsockname()[1]}\n", outbound="greeting_timeout = 1s\n", fail_intervals="1h") as p:
            submit(p)
            p.wait_log(r"status=deferred.*timed out \(while waiting for the greeting\)")
            assert time.monotonic() - start < 15


def big_one_slowly():
    """20 MB in clear (sendfile), to a server that reads slowly at first."""
    def data(connection, argument, n):
        time.sleep(0.3)
        return None
    with Sink(data=data) as sink, relay(route(sink)) as p:
        line = "0123456789" * 7 + "\r\n"
        submit(p, body=line * (20_000_000 // len(line)))
        got = sink.wait(timeout=60)[0]
        assert got.data.count(line.encode()) == 20_000_000 // len(line)
        empty(p)


def received_line():
    with Sink() as sink, relay(route(sink), outbound='received_header = "our outbound"\n') as p:
        ident = submit(p)
        assert sink.wait()[0].data.startswith(f"Received: by mx.local.test (our outbound) id {ident};\r\n\t".encode())
    for none in ("", "disabled"):
        with Sink() as sink, relay(route(sink), outbound=f'received_header = "{none}"\n') as p:
            submit(p)
            assert sink.wait()[0].data.count(b"Received:") == 1, none


run_cases(temporary_then_sent, permanent_is_bounced, nothing_past_an_error, pipelined_or_not, each_recipient_its_fate, too_many_recipients,
          dropped_before_and_after_the_dot, busy_421, hostile_answers, words_are_cleaned, surplus_after_starttls, broken_handshake_then_clear,
          tls_refused_or_off, connections_are_reused, died_in_the_pool, lmtp_over_unix, silent_server, big_one_slowly, received_line)
