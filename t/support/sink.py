"""A scripted SMTP (or LMTP) server: what the remote end says at each step is up to the test."""
import contextlib, os, pathlib, socket, ssl, subprocess, tempfile, threading, time


class Drop(Exception):
    """Raised by a handler: close the connection without a word."""


class Message:
    def __init__(self, sender, recipients, data, connection, tls, parameters):
        self.sender, self.recipients, self.data = sender, recipients, data
        self.connection, self.tls, self.parameters = connection, tls, parameters


class Sink:
    """with Sink(rcpt=lambda sink, arg, n: "451 4.7.1 later") as s: ... s.port, s.messages, s.log

    A handler is called with (connection, argument, how often it was called on this server, from 0) and returns the reply
    as text (CRLF is added to each line), bytes (sent as they are), or None for the standard one; it may raise Drop.
    Handlers: greeting, ehlo, helo, starttls, mail, rcpt, data, bdat, message, rset, quit, auth. `message` gets the
    content; in LMTP it is called once per recipient with (connection, (content, recipient), n)."""

    def __init__(self, host="127.0.0.1", port=0, extensions=("PIPELINING", "8BITMIME", "SIZE 104857600"), tls=None, lmtp=False,
                 unix=None, **handlers):
        self.extensions, self.tls, self.lmtp, self.handlers = list(extensions), tls, lmtp, handlers
        self.messages, self.log, self.counts, self.connections = [], [], {}, 0
        self.lock = threading.Lock()
        if unix:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(unix)
            self.listener.listen(128)
            self.port = None
        else:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            self.listener = socket.create_server((host, port), family=family, backlog=128)
            self.port = self.listener.getsockname()[1]
        self.closing = False
        self.open = set()
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                self.connections += 1
                number = self.connections
                self.open.add(sock)
            threading.Thread(target=Connection(self, sock, number).run, daemon=True).start()

    def ask(self, connection, name, argument):
        with self.lock:
            n = self.counts.get(name, 0)
            self.counts[name] = n + 1
            self.log.append((connection.number, name, argument if name != "message" else None))
        handler = self.handlers.get(name)
        return handler(connection, argument, n) if handler else None

    def wait(self, count=1, timeout=20):
        """Waits for COUNT messages."""
        end = time.monotonic() + timeout
        while len(self.messages) < count:
            if time.monotonic() > end:
                raise AssertionError(f"{len(self.messages)} of {count} messages arrived; log {self.log[-20:]}")
            time.sleep(0.005)
        return self.messages

    def close(self):
        self.closing = True
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for sock in list(self.open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            with contextlib.suppress(OSError):
                sock.close()
        self.thread.join(5)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Connection:
    def __init__(self, sink, sock, number):
        self.sink, self.sock, self.number = sink, sock, number
        self.data, self.secure = b"", False
        self.sender, self.recipients, self.parameters, self.chunks = None, [], "", b""

    def say(self, reply):
        if isinstance(reply, str):
            reply = reply.replace("\n", "\r\n").encode() + b"\r\n"
        self.sock.sendall(reply)

    def line(self):
        while b"\r\n" not in self.data:
            piece = self.sock.recv(65536)
            if not piece:
                raise Drop
            self.data += piece
        line, _, self.data = self.data.partition(b"\r\n")
        return line

    def content(self):
        parts, tail = [], b""
        self.data = b"\r\n" + self.data         # an empty message ends at once
        while (at := self.data.find(b"\r\n.\r\n")) < 0:
            keep = len(self.data) - 4
            if keep > 0:
                parts.append(self.data[:keep])
                self.data = self.data[keep:]
            piece = self.sock.recv(1 << 20)
            if not piece:
                raise Drop
            self.data += piece
        parts.append(self.data[:at + 2])
        self.data = self.data[at + 5:]
        whole = b"".join(parts)
        return whole.replace(b"\r\n..", b"\r\n.")[2:]

    def chunk(self, size):
        while len(self.data) < size:
            piece = self.sock.recv(1 << 20)
            if not piece:
                raise Drop
            self.data += piece
        chunk, self.data = self.data[:size], self.data[size:]
        return chunk

    def run(self):
        with contextlib.suppress(Drop, OSError):
            self.say(self.sink.ask(self, "greeting", "") or "220 sink.test ESMTP")
            while True:
                verb, _, argument = self.line().decode("latin-1").partition(" ")
                if not self.step(verb.upper(), argument):
                    break
        with self.sink.lock:
            self.sink.open.discard(self.sock)
        with contextlib.suppress(OSError):
            self.sock.close()

    def step(self, verb, argument):
        ask = lambda name: self.sink.ask(self, name, argument)
        if verb in ("EHLO", "LHLO"):
            words = self.sink.extensions + (["STARTTLS"] if self.sink.tls and not self.secure else [])
            lines = ["sink.test", *words]
            self.say(ask("ehlo") or "\n".join(f"250{'-' if i < len(lines) - 1 else ' '}{l}" for i, l in enumerate(lines)))
        elif verb == "HELO":
            self.say(ask("helo") or "250 sink.test")
        elif verb == "STARTTLS":
            reply = ask("starttls") or "220 2.0.0 go"
            self.say(reply)
            if (reply if isinstance(reply, str) else reply.decode("latin-1")).startswith("220") and self.sink.tls:
                self.sock = self.sink.tls.wrap_socket(self.sock, server_side=True)
                with self.sink.lock:
                    self.sink.open.add(self.sock)
                self.secure, self.data = True, b""
        elif verb == "MAIL":
            self.sender, _, self.parameters = argument[5:].strip().partition(" ")
            self.recipients, self.chunks = [], b""
            self.say(ask("mail") or "250 2.1.0 ok")
        elif verb == "RCPT":
            reply = ask("rcpt") or "250 2.1.5 ok"
            if (reply if isinstance(reply, str) else reply.decode("latin-1")).startswith("2"):
                self.recipients.append(argument[3:].split(" ")[0].strip())
            self.say(reply)
        elif verb == "DATA":
            reply = ask("data") or ("354 go" if self.recipients else "503 5.5.1 no recipients")
            self.say(reply)
            if (reply if isinstance(reply, str) else reply.decode("latin-1")).startswith("354"):
                self.deliver(self.content())
        elif verb == "BDAT":
            size, _, last = argument.partition(" ")
            self.chunks += self.chunk(int(size))
            reply = ask("bdat") or (None if self.recipients else "503 5.5.1 no recipients")
            if reply or last != "LAST":
                self.say(reply or "250 2.0.0 go on")
            else:
                content, self.chunks = self.chunks, b""
                self.deliver(content)
        elif verb == "RSET":
            self.say(ask("rset") or "250 2.0.0 ok")
        elif verb == "QUIT":
            self.say(ask("quit") or "221 2.0.0 bye")
            return False
        else:
            self.say(ask(verb.lower()) or "502 5.5.1 no")
        return True

    def deliver(self, content):
        message = Message(self.sender.strip("<>"), [r.strip("<>") for r in self.recipients], content, self.number, self.secure,
                          self.parameters)
        if self.sink.lmtp:
            replies = [self.sink.ask(self, "message", (content, r)) or "250 2.0.0 ok" for r in message.recipients]
            accepted = [r for r, reply in zip(message.recipients, replies) if reply.startswith("2")]
        else:
            replies = [self.sink.ask(self, "message", content) or "250 2.0.0 ok"]
            accepted = message.recipients if (replies[0] if isinstance(replies[0], str) else replies[0].decode("latin-1")).startswith("2") else []
        if accepted:
            message.recipients = accepted
            with self.sink.lock:
                self.sink.messages.append(message)
        for reply in replies:
            self.say(reply)


def server_tls(directory=None):
    """A server context with a fresh self-signed certificate (openssl)."""
    with tempfile.TemporaryDirectory() as d:
        key, cert = pathlib.Path(d) / "k", pathlib.Path(d) / "c"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=sink.test", "-keyout", key, "-out", cert], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        return context
