"""Mixed traffic for as long as one likes: does the proxy's memory stay flat, does it leak descriptors?

    make soak                       # SOAK_SECONDS=180, the released build
    SOAK_SECONDS=3600 make soak

Everything at once: chat plain and streamed, tools, messages, embeddings, mistakes, providers that fail and cut,
hedges, clients that leave at any moment, probes, reloads, keys that are rotated and revoked, a strict ledger.
A third of the time is for warming up; then memory is held against what it was, and what is open, once
nobody asks any more, against the same moment before. Exit 1 where either grew.
"""
import json
import os
import pathlib
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

from conftest import PLAIN, PROVISO, Sim, environment  # noqa: E402
from proxy_rig import KEYS, Proxy, config_of, key_of, make_matrix  # noqa: E402

CLIENTS = 12
WORKERS = 2
SAMPLE_S = 0.25
IDLE_S = 60  # for what is still under way to end, on a machine as busy as can be
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]
# b cuts its streams and c fails at first; a is well.
FAULTS = {"a": [], "b": ["--break", "cut-mid-content"], "c": ["--break", "storm-500:100000"]}


def config(urls):
    made = config_of(urls)
    made["routes"] = {
        "coder": {"targets": ["a/m"], "strategy": "ordered"},
        "shaky": {"targets": ["c/m", "b/m", "a/m"], "strategy": "ordered"},
        "hedged": {"targets": ["b/m", "a/m"], "strategy": "ordered", "hedge": {"after": "1ms", "share": 1}}}
    made["proxy"] = {"breaker": {"min_requests": 1000000},
                     "probes": {"per_day_usd": "1000", "per_day_requests": 100000, "interval": "500ms"}}
    made["ledger"] = {"path": "proxy.db", "content": "redacted"}
    made["keys"] = {"store": "proxy.db"}
    made["budgets"] = [{"scope": {"team": "search"}, "limit_usd": "100000", "per": "day", "soft": 0.5},
                       {"scope": {"team": "poor"}, "limit_usd": "0.00000001", "per": "day"}]
    return made


class Soak:
    def __init__(self, folder, seconds):
        self.folder, self.seconds, self.proxy = pathlib.Path(folder), seconds, None
        self.samples, self.seen, self.faults = [], {}, []
        self.lock, self.pause, self.stop = threading.Lock(), threading.Event(), threading.Event()
        self.sims = {name: Sim("--models", "m", "--api-key", key_of(name), *fault, program=PLAIN)
                     for name, fault in FAULTS.items()}

    def start(self):
        matrix = self.folder / "matrix"
        matrix.mkdir()
        self.config = config({name: sim.url for name, sim in self.sims.items()})
        (self.folder / "proviso.yaml").write_text(json.dumps(self.config))
        self.keys = [self.key("create", "--name", f"client-{i}", "--team", "search", "--team", "poor") for i in range(3)]
        self.proxy = Proxy(self.folder, self.config, make_matrix(matrix), "--workers", str(WORKERS))

    def key(self, *arguments):
        done = subprocess.run([PLAIN, "key", *arguments], cwd=self.folder, env=environment(**KEYS), capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    # --- traffic ---

    def requests(self, rng):
        route = rng.choice(["coder", "coder", "shaky", "hedged"])
        say = [{"role": "user", "content": "hello " * rng.randint(1, 200) + str(rng.random())}]
        stream = {"stream": rng.random() < 0.5}
        chat = {"model": route, "messages": say, **stream}
        return rng.choice([
            ("chat", "/v1/chat/completions", chat),
            ("chat", "/v1/chat/completions", {**chat, "max_tokens": 50, "stop": ["END"]}),
            ("tools", "/v1/chat/completions", {**chat, "tools": TOOLS, "tool_choice": "required"}),
            ("messages", "/v1/messages", {"model": route, "max_tokens": 50, "messages": say, **stream}),
            ("embeddings", "/v1/embeddings", {"model": "coder", "input": ["hello", "world"]}),
            ("mistake", "/v1/chat/completions", {"model": "nobody", "messages": say}),
            ("mistake", "/v1/chat/completions", {"model": route, "messages": 7}),
            ("explain", "/v1/proviso/explain", chat),
        ])

    def headers(self, rng):
        with self.lock:
            key = rng.choice(self.keys) if rng.random() < 0.97 else "pv_nobody"
        team = "poor" if rng.random() < 0.05 else "search"
        return {"authorization": f"Bearer {key}", "x-proviso-team": team, "content-type": "application/json"}

    def leave(self, rng, path, body):
        sent = json.dumps(body).encode()
        head = "".join(f"{name}: {value}\r\n" for name, value in self.headers(rng).items())
        request = f"POST {path} HTTP/1.1\r\nhost: x\r\n{head}content-length: {len(sent)}\r\n\r\n".encode() + sent
        with socket.create_connection(("127.0.0.1", self.proxy.port)) as connection:
            connection.sendall(request[:rng.choice([10, len(request) // 2, len(request), len(request)])])
            connection.settimeout(rng.choice([0.001, 0.01]))
            try:
                connection.recv(rng.choice([1, 1000]))
            except OSError:
                pass

    def client(self, number):
        rng = random.Random(number)
        while not self.stop.is_set():
            if self.pause.is_set():
                time.sleep(0.01)
                continue
            kind, path, body = self.requests(rng)
            if rng.random() < 0.15:
                kind = "left"
                self.leave(rng, path, body)
            else:
                answer = self.proxy.send("POST", path, body, self.headers(rng))
                kind = f"{kind} {answer.status // 100}xx" + (" cut" if answer.cut else "")
                if answer.status == 500 or answer.cut:
                    self.faults.append((kind, path, body, answer))
            with self.lock:
                self.seen[kind] = self.seen.get(kind, 0) + 1

    def disturb(self):
        """Reloads of either file and by signal, and keys that come and go."""
        turn = 0
        while not self.stop.wait(0.5):
            if self.pause.is_set():
                continue
            turn += 1
            if turn % 3 == 0:
                self.proxy.process.send_signal(1)
            elif turn % 3 == 1:
                changed = {**self.config, "tasks": [{"name": f"task-{turn}", "match": {"header": {"x-kind": str(turn)}}}]}
                fresh = self.folder / "proviso.yaml.new"
                fresh.write_text(json.dumps(changed if turn % 2 else {**changed, "mistake": 1}))
                fresh.replace(self.folder / "proviso.yaml")
            else:
                (self.folder / "proviso.yaml").write_text(json.dumps(self.config))
                with self.lock:
                    at = turn % len(self.keys)
                    old = self.keys[at].split("_")[1]
                if turn % 4:
                    fresh_key = self.key("rotate", old, "--overlap", "5s")
                else:
                    fresh_key = self.key("create", "--name", f"client-{turn}", "--team", "search", "--team", "poor")
                    self.key("revoke", old)
                with self.lock:
                    self.keys[at] = fresh_key

    # --- what is measured ---

    def connections(self):
        """The sockets of TCP but those that listen, as /proc names them, and who is at their other end."""
        found, providers = {}, {int(sim.url.split(":")[2].split("/")[0]) for sim in self.sims.values()}
        for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, state, _, _, _, _, _, inode, *_ = line.split()
            near, far = (int(address.split(":")[1], 16) for address in (local, remote))
            if state != "0A" and (near == self.proxy.port or far in providers):
                found[f"socket:[{inode}]"] = "clients" if near == self.proxy.port else "providers"
        return found

    def open(self):
        """How many descriptors the proxy has: connections of clients and to providers, and all that is no socket."""
        connections, count = self.connections(), {"clients": 0, "providers": 0, "files": 0}
        for one in pathlib.Path(f"/proc/{self.proxy.process.pid}/fd").iterdir():
            try:
                link = os.readlink(one)
            except FileNotFoundError:  # closed meanwhile
                continue
            kind = connections.get(link) if link.startswith("socket:") else "files"
            if kind:
                count[kind] += 1
        return count

    def sample(self):
        status = pathlib.Path(f"/proc/{self.proxy.process.pid}/status").read_text()
        rss = int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1])
        self.samples.append((rss, sum(self.open().values())))

    def run(self, until):
        while time.monotonic() < until:
            assert self.proxy.process.poll() is None, self.proxy.log_path.read_text()[-4000:]
            self.sample()
            time.sleep(SAMPLE_S)

    def idle(self, warm=None):
        """What is open while nobody asks: the fewest that were seen, since a probe or a reload has some for a moment. Requests
        under way are waited for, and so is what is more than when it was `warm`: what has leaked never goes."""
        self.pause.set()
        until, least, since = time.monotonic() + IDLE_S, self.open(), time.monotonic()
        while time.monotonic() < until:
            now = self.open()
            fewer = {kind: min(now[kind], least[kind]) for kind in now}
            if fewer != least:
                least, since = fewer, time.monotonic()
            settled = time.monotonic() > since + 2 if warm is None else not too_many(warm, least)
            if settled and least["clients"] == 0:
                break
            time.sleep(0.05)
        self.pause.clear()
        return least

    def soak(self):
        threads = [threading.Thread(target=self.client, args=(number,)) for number in range(CLIENTS)]
        threads.append(threading.Thread(target=self.disturb))
        for thread in threads:
            thread.start()
        try:
            self.run(time.monotonic() + self.seconds / 3)
            opened = self.idle()
            warm = len(self.samples)
            self.run(time.monotonic() + self.seconds * 2 / 3)
            return self.verdict(opened, self.idle(opened), warm)
        finally:
            self.stop.set()
            for thread in threads:
                thread.join()

    def probes(self):
        return {result: self.proxy.metric(f'probes_total{{result="{result}"}}') for result in ("passed", "failed", "undecided")}

    def verdict(self, before, after, warm):
        rest = [rss for rss, _ in self.samples[warm:]]
        half = len(rest) // 2
        return {"seconds": self.seconds, "requests": dict(sorted(self.seen.items())), "answers": sum(self.seen.values()),
                "reloads": self.proxy.metric("reloads_total"), "reloads_failed": self.proxy.metric("reloads_failed_total"),
                "fallbacks": self.proxy.metric("fallbacks_total"), "hedges": self.proxy.metric("hedges_total"),
                "left": self.proxy.metric("client_gone_total"),
                "probes": sum(self.probes().values()), "probes_by_result": self.probes(),
                "rss_kib": {"first": self.samples[0][0], "warm": statistics.median(rest[:half]),
                            "end": statistics.median(rest[half:]), "most": max(rest)},
                "open": {"idle, warm": before, "idle, end": after, "most": max(count for _, count in self.samples)}}

    def end(self):
        if self.proxy is not None:
            self.proxy.stop()
        for sim in self.sims.values():
            sim.stop()


def soak(folder, seconds):
    """What was seen; `faults` are answers that nobody should get."""
    running = Soak(folder, seconds)
    try:
        running.start()
        seen = running.soak()
    finally:
        running.end()
    return seen, running.faults


def too_many(warm, end):
    """What is open, in words, that should not be."""
    wrong = []
    if end["clients"]:
        wrong.append(f"{end['clients']} connections of clients that have gone")
    if end["files"] > warm["files"] + 1:
        wrong.append(f"files grew from {warm['files']} to {end['files']}")
    # A worker keeps as many connections to a provider as it ever needed at once, hedges included: that may go on
    # growing after the first third, but not beyond all clients at one provider in one worker.
    most = WORKERS * len(FAULTS) * 2 * CLIENTS
    if end["providers"] > most:
        wrong.append(f"{end['providers']} connections to providers, where {most} is all that can have been needed")
    return wrong


def grown(seen, slack_kib):
    """What is wrong with it, in words; empty: nothing."""
    rss, wrong = seen["rss_kib"], too_many(seen["open"]["idle, warm"], seen["open"]["idle, end"])
    # glibc's arenas fill up for a while after the start: what leaks goes on, request by request.
    if rss["end"] > rss["warm"] * 1.1 + slack_kib:
        wrong.append(f"memory grew from {rss['warm']} to {rss['end']} KiB")
    return wrong


def main():
    seconds = float(os.environ.get("SOAK_SECONDS", "180"))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory(prefix="proviso-soak-") as folder:
        seen, faults = soak(folder, seconds)
    print(json.dumps(seen, indent=1))
    wrong = grown(seen, 1024) + [f"an answer that nobody should get: {fault}" for fault in faults[:3]]
    for line in wrong:
        print(f"soak: {line}", file=sys.stderr)
    print("soak: " + ("FAILED" if wrong else f"flat after {seen['answers']} requests"), f"({PROVISO})")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
