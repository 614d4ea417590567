"""A postrider instance for one test: a configuration directory of its own, random ports, readiness by
--ready-fd, and a stop that fails when a sanitizer spoke or a process stayed behind."""
import contextlib, json, os, pathlib, re, select, shutil, signal, smtplib, socket, ssl, subprocess, sys, tempfile, time, traceback

TOP = pathlib.Path(os.environ.get("TOP", pathlib.Path(__file__).resolve().parents[2]))
BUILD = pathlib.Path(os.environ.get("POSTRIDER_BUILD", TOP / "build" / "asan"))
SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|runtime error:|BUG: )")
DEFAULT_PLUGINS = """
tls
relay
auth/auth_flat_file constrain_sender no
rcpt_ok
routes
queue/maildir {mail}/%d/%u/
"""
PASSWORD = "alice-secret"


def wait_until(condition, timeout=20.0, what="condition"):
    """Polls CONDITION until it is true; its value. Fails the test after TIMEOUT seconds."""
    end = time.monotonic() + timeout
    pause = 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"timed out waiting for {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


class Instance:
    """with Instance(plugins="...", conf="max_errors = 3", files={"rcpthosts": "local.test"}) as p: ..."""

    def __init__(self, plugins=None, conf="", outbound="", tls="", files=None, listen=("smtp", "submission", "smtps"),
                 args=(), start=True, env=None, build=None, auth=True, cert=True, local_mx=True, fail_intervals="1s"):
        self.build = pathlib.Path(build or BUILD)
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="pr-"))
        self.conf_dir, self.mail = self.dir / "conf", self.dir / "mail"
        self.spool, self.run, self.state = self.dir / "spool", self.dir / "run", self.dir / "state"
        self.conf_dir.mkdir()
        self.mail.mkdir()
        if os.geteuid() == 0:           # the server drops to nobody, who must reach all of it
            os.chmod(self.dir, 0o755)
            shutil.chown(self.mail, "nobody", "nogroup")
        self.log_path = self.dir / "log"
        self.listen, self.args, self.env = listen, list(args), dict(env or {})
        self.process, self.ports = None, {}
        self.base_conf = (f'spool_dir = "{self.spool}"\nrun_dir = "{self.run}"\nstate_dir = "{self.state}"\nuser = "nobody"\nlog = "stderr"\n'
                          f'plugin_dir = "{self.build}/plugins"\nmin_spare = 2\nmax_spare = 4\n')
        # Errors and failed log-ins are many here, from one address, and nobody wants to wait for each.
        for option, value in (("auth_failure_delay", "0"), ("auth_failures_per_address", "0"), ("auth_failures_per_login", "0"),
                              ("tarpit_errors", "0")):
            if option not in conf:
                self.base_conf += f"{option} = {value}\n"
        self.write("postrider.conf", self.base_conf + conf + "\n")
        self.write("outbound.conf", f"local_mx_ok = {'true' if local_mx else 'false'}\n"
                   + (f'temp_fail_intervals = "{fail_intervals}"\n' if fail_intervals else "") + outbound + "\n")
        self.write("plugins", (plugins if plugins is not None else DEFAULT_PLUGINS).format(mail=self.mail))
        self.write("me", "mx.local.test\n")
        self.write("rcpthosts", "local.test\n")
        for name, text in (files or {}).items():
            self.write(name, text)
        if cert:
            self.tool("tls-cert", "--name", "mx.local.test", check=True)
        self.write("tls.conf", self.read("tls.conf") + tls + "\n")
        if auth:
            self.tool("passwd", "alice@local.test", input=PASSWORD + "\n", check=True)
            if os.geteuid() == 0:
                shutil.chown(self.conf_dir / "flat_auth_pw", "root", "nogroup")
        if start:
            self.start()

    # -- files ------------------------------------------------------------------------------------------
    def write(self, name, text):
        path = self.conf_dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name):
        path = self.conf_dir / name
        return path.read_text() if path.exists() else ""

    def log(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, pattern, timeout=20, count=1):
        """Waits until PATTERN occurs COUNT times in the log; the last match."""
        found = wait_until(lambda: (m := list(re.finditer(pattern, self.log()))) and len(m) >= count and m,
                           timeout, f"log line {pattern!r}\n--- log ---\n{self.log()[-4000:]}")
        return found[-1]

    def maildir(self, user="alice", domain="local.test"):
        """All messages delivered to USER@DOMAIN, as bytes, oldest first."""
        new = self.mail / domain / user / "new"
        return [p.read_bytes() for p in sorted(new.iterdir())] if new.is_dir() else []

    def wait_mail(self, count=1, user="alice", domain="local.test", timeout=20):
        return wait_until(lambda: (m := self.maildir(user, domain)) and len(m) >= count and m, timeout,
                          f"{count} messages for {user}\n--- log ---\n{self.log()[-4000:]}")

    def spool_ids(self, *states):
        found = []
        for state in states or ("new", "later", "hold", "bad"):
            base = self.spool / state
            found += [p.name for p in base.rglob("*") if p.is_file()] if base.is_dir() else []
        return sorted(found)

    def spool_messages(self, *states):
        """As spool_ids, without what was never acknowledged (no trailer at its end: its writer was killed)."""
        found = []
        for name in self.spool_ids(*states):
            for path in self.spool.glob(f"*/*/{name}"):
                with contextlib.suppress(OSError):
                    if b"postrider-spool" in path.read_bytes()[-200:]:
                        found.append(name)
        return found

    # -- processes ---------------------------------------------------------------------------------------
    def environment(self):
        env = dict(os.environ, ASAN_OPTIONS="detect_leaks=0:abort_on_error=0:exitcode=99",
                   UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1")
        env.update(self.env)
        return env

    def tool(self, *args, input=None, check=False, timeout=60):
        r = subprocess.run([self.build / "postrider", "--config", self.conf_dir, *map(str, args)], input=input,
                           text=True, capture_output=True, timeout=timeout, env=self.environment())
        if check and r.returncode:
            raise AssertionError(f"postrider {' '.join(map(str, args))}: exit {r.returncode}\n{r.stdout}{r.stderr}")
        return r

    def command_line(self, ready):
        return [str(self.build / "postrider-forkserver"), "--config", str(self.conf_dir), "--ready-fd", str(ready),
                *[x for role in self.listen for x in ("--listen-address", f"127.0.0.1:0/{role}")], *self.args]

    def start(self, timeout=30, expect_failure=False):
        rd, wr = os.pipe()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command_line(wr), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            pass_fds=[wr], env=self.environment(), start_new_session=True)
        os.close(wr)
        line = b""
        end = time.monotonic() + timeout
        while not line.endswith(b"\n"):
            if not select.select([rd], [], [], max(0, end - time.monotonic()))[0]:
                break
            piece = os.read(rd, 4096)
            if not piece:
                break
            line += piece
        os.close(rd)
        if expect_failure:
            assert not line, f"it started: {line}"
            return self.process.wait(timeout)
        if not line.startswith(b"ready "):
            self.kill()
            raise AssertionError(f"postrider did not get ready\n--- log ---\n{self.log()[-6000:]}")
        for word in line.decode().split()[1:]:
            address, _, role = word.rpartition("/")
            host, _, port = address.rpartition(":")
            self.ports[role] = int(port)
        return 0

    @property
    def smtp(self):
        return ("127.0.0.1", self.ports["smtp"])

    @property
    def submission(self):
        return ("127.0.0.1", self.ports["submission"])

    @property
    def smtps(self):
        return ("127.0.0.1", self.ports["smtps"])

    def processes(self):
        """{pid: role} of the whole process tree, by the --role on their command lines ("worker" for the
        forkserver's children, "master" for the first)."""
        parents = {}
        for p in pathlib.Path("/proc").iterdir():
            if p.name.isdigit():
                with contextlib.suppress(OSError):
                    stat = (p / "stat").read_text()
                    fields = stat[stat.rindex(")") + 2:].split()
                    if fields[0] != "Z":
                        parents[int(p.name)] = int(fields[1])
        tree, roles = [self.process.pid], {self.process.pid: "master"}
        for pid in tree:
            for child, parent in parents.items():
                if parent == pid and child not in roles:
                    tree.append(child)
                    roles[child] = "gone"       # unless it is still there to be looked at
                    with contextlib.suppress(OSError):
                        words = pathlib.Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                        role = words[words.index(b"--role") + 1].decode() if b"--role" in words else "?"
                        # A worker whose forkserver died has become a child of the master's.
                        comm = pathlib.Path(f"/proc/{child}/comm").read_text()
                        worker = comm == "pr:worker\n" or roles[pid] in ("forkserver", "worker")
                        own = {"pr:keys\n": "keys", "pr:doorman\n": "doorman", "pr:helper\n": "helper"}
                        roles[child] = own.get(comm) or ("worker" if worker else role)
        return roles

    def pids(self, role):
        return [pid for pid, r in self.processes().items() if r == role]

    def kill_role(self, role, sig=signal.SIGKILL):
        """Sends SIG to one process of ROLE; its pid."""
        pid = wait_until(lambda: self.pids(role), what=f"a process of role {role}")[0]
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sig)
        return pid

    def signal(self, sig):
        os.kill(self.process.pid, sig)

    def reload(self, timeout=30):
        """SIGHUP, and waits until the new generation serves, and no idle worker of the old one can take a client any more."""
        before, old = len(re.findall(r"reload(ed| refused| failed)", self.log())), self.pids("forkserver")
        self.signal(signal.SIGHUP)
        if self.wait_log(r"(?:not )?reload(ed| refused| failed)", timeout, before + 1)[0] == "reloaded":
            wait_until(lambda: not self.idle_workers(old), timeout, "the idle workers of the old generation to leave")

    def idle_workers(self, forkservers):
        """Workers of FORKSERVERS (process ids) that have no client."""
        parents = {int(p.parent.name): p for p in pathlib.Path("/proc").glob("[0-9]*/stat")}
        alive = []
        for pid, path in parents.items():
            with contextlib.suppress(OSError):
                text = path.read_text()
                if "(pr:worker)" in text and int(text[text.rindex(")") + 2:].split()[1]) in forkservers:
                    alive.append(pid)
        if not alive:
            return []
        shown = json.loads(self.tool("status", "--json", "--workers", check=True).stdout)
        return [pid for pid in alive if pid not in [b["pid"] for b in shown["busy"]]]

    def kill(self):
        """SIGKILL to everything that was started."""
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            with contextlib.suppress(Exception):
                self.process.wait(10)
            self.process = None

    def members(self):
        """Living processes of our process group (session), the master's descendants by inheritance."""
        found = []
        for p in pathlib.Path("/proc").iterdir():
            if p.name.isdigit():
                with contextlib.suppress(OSError, ValueError):
                    stat = (p / "stat").read_text()
                    fields = stat[stat.rindex(")") + 2:].split()
                    if fields[0] != "Z" and int(fields[3]) == self.session:
                        found.append(int(p.name))
        return found

    def stop(self, timeout=40, check=True):
        """SIGTERM; the exit status. All processes must be gone."""
        if not self.process:
            return 0
        self.session = self.process.pid
        self.signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            tail = self.log()[-4000:]
            self.kill()
            raise AssertionError(f"did not stop within {timeout} s\n--- log ---\n{tail}")
        self.process = None
        try:
            wait_until(lambda: not self.members(), 10, "all processes to leave")
        except AssertionError:
            for pid in self.members():
                os.kill(pid, signal.SIGKILL)
            raise
        if check:
            assert status == 0, f"exit status {status}\n{self.log()[-4000:]}"
        return status

    def check_log(self):
        text = self.log()
        m = SANITIZER.search(text)
        assert not m, "sanitizer or bug report in the log:\n" + text[max(0, m.start() - 500):m.start() + 6000]

    def close(self, keep=False):
        self.kill()
        if not keep and not os.environ.get("KEEP"):
            shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, tb):
        try:
            if kind is None:
                self.stop()
                self.check_log()
            else:
                print(f"--- log of {self.dir} ---\n{self.log()[-8000:]}", file=sys.stderr)
        finally:
            self.close()

    # -- clients -----------------------------------------------------------------------------------------
    def client(self, role="smtp", starttls=False, login=False):
        """A connected smtplib client."""
        context = client_tls()
        if role == "smtps":
            c = smtplib.SMTP_SSL(*self.smtps, timeout=30, context=context)
        else:
            c = smtplib.SMTP(*getattr(self, role), timeout=30)
        c.ehlo("client.test")
        if starttls:
            c.starttls(context=context)
            c.ehlo("client.test")
        if login:
            c.login("alice@local.test", PASSWORD)
        return c

    def send(self, sender="alice@local.test", to=("bob@remote.test",), body=None, role="submission", subject="test"):
        """Sends one authenticated message over TLS; raises smtplib's exceptions."""
        with contextlib.closing(self.client(role, starttls=role != "smtps", login=True)) as c:
            refused = c.sendmail(sender, list(to), body if body is not None else
                                 f"From: <{sender}>\r\nTo: <{to[0]}>\r\nSubject: {subject}\r\n\r\nhello\r\n")
            with contextlib.suppress(smtplib.SMTPException):
                c.quit()
            return refused

    def raw(self, role="smtp", timeout=30):
        return Raw(getattr(self, role), timeout)

    def status(self):
        return json.loads(self.tool("status", "--json", check=True).stdout)


def client_tls():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Raw:
    """A bare socket that speaks lines."""

    def __init__(self, address, timeout=30):
        self.sock = socket.create_connection(address, timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""

    def send(self, data, bytewise=False):
        data = data.encode() if isinstance(data, str) else data
        for piece in ([data[i:i + 1] for i in range(len(data))] if bytewise else [data]):
            self.sock.sendall(piece)

    def line(self):
        """The next line without CRLF; None at the end of the connection."""
        while b"\r\n" not in self.data:
            try:
                piece = self.sock.recv(65536)
            except (ConnectionError, ssl.SSLError):
                piece = b""
            if not piece:
                return None
            self.data += piece
        line, _, self.data = self.data.partition(b"\r\n")
        return line.decode("latin-1")

    def reply(self):
        """One whole reply as a list of lines; [] at the end of the connection."""
        lines = []
        while (line := self.line()) is not None:
            lines.append(line)
            if line[3:4] != "-":
                break
        return lines

    def command(self, text):
        """Sends TEXT and CRLF, returns the reply joined by newlines."""
        self.send(text + "\r\n")
        return "\n".join(self.reply())

    def expect(self, text, code):
        answer = self.command(text) if text is not None else "\n".join(self.reply())
        assert answer.startswith(str(code)), f"{text!r}: expected {code}, got {answer!r}"
        return answer

    def starttls(self):
        self.expect("STARTTLS", 220)
        self.wrap()

    def wrap(self):
        self.sock = client_tls().wrap_socket(self.sock)
        self.data = b""

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def run_cases(*functions):
    """Main of a test script: runs the functions whose names are in argv (all without any), prints "ok NAME" or
    "FAIL NAME", exits 1 when one failed."""
    wanted = sys.argv[1:]
    failed = 0
    for f in functions:
        if wanted and f.__name__ not in wanted:
            continue
        try:
            f()
            print(f"ok {f.__name__}", flush=True)
        except Exception:
            failed += 1
            traceback.print_exc()
            print(f"FAIL {f.__name__}", flush=True)
    sys.exit(1 if failed else 0)
