"""Real servers as the other end of what is tested: a name server, mail servers. Each runs privately in a directory of its own, as an
unprivileged user where it can, and is gone afterwards. `why_not()` of a class says why it cannot run here, or is None."""
import contextlib, glob, os, pathlib, re, shutil, signal, socket, subprocess, tempfile
from postrider import TOP, wait_until

PATH = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin:/usr/lib/postfix/sbin"
UNPRIVILEGED = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"] if os.geteuid() == 0 else []


def found(program):
    return shutil.which(program, path=PATH)


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", port), 5).close()
        return True
    return False


def group(leader):
    """The processes of a process group that live."""
    found = []
    for p in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, pgrp = p.read_text().rpartition(")")[2].split()[:3]
            if int(pgrp) == leader and state != "Z":
                found.append(p.parent.name)
    return found


class Peer:
    """with Nsd(zones) as peer: ... A server that cannot have its port, which somebody took meanwhile, is tried on another."""
    program = None

    @classmethod
    def why_not(cls):
        return None if found(cls.program) else f"{cls.program} is not installed"

    def __init__(self, directory=None):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix=f"{self.program}-", dir=directory))
        os.chmod(self.dir, 0o755)
        self.process = None
        try:
            for left in (2, 1, 0):
                self.port = free_port()
                try:
                    self.start()
                    return
                except AssertionError:
                    if left == 0:
                        print(self.log()[-3000:])
                        raise
                    self.kill()
        except BaseException:
            self.close()
            raise

    def make(self, *names):
        """Directories that the server may write to."""
        for name in names:
            (self.dir / name).mkdir(exist_ok=True)
            if UNPRIVILEGED:
                shutil.chown(self.dir / name, "nobody", "nogroup")

    def run(self, command, **options):
        with open(self.dir / "output", "ab") as output:
            self.process = subprocess.Popen([*UNPRIVILEGED, *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            start_new_session=True, **options)

    def wait(self, ready):
        wait_until(lambda: ready() or self.process.poll() is not None, 20, self.program)
        assert self.process.poll() is None, f"{self.program} has ended: {self.log()[-2000:]}"

    def log(self):
        return "".join(p.read_text(errors="replace") for p in (self.dir / "output", self.dir / "log") if p.exists())

    def kill(self):
        if self.process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None

    def close(self):
        self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Nsd(Peer):
    """An authoritative name server. ZONES: {"test": "records in the form of zone files"}; SOA and NS are added."""
    program = "nsd"

    def __init__(self, zones):
        self.zones = zones
        super().__init__()

    def write(self, zone, records, serial=1):
        (self.dir / zone).write_text(f"$ORIGIN {zone}.\n$TTL 3600\n@ SOA ns.{zone}. root.{zone}. {serial} 3600 600 86400 3600\n"
                                     f"@ NS ns.{zone}.\nns.{zone}. A 127.0.0.1\n{records}\n")

    def start(self):
        self.make("state")
        state = self.dir / "state"
        text = (f'server:\n  ip-address: 127.0.0.1@{self.port}\n  server-count: 1\n  username: ""\n  chroot: ""\n  database: ""\n  zonesdir: "{self.dir}"\n'
                f'  pidfile: "{state}/pid"\n  logfile: "{state}/log"\n  xfrdfile: "{state}/xfrd"\n  zonelistfile: "{state}/zones"\n  xfrdir: "{state}"\n'
                'remote-control:\n  control-enable: no\n')
        for zone, records in self.zones.items():
            self.write(zone, records)
            text += f'zone:\n  name: "{zone}"\n  zonefile: "{zone}"\n'
        (self.dir / "conf").write_text(text)
        self.run([found("nsd"), "-d", "-c", str(self.dir / "conf")])
        self.wait(lambda: answers(self.port))

    def log(self):
        return super().log() + "".join(p.read_text() for p in self.dir.glob("state/log"))

    @property
    def forwarder(self):
        return f"127.0.0.1@{self.port}"


class DovecotLmtp(Peer):
    """Dovecot's LMTP on the Unix socket `lmtp`; mailboxes of USERS, whose mail is in mail/USER/Maildir."""
    program = "dovecot"

    @classmethod
    def why_not(cls):
        return super().why_not() or (None if os.path.exists("/usr/lib/dovecot/lmtp") or os.path.exists("/usr/libexec/dovecot/lmtp")
                                     else "Dovecot's LMTP is not installed")

    def __init__(self, users, settings="", quotas=()):
        self.users, self.settings, self.quotas = users, settings, dict(quotas)
        super().__init__()

    def start(self):
        import grp, pwd
        self.make("run", "mail")
        me = "nobody" if UNPRIVILEGED else pwd.getpwuid(os.geteuid()).pw_name
        group = "nogroup" if UNPRIVILEGED else grp.getgrgid(os.getegid()).gr_name
        self.lmtp = self.dir / "run" / "lmtp"
        (self.dir / "users").write_text("".join(f"{user}@local.test:::::::" + (f"userdb_quota_rule={self.quotas[user]}" if user in self.quotas else "") + "\n"
                                                 for user in self.users))
        plain = "".join(f"service {name} {{\n  chroot =\n}}\n" for name in ("anvil", "stats", "log"))
        (self.dir / "conf").write_text(
            f"base_dir = {self.dir}/run\nstate_dir = {self.dir}/run\nlog_path = /dev/stderr\nprotocols = lmtp\nssl = no\nlisten = 127.0.0.1\n"
            f"default_internal_user = {me}\ndefault_login_user = {me}\ndefault_internal_group = {group}\nfirst_valid_uid = 0\nfirst_valid_gid = 0\n"
            f"hostname = dovecot.test\nmail_location = maildir:{self.dir}/mail/%n/Maildir\nlmtp_save_to_detail_mailbox = no\n"
            f"postmaster_address = postmaster@local.test\n{plain}"
            f"service lmtp {{\n  unix_listener lmtp {{\n    mode = 0666\n  }}\n}}\n"
            f"passdb {{\n  driver = passwd-file\n  args = {self.dir}/users\n}}\n"
            f"userdb {{\n  driver = passwd-file\n  args = {self.dir}/users\n  default_fields = uid={me} gid={group} home={self.dir}/mail/%n\n}}\n{self.settings}")
        self.run([found("dovecot"), "-F", "-c", str(self.dir / "conf")])
        self.wait(self.lmtp.exists)

    def mail(self, user):
        return [p.read_bytes() for p in sorted((self.dir / "mail" / user / "Maildir" / "new").glob("*"))]


class Postfix(Peer):
    """Takes everything and keeps it in its queue, from which `message` reads it. MAIN: lines of main.cf; SERVICES: more of master.cf."""
    program = "postfix"

    @classmethod
    def why_not(cls):
        return super().why_not() or (None if os.path.exists("/usr/share/postfix/master.cf.dist") else "Postfix's master.cf.dist is not there") or \
            (None if os.geteuid() == 0 else "Postfix runs as root only")

    def __init__(self, main="", hold=True, directory=None, services=""):
        self.services, self.main = services, main + ("smtpd_recipient_restrictions = check_recipient_access static:HOLD\n" if hold else "")
        super().__init__(directory)

    def start(self):
        for name in ("conf", "spool", "data"):
            (self.dir / name).mkdir(exist_ok=True)
        shutil.chown(self.dir / "data", "postfix", "postfix")
        (self.dir / "conf" / "main.cf").write_text(
            "compatibility_level = 3.6\nmyhostname = postfix.test\nmydestination =\nmynetworks = 127.0.0.0/8\n"
            f"queue_directory = {self.dir}/spool\ndata_directory = {self.dir}/data\ninet_interfaces = 127.0.0.1\n"
            f"inet_protocols = ipv4\nmaillog_file_prefixes = /\nmaillog_file = {self.dir}/log\n{self.main}")
        lines = []
        for line in pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
            if re.match(r"smtp\s+inet\s", line):
                line = re.sub(r"^smtp", f"127.0.0.1:{self.port}", line)
            lines.append(re.sub(r"^(\S+\s+(?:inet|unix|unix-dgram)\s+\S+\s+\S+\s+)y", r"\1n", line))
        (self.dir / "conf" / "master.cf").write_text("\n".join(lines) + "\n" + self.services)
        self.master = None
        started = subprocess.run([found("postfix"), "-c", str(self.dir / "conf"), "start"], capture_output=True, env=os.environ | {"PATH": PATH})
        assert started.returncode == 0, started
        pid_file = self.dir / "spool" / "pid" / "master.pid"
        self.master = int(wait_until(lambda: pid_file.exists() and pid_file.read_text().split(), what="Postfix")[0])
        wait_until(lambda: answers(self.port) or not os.path.exists(f"/proc/{self.master}"), 20, "Postfix")
        assert os.path.exists(f"/proc/{self.master}"), f"Postfix has ended: {self.log()[-2000:]}"

    def kill(self):
        """With its children, which are in the group that it has made."""
        if not getattr(self, "master", None):
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.master, signal.SIGTERM)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not group(self.master), 10, "Postfix to stop")
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.master, signal.SIGKILL)
        wait_until(lambda: not group(self.master), what="the end of Postfix")
        self.master = None

    def held(self):
        return [p.name for p in (self.dir / "spool" / "hold").glob("**/*") if p.is_file()]

    def message(self, ident):
        """(sender, recipients, content) of what it has taken under that queue id."""
        command = [found("postcat"), "-c", str(self.dir / "conf"), "-q"]
        envelope = subprocess.run([*command, "-e", ident], check=True, capture_output=True).stdout.decode()
        content = subprocess.run([*command, "-hb", ident], check=True, capture_output=True).stdout
        return (re.findall(r"^sender: (.*)$", envelope, re.M)[0], re.findall(r"^recipient: (.*)$", envelope, re.M), content)


class Exim(Peer):
    """Delivers everything into a maildir, with Envelope-to and Return-path in front. It runs as a user of whom nothing is known but
    what nss_wrapper tells it, from a copy without the set-uid bit: where Exim is not the machine's mail server t/deps unpacks it."""
    program = "exim4"

    @classmethod
    def binary(cls):
        own = TOP / "build" / "peers" / "usr" / "sbin" / "exim4"
        return own if own.exists() else found("exim4")

    @classmethod
    def wrapper(cls):
        return next(iter(glob.glob("/usr/lib*/libnss_wrapper.so") + glob.glob("/usr/lib/*/libnss_wrapper.so")), None)

    @classmethod
    def why_not(cls):
        if not cls.binary():
            return "exim4 is not there (t/deps test)"
        missing = re.findall(r"(\S+) => not found", subprocess.run(["ldd", cls.binary()], capture_output=True, text=True).stdout)
        return f"exim4 lacks {missing[0]}" if missing else None if cls.wrapper() else "nss_wrapper is not installed"

    def __init__(self, settings="", rcpt="accept\n", acls=""):
        self.settings, self.acls = settings, f"rcpt:\n{rcpt}{acls}"
        super().__init__()

    def start(self):
        self.make("spool", "mail")
        shutil.copy(self.binary(), self.dir / "exim4")
        os.chmod(self.dir / "exim4", 0o755)
        uid, gid = (65534, 65534) if UNPRIVILEGED else (os.geteuid(), os.getegid())
        for name, line in (("passwd", f"Debian-exim:x:{uid}:{gid}::/:/bin/false\n"), ("group", f"Debian-exim:x:{gid}:\n")):
            (self.dir / name).write_text(line + pathlib.Path("/etc", name).read_text())
        (self.dir / "conf").write_text(
            f"primary_hostname = exim.test\nspool_directory = {self.dir}/spool\nlog_file_path = {self.dir}/spool/%slog\nexim_path = {self.dir}/exim4\n"
            f"local_interfaces = 127.0.0.1\ndaemon_smtp_ports = {self.port}\npid_file_path = {self.dir}/spool/pid\nnotifier_socket =\n"
            f"deliver_drop_privilege = true\nnever_users =\nsmtp_accept_max = 0\nmessage_size_limit = 20M\nsmtputf8_advertise_hosts = *\n"
            f"acl_smtp_rcpt = rcpt\n{self.settings}begin acl\n{self.acls}begin routers\nall:\n  driver = accept\n  transport = maildir\n"
            f"begin transports\nmaildir:\n  driver = appendfile\n  directory = {self.dir}/mail\n  maildir_format\n  batch_max = 1000\n  envelope_to_add\n"
            "  return_path_add\n  mode = 0644\n  create_directory\n")
        self.run([str(self.dir / "exim4"), "-C", str(self.dir / "conf"), "-bdf"],
                 env={"LD_PRELOAD": self.wrapper(), "NSS_WRAPPER_PASSWD": f"{self.dir}/passwd", "NSS_WRAPPER_GROUP": f"{self.dir}/group", "PATH": PATH})
        self.wait(lambda: answers(self.port))

    def log(self):
        return super().log() + "".join(p.read_text(errors="replace") for p in self.dir.glob("spool/*log") if p.is_file())

    def mail(self):
        return [p.read_bytes() for p in sorted(self.dir.glob("mail/new/*"))]
