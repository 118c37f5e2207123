#!/usr/bin/env python3
"""Measures, prints one table and writes .build/bench.json. What the figures say: README.md here.

Whatever is compared takes turns (ours, peer, ours, peer ...), so that a busy machine slows both.
CPU and memory are what the system says of exactly that process and its children (launch.c).
"""
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

import offline
import pieces
from measure import FLOOR, Bench, Samples, Table

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", ".build/release")
WORK = ROOT / ".build/bench-work"
RESULT = ROOT / ".build/bench.json"
CASES = ROOT / "tests/bench/cases"

QUESTIONS, TARGETS = 200, 3
REQUESTS = QUESTIONS * TARGETS
ROUNDS = 7  # of what takes less than a second
PEER_ROUNDS = 3  # of what takes seconds
STARTS = 31
MANY_TRIALS = 167  # 600 cells, so 100,200 requests
PARALLEL = (64, 4)


def machine():
    cpu = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.split(":", 1)[1].strip()
            break
    libcurl = subprocess.run(["pkg-config", "--modversion", "libcurl"], capture_output=True, text=True)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "libcurl": libcurl.stdout.strip(),
        "commit": commit.stdout.strip(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def prepare_work(url):
    """A folder with the cases of both harnesses, and the mock's address in their configs."""
    for name in ("words.yaml", "words.csv", "promptfooconfig.yaml", "prompt.json"):
        shutil.copy(CASES / name, WORK / name)
    text = (CASES / "proviso.yaml").read_text().replace("BENCH_URL", url)
    (WORK / "proviso.yaml").write_text(text)
    (WORK / "validate.yaml").write_text(text.replace("core: false, cases: [words.yaml]", "core: true"))
    (WORK / "home").mkdir()


# --- one run of each; each sees to it that all of it was done ------------------------------


class Runs:
    def __init__(self, bench):
        self.bench = bench
        self.proviso = str(BUILD / "proviso")
        self.promptfoo = None
        if os.environ.get("BENCH_PROMPTFOO"):
            self.promptfoo = [os.environ["BENCH_NODE"], os.environ["BENCH_PROMPTFOO"]]

    def check(self, jobs, trials=1, folder=None):
        out = (folder or WORK) / "run"
        shutil.rmtree(out, ignore_errors=True)
        (WORK / "matrix.json").unlink(missing_ok=True)
        sample, text = self.bench.run(self.proviso, "check", "--config", "proviso.yaml", "--jobs", str(jobs),
                                      "--trials", str(trials), "--out", str(out), "--matrix", "matrix.json")
        lines = sum(1 for _ in open(out / "journal.jsonl", "rb")) - 1
        if f"{REQUESTS} of {REQUESTS} cells pass" not in text or lines != REQUESTS * trials:
            sys.exit(f"proviso did not do all of it ({lines} lines of journal):\n{text}")
        return sample

    def bare(self, parallel, times=1):
        sample, text = self.bench.run(str(BUILD / "bench/bare"), str(parallel), str(times), "requests.tsv")
        if not text.startswith(f"{REQUESTS * times} requests"):
            sys.exit(f"the bare loop did not do all of it: {text}")
        return sample

    def foo(self, parallel):
        sample, text = self.bench.run(*self.promptfoo, "eval", "-c", "promptfooconfig.yaml", "-j", str(parallel),
                                      "--no-cache", "--no-table", "--no-progress-bar", "--no-share")
        if f"{REQUESTS} passed" not in text or f"{REQUESTS + 1} passed" in text:
            sys.exit(f"promptfoo did not pass all {REQUESTS}:\n{text}")
        return sample


def write_requests(folder):
    """The requests that proviso sent, from its evidence: a line each, URL, tab, body."""
    count = 0
    with open(WORK / "requests.tsv", "wb") as out:
        for path in sorted((folder / "evidence").glob("*.rec")):
            data, at = path.read_bytes(), 0
            while at < len(data):
                end = data.index(b"\n", at)
                head = json.loads(data[at:end])
                body = data[end + 1:end + 1 + head["request_bytes"]]
                out.write(head["url"].encode() + b"\t" + body + b"\n")
                at = end + 1 + head["request_bytes"] + 1 + head["response_bytes"] + 1
                count += 1
    if count != REQUESTS:
        sys.exit(f"{count} requests in the evidence, not {REQUESTS}")


# --- what is measured ------------------------------------------------------------------------


def measure_start(bench, runs, table):
    """Wall time, as whoever waits for it sees it; /bin/true says what this machine asks for any process."""
    samples = {name: Samples() for name in ("version", "true", "core", "rows")}
    for _ in range(STARTS):
        samples["true"].add(bench.run(FLOOR)[0])
        samples["version"].add(bench.run(runs.proviso, "--version")[0])
        samples["core"].add(bench.run(runs.proviso, "validate", "--config", "validate.yaml")[0])
        samples["rows"].add(bench.run(runs.proviso, "validate", "--config", "proviso.yaml")[0])
    true = samples["true"].wall_ms()
    table.add("start: --version, wall", "ms", samples["version"].wall_ms(), FLOOR, true, below=3)
    table.add("start: --version, CPU", "ms", samples["version"].cpu_ms(), FLOOR, samples["true"].cpu_ms())
    table.add("validate: config and core suite, wall", "ms", samples["core"].wall_ms(), FLOOR, true, below=20)
    table.add("validate: config and core suite, CPU", "ms", samples["core"].cpu_ms(), FLOOR, samples["true"].cpu_ms())
    table.add("validate: config and 200 own cases, wall", "ms", samples["rows"].wall_ms(), FLOOR, true, below=20)
    table.add("validate: config and 200 own cases, CPU", "ms", samples["rows"].cpu_ms(), FLOOR, samples["true"].cpu_ms())
    if runs.promptfoo is not None:
        ours, peer = Samples(), Samples()
        for _ in range(PEER_ROUNDS):
            ours.add(bench.run(runs.proviso, "--version")[0])
            peer.add(bench.run(*runs.promptfoo, "--version")[0])
        table.add("start: --version, wall, and promptfoo's", "ms", ours.wall_ms(), "promptfoo", peer.wall_ms())


def measure_json(table):
    done = subprocess.run([BUILD / "bench/json"], capture_output=True, text=True, check=True)
    if "not installed" in done.stdout:
        table.note(done.stdout.strip())
        return
    for line in done.stdout.splitlines():
        _, name, size, ours, theirs, ratio, low, high = line.split("\t")
        goal = 5 if name in ("chat body, 2 KB", "chat body, 100 KB") else None
        table.add_ratio(f"JSON: {name} ({size} B)", "MB/s", float(ours), "jansson", float(theirs),
                        (float(ratio), float(low), float(high)), ratio_at_least=goal)


def measure_call(table):
    done = subprocess.run([BUILD / "bench/call"], capture_output=True, text=True, check=True)
    turns = [[float(field) for field in line.split("\t")[1:]] for line in done.stdout.splitlines()]
    bare, call, recorded = zip(*turns)
    table.add("one call, replies read, CPU", "us", call, "bare libcurl", bare)
    table.add("one call, replies read and recorded, CPU", "us", recorded, "bare libcurl", bare, ratio_at_most=2)


def measure_runner(bench, runs, table):
    """600 requests, whole processes: start, suite, requests, journal, evidence, matrix, table."""
    memory = pathlib.Path("/dev/shm") / f"proviso-bench-{os.getpid()}"
    memory.mkdir()
    ours, bare, foo, tmpfs = ({parallel: Samples() for parallel in PARALLEL} for _ in range(4))
    try:
        for turn in range(ROUNDS):
            for parallel in PARALLEL:
                ours[parallel].add(runs.check(parallel))
                bare[parallel].add(runs.bare(parallel))
                tmpfs[parallel].add(runs.check(parallel, folder=memory))
                if runs.promptfoo is not None and turn < PEER_ROUNDS:
                    foo[parallel].add(runs.foo(parallel))
    finally:
        shutil.rmtree(memory, ignore_errors=True)
    for parallel in PARALLEL:
        what = f"{REQUESTS} requests, {parallel} at once"
        table.add(f"{what}: CPU", "ms", ours[parallel].cpu_ms(), "bare libcurl", bare[parallel].cpu_ms(), ratio_at_most=3)
        table.add(f"{what}: CPU, run folder in memory", "ms", tmpfs[parallel].cpu_ms(), "bare libcurl", bare[parallel].cpu_ms())
        table.add(f"{what}: wall", "ms", ours[parallel].wall_ms(), "bare libcurl", bare[parallel].wall_ms())
        table.add(f"{what}: peak RSS", "MB", ours[parallel].peak_mb(), "bare libcurl", bare[parallel].peak_mb(), below=30)
        if runs.promptfoo is not None:
            same, peer = ours[parallel].first(PEER_ROUNDS), foo[parallel]
            table.add(f"{what}: CPU", "ms", same.cpu_ms(), "promptfoo", peer.cpu_ms(), peer_at_least=100)
            table.add(f"{what}: wall", "ms", same.wall_ms(), "promptfoo", peer.wall_ms())
            table.add(f"{what}: peak RSS", "MB", same.peak_mb(), "promptfoo", peer.peak_mb())
    return ours[PARALLEL[0]]


def measure_many(runs, table, few):
    """The same 600 cells, each asked 167 times: what a request costs once everything stands."""
    requests = REQUESTS * MANY_TRIALS
    ours, bare = Samples(), Samples()
    for _ in range(PEER_ROUNDS):
        ours.add(runs.check(64, trials=MANY_TRIALS))
        bare.add(runs.bare(64, times=MANY_TRIALS))
    each = [value * 1000 / requests for value in ours.cpu_ms()]
    bare_each = [value * 1000 / requests for value in bare.cpu_ms()]
    table.add(f"{requests:,} requests: CPU a request", "us", each, "bare libcurl", bare_each, ratio_at_most=3)
    table.add(f"{requests:,} requests: peak RSS", "MB", ours.peak_mb(), "our 600", few.peak_mb(), below=100)


def measure_requests(bench, runs, table):
    print("warming up ...", file=sys.stderr)
    runs.check(64)
    write_requests(WORK / "run")
    runs.bare(64)
    if runs.promptfoo is not None:
        runs.foo(64)
    print("measuring: 600 requests ...", file=sys.stderr)
    few = measure_runner(bench, runs, table)
    print("measuring: 100,200 requests ...", file=sys.stderr)
    measure_many(runs, table, few)


OFFLINE = ("replay", "html", "gate", "forecast")
PARTS = ("start", "json", "calls", "translate", "classify", "runner", "usage", *OFFLINE)


def measure(bench, table, parts):
    runs = Runs(bench)
    if runs.promptfoo is None and ("start" in parts or "runner" in parts):
        table.note("promptfoo was not measured (BENCH_PEERS=0, or it did not install).")
    steps = {"start": lambda: measure_start(bench, runs, table), "json": lambda: measure_json(table),
             "calls": lambda: measure_call(table), "runner": lambda: measure_requests(bench, runs, table),
             "translate": lambda: pieces.measure_translate(table, BUILD / "bench/translate"),
             "classify": lambda: pieces.measure_classify(table, BUILD / "bench/classify", WORK),
             "usage": lambda: pieces.measure_usage(bench, table, runs.proviso, WORK)}
    if any(part in parts for part in OFFLINE):
        print(f"recording a run of {offline.TARGETS} targets ...", file=sys.stderr)
        recorded = offline.prepare(bench, runs.proviso, WORK)
        steps.update(replay=lambda: recorded.measure_replay(table), html=lambda: recorded.measure_html(table),
                     gate=lambda: recorded.measure_gate(table), forecast=lambda: recorded.measure_forecast(table))
    for part in parts:
        print(f"measuring: {part} ...", file=sys.stderr)
        steps[part]()


def chosen_parts():
    only = os.environ.get("ONLY", "")
    if only and only not in PARTS:
        sys.exit(f"ONLY={only} is no part of this; there are: {', '.join(PARTS)}, proxy")
    return (only,) if only else PARTS


def main():
    parts = chosen_parts()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    where = machine()
    # It ends when this process does: its standard input closes then.
    mock = subprocess.Popen([BUILD / "bench/mock"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    url = mock.stdout.readline().strip()
    prepare_work(url)
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(WORK / "home"), "LANG": "C.UTF-8", "TERM": "dumb", "CI": "1",
        "BENCH_KEY": "sk-bench-0123456789abcdef", "BENCH_URL": url,
        "PROMPTFOO_CONFIG_DIR": str(WORK / "home"), "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
    }
    table = Table()
    try:
        measure(Bench(BUILD / "bench/launch", WORK, environment), table, parts)
    finally:
        mock.stdin.close()
        mock.wait()
    table.print(where)
    where["load_after"] = os.getloadavg()[0]
    RESULT.write_text(json.dumps({"machine": where, "notes": table.notes, "rows": table.rows}, indent=1) + "\n")
    print(f"\nEvery sample is in {RESULT.relative_to(ROOT)}; how to read it: tests/bench/README.md")
    shutil.rmtree(WORK, ignore_errors=True)


if __name__ == "__main__":
    main()
