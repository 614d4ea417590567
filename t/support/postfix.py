"""A private Postfix that takes everything and keeps it: the other end of what is tested. It runs as root only."""
import contextlib, os, pathlib, re, shutil, signal, socket, subprocess, tempfile
from postrider import wait_until

PATH = os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin"


class Postfix:
    """with Postfix("smtpd_tls_security_level = may\\n") as s: ... s.port, s.held(), s.log(). MAIN: lines of main.cf."""

    @staticmethod
    def why_not():
        """Why it cannot run here, or None."""
        if not shutil.which("postfix", path=PATH) or not os.path.exists("/usr/share/postfix/master.cf.dist"):
            return "postfix is not installed"
        return None if os.geteuid() == 0 else "Postfix runs as root only"

    def __init__(self, main=""):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="postfix-"))
        os.chmod(self.dir, 0o755)
        for name in ("conf", "spool", "data"):
            (self.dir / name).mkdir()
        shutil.chown(self.dir / "data", "postfix", "postfix")
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        (self.dir / "conf/main.cf").write_text(
            "compatibility_level = 3.6\nmyhostname = postfix.test\nmydestination =\nmynetworks = 127.0.0.0/8\n"
            f"queue_directory = {self.dir}/spool\ndata_directory = {self.dir}/data\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\n"
            f"maillog_file_prefixes = /\nmaillog_file = {self.dir}/log\nsmtpd_recipient_restrictions = check_recipient_access static:HOLD\n{main}")
        self.write_services()
        try:
            self.postfix("start")
            self.pid = int(wait_until(lambda: (p := self.dir / "spool/pid/master.pid").exists() and p.read_text().split(), what="Postfix")[0])
            wait_until(self.answers, what="Postfix to listen")
        except BaseException:
            self.close()
            raise

    def write_services(self):
        """Its own list without chroot, with our port."""
        lines = []
        for line in pathlib.Path("/usr/share/postfix/master.cf.dist").read_text().splitlines():
            line = re.sub(r"^smtp(\s+inet\s)", rf"127.0.0.1:{self.port}\1", line)
            lines.append(re.sub(r"^(\S+\s+(?:inet|unix|unix-dgram)\s+\S+\s+\S+\s+)y", r"\1n", line))
        (self.dir / "conf/master.cf").write_text("\n".join(lines) + "\n")

    def postfix(self, word):
        subprocess.run(["postfix", "-c", self.dir / "conf", word], check=True, capture_output=True, env=os.environ | {"PATH": PATH})

    def answers(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True
        return False

    def held(self):
        """The queue ids of what it has taken."""
        return [p.name for p in (self.dir / "spool/hold").glob("**/*") if p.is_file()]

    def log(self):
        return (self.dir / "log").read_text(errors="replace") if (self.dir / "log").exists() else ""

    def members(self):
        """Its processes: those of the master's process group."""
        found = []
        for p in pathlib.Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if p.name.isdigit() and os.getpgid(int(p.name)) == self.pid:
                    found.append(int(p.name))
        return found

    def close(self):
        if getattr(self, "pid", None):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGTERM)
            with contextlib.suppress(AssertionError):
                wait_until(lambda: not self.members(), 10, "Postfix to stop")
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
            wait_until(lambda: not self.members(), what="the end of Postfix")
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
