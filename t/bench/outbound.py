"""What t/bench/run measures of delivery: relaying in several ways, thousands of slow remotes, and a queue that is long.

  relay-plain     4 KiB messages in and out, until the queue is empty: one destination, connections reused
  relay-fresh     the same with a connection a message
  relay-tls       the same as relay-plain by STARTTLS
  relay-many      the same as relay-plain to 1000 destinations
  slow            5000 deliveries at once to a remote that answers after half a second: memory of each
  deferred        with 100,000 and 1,000,000 messages deferred: start, memory, then accepting, list, flush and bounce of a domain

The remote is t/bench/sink.c; the queue is written by t/bench/fill.c. A long queue is filled once, and Postfix has none."""
import pathlib, re, signal, subprocess, tempfile, time
from dnsserver import DnsServer
from postrider import wait_until

DESTINATIONS = 1000
AHEAD = 86400               # seconds until the first deferred message is due


class Sink:
    def __init__(self, bench, delay=0, certificate=None):
        words = [str(delay), *map(str, certificate or ())]
        self.process = subprocess.Popen([bench.TOP / "build" / "t" / "bench" / "sink", *words], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())

    def told(self):
        """Messages taken, connections that came, the most at once."""
        self.process.send_signal(signal.SIGUSR1)
        return tuple(map(int, self.process.stdout.readline().split()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def certificate(bench, directory):
    """Made by the tool, for the sink: (certificate, key)."""
    d = pathlib.Path(tempfile.mkdtemp(prefix="sink-", dir=directory))
    (d / "me").write_text("sink.test\n")
    subprocess.run([bench.TOP / "build" / "postrider", "--config", d, "tls-cert", "--name", "sink.test"], check=True, capture_output=True)
    return d / "tls_cert.pem", d / "tls_key.pem"


def address(n):
    return f"127.1.{n // 250}.{n % 250 + 1}"


def zone():
    records = {f"d{n}.test": [("MX", 10, f"mx{n}.test")] for n in range(DESTINATIONS)}
    return records | {f"mx{n}.test": [("A", address(n))] for n in range(DESTINATIONS)}


# ---- relaying ----

def postrider(bench, directory, sink, how, dns):
    many = how == "many"
    server = bench.Postrider.__new__(bench.Postrider)
    outbound = (f"concurrency_max = 100\nconcurrency_per_destination = 50\nenable_tls = {'true' if how == 'tls' else 'false'}\n" +
                ("pool_timeout = 0\n" if how == "fresh" else "") + f"port = {sink.port}\nipv6_enabled = false\n")
    conf = (f'max_from_ip = 0\nmin_spare = 60\nmax_spare = 100\nmax_workers = 500\nsessions_per_worker = 100000\n'
            f'resolver {{ forwarders = {{ "{dns.forwarder}" }} }}\n')
    tempfile.tempdir = str(directory)
    server.p = bench.Instance(build=bench.TOP / "build", listen=("smtp",), plugins="relay\nrcpt_ok\nroutes\n", conf=conf, outbound=outbound,
                              files={"relayclients": "127.0.0.1\n", "routes": "" if many else f"* 127.0.0.1:{sink.port}\n"}, auth=False, cert=False)
    server.port = server.p.ports["smtp"]
    return server


def postfix(bench, directory, sink, how, dns):
    lines = f"smtp_tls_security_level = {'may' if how == 'tls' else 'none'}\n"
    if how == "fresh":
        lines += "smtp_connection_cache_on_demand = no\n"
    if how == "many":
        table = pathlib.Path(tempfile.mkdtemp(prefix="transport-", dir=directory)) / "transport"
        table.write_text("".join(f"d{n}.test smtp:[{address(n)}]:{sink.port}\n" for n in range(DESTINATIONS)))
        table.parent.chmod(0o755)
        lines += f"transport_maps = texthash:{table}\n"
    return bench.Postfix(directory, sink=sink.port, more=lines)


def through(bench, server, messages, how):
    """Seconds until MESSAGES have gone through."""
    start = time.monotonic()
    words = [server.port, 50, messages, 4096, "data", "plain", 20] + ([DESTINATIONS] if how == "many" else [])
    subprocess.run([bench.TOP / "build" / "t" / "bench" / "client", *map(str, words)], check=True, timeout=600)
    wait_until(server.empty, 600, "the queue to empty")
    return time.monotonic() - start


def relay(bench, directory, how, messages, rounds):
    best, seen = {}, {}
    pair = certificate(bench, directory) if how == "tls" else None
    for _ in range(rounds):
        for make in [postrider] + ([postfix] if bench.Postfix.available() else []):
            with Sink(bench, certificate=pair) as sink, DnsServer(zone(), ttl=3600) as dns:
                server = make(bench, directory, sink, how, dns)
                try:
                    through(bench, server, max(messages // 10, 50), how)       # warm
                    used, before = bench.cpu(server.root()), sink.told()
                    n = messages if make is postrider else max(messages // 3, 50)
                    r = (n / through(bench, server, n, how), (bench.cpu(server.root()) - used) * 1000 / n)
                    after = sink.told()
                    assert after[0] - before[0] == n, f"{n} messages, and {after[0] - before[0]} came"
                finally:
                    server.close()
            if r > best.get(server.name, (0, 0)):
                best[server.name], seen[server.name] = r, (after[1] - before[1]) / n
    bench.report(f"relay-{how}", best)
    print(f"relay-{how:6} connections per message: " + ", ".join(f"{who} {n:.2f}" for who, n in seen.items()), flush=True)


# ---- slow remotes ----

def private(pid):
    """KiB of memory that the process does not share."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(re.search(rf"^{name}:\s+(\d+)", text, re.M)[1]) for name in ("Private_Dirty", "Private_Clean"))


def fill(bench, p, count, domains, ahead, day):
    owner = p.spool.stat()
    words = [p.spool, count, domains, ahead, day, owner.st_uid, owner.st_gid]
    start = time.monotonic()
    subprocess.run([bench.TOP / "build" / "t" / "bench" / "fill", *map(str, words)], check=True, timeout=3600)
    return time.monotonic() - start


def slow(bench, directory, count):
    tempfile.tempdir = str(directory)
    with Sink(bench, delay=500) as sink:
        p = bench.Instance(build=bench.TOP / "build", listen=("smtp",), plugins="relay\nrcpt_ok\nroutes\n", auth=False, cert=False,
                           conf="shutdown_timeout = 1s\n", outbound=f"concurrency_max = {count}\nconcurrency_per_destination = {count}\nactive_max = {2 * count}\n"
                                    f"pool_concurrency_max = {count}\nenable_tls = false\n", files={"routes": f"* 127.0.0.1:{sink.port}\n"})
        try:
            before = private(p.pids("queue-runner")[0])
            p.stop()
            fill(bench, p, 8 * count, 1, 0, 1)
            p.start()
            pid = p.pids("queue-runner")[0]
            connections = lambda: int((re.search(r"^connections (\d+)", p.tool("queue", "stats").stdout, re.M) or [0, 0])[1])
            used = bench.cpu(pid)
            wait_until(lambda: connections() >= count * 0.98, 120, f"{count} connections")
            now, memory = connections(), private(pid)
            start, taken = time.monotonic(), sink.told()[0]
            time.sleep(2)
            speed = (sink.told()[0] - taken) / (time.monotonic() - start)
            print(f"slow         postrider  {now} connections at once, {(memory - before) / now:.1f} KiB each ({before} KiB before them), "
                  f"{speed:.0f} messages/s, {bench.cpu(pid) - used:.2f} CPU s so far", flush=True)
        finally:
            p.stop(check=False)
            p.close(keep=True)


# ---- a long queue ----

def timed(what, say):
    start = time.monotonic()
    result = what()
    print(f"deferred     postrider  {say(result):58} {time.monotonic() - start:8.2f} s", flush=True)
    return result


def queue_lines(p, *words):
    return p.tool("queue", *words, check=True, timeout=600).stdout.splitlines()


def deferred(bench, directory, count, messages):
    tempfile.tempdir = str(directory)
    domains = min(1000, count // 10)
    p = bench.Instance(build=bench.TOP / "build", listen=("smtp",), plugins="relay\nrcpt_ok\nroutes\n", auth=False, cert=False,
                       conf="max_from_ip = 0\nmin_spare = 60\nmax_spare = 100\nmax_workers = 500\nlookup_rdns = false\n",
                       outbound="connect_timeout = 1s\n", files={"relayclients": "127.0.0.1\n", "routes": "* 127.0.0.1:9\n"})
    try:
        before = private(p.pids("queue-runner")[0])
        p.stop()
        print(f"deferred     {count} messages written in {fill(bench, p, count, domains, AHEAD, 86400):.1f} s", flush=True)
        timed(lambda: (p.start(timeout=300), p.wait_log(r"serving, \d+ messages deferred", 300, 2))[1][0], lambda found: f"start: {found}")
        memory = private(p.pids("queue-runner")[0])
        print(f"deferred     postrider  memory of the queue-runner: {memory / 1024:.1f} MiB, {(memory - before) * 1024 / count:.0f} bytes a message", flush=True)
        seconds = bench.source(p.ports["smtp"], messages)
        print(f"deferred     postrider  {messages / seconds:.0f} messages/s accepted while they wait", flush=True)
        ids = timed(lambda: queue_lines(p, "list", "--ids", "--domain", "d1.test"), lambda found: f"list of a domain: {len(found)} messages")
        timed(lambda: queue_lines(p, "list", "--ids"), lambda found: f"list of all: {len(found)} messages")
        timed(lambda: queue_lines(p, "flush", "--domain", "d2.test"), lambda found: f"flush of a domain: {found[0]}")
        timed(lambda: p.tool("queue", "bounce", "-", input="\n".join(ids) + "\n", timeout=600), lambda r: f"bounce of a domain: exit status {r.returncode}")
        left = queue_lines(p, "list", "--ids", "--domain", "d1.test")
        assert not left, f"{len(left)} messages were not bounced"
    finally:
        p.stop(check=False)
        p.close(keep=True)


BENCHES = {
    **{f"relay-{how}": lambda bench, d, messages, rounds, short, how=how: relay(bench, d, how, messages, rounds)
       for how in ("plain", "fresh", "tls", "many")},
    "slow": lambda bench, d, messages, rounds, short: slow(bench, d, 100 if short else 5000),
    "deferred": lambda bench, d, messages, rounds, short: [deferred(bench, d, n, min(messages, 5000)) for n in ([2000] if short else [100000, 1000000])],
}
