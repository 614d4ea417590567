"""A real Redis server for one test, on a Unix socket in a directory of its own."""
import contextlib, os, pathlib, shutil, signal, socket, subprocess, tempfile
from postrider import wait_until

PROGRAM = shutil.which("redis-server") or shutil.which("valkey-server")


class Redis:
    """with Redis("--requirepass", "x") as r: ... r.url, r.command("GET", "key"), r.kill(), r.start()"""

    def __init__(self, *args):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="rd-"))
        os.chmod(self.dir, 0o755)           # for servers that have become nobody
        self.socket, self.args, self.process = self.dir / "s", args, None
        self.url = f"redis+unix://{self.socket}"
        self.start()

    def start(self):
        self.socket.unlink(missing_ok=True)
        self.process = subprocess.Popen([PROGRAM, "--port", "0", "--unixsocket", self.socket, "--unixsocketperm", "777", "--save", "", "--appendonly", "no",
                                         "--dir", self.dir, "--loglevel", "warning", *self.args], stdout=subprocess.DEVNULL)
        wait_until(self.answers, what="redis-server")

    def answers(self):
        with contextlib.suppress(OSError):
            return self.command("PING")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def signal(self, sig):
        os.kill(self.process.pid, sig)

    def command(self, *words):
        """The reply as the protocol has it, without its line end."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(str(self.socket))
            words = [str(w).encode() for w in words]
            s.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            return s.recv(65536).decode().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGCONT)
        self.kill()
        shutil.rmtree(self.dir)


def stores():
    """Lines for postrider.conf: the store in LMDB, and in a Redis that runs until the next one is asked for."""
    yield ""
    if PROGRAM:
        with Redis() as r:
            yield f'store = "{r.url}"\nstore_timeout = 5s\nstore_connect_timeout = 5s\n'
    else:
        print("skip redis: no redis-server here")
