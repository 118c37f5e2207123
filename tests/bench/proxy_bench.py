#!/usr/bin/env python3
"""Proviso's proxy beside nginx, HAProxy and the Portkey gateway; what the figures say: README.md here.

usage: proxy_bench.py [--long] [--only short,streams,decision]

What is compared takes turns, and each turn starts its process anew. CPU is the scheduler's own count
(/proc/PID/task/*/schedstat). After the run the ledger has to hold a row with the right cost for each
answer: a fast proxy that loses a row has failed.
"""
import argparse
import contextlib
import json
import os
import pathlib
import platform
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import time

from measure import figure, ratios, spread
from proxy_peers import COST_PICO_USD, Haproxy, Mock, Nginx, Portkey, Proviso, config_of, matrices

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", ".build/release")
WORK = ROOT / ".build/bench-proxy"
RESULT = ROOT / ".build/bench-proxy.json"
PORTKEY = ROOT / ".build/peers-proxy/node_modules/@portkey-ai/gateway"
PROGRAM = str(BUILD / "proviso")

CONNECTIONS = 256
BODY = json.dumps({"model": "coder", "max_tokens": 100, "temperature": 0.7, "messages": [
    {"role": "system", "content": "You are brief. " * 70}, {"role": "user", "content": "Say something short."}]})


class Failed(Exception):
    """Something did not do all of its work: there are no figures."""


# --- one turn of each kind -------------------------------------------------------------------------


def start_peer(name, mock, matrix):
    folder = WORK / name
    if name == "nginx":
        return Nginx(folder, mock.port)
    if name == "haproxy":
        return Haproxy(folder, mock.port)
    if name == "portkey":
        return Portkey(folder, mock.port, PORTKEY)
    return Proviso(PROGRAM, folder, mock.port, matrix, "relaxed" if "relaxed" in name else "strict", name)


def wrk(port, seconds, headers):
    script = WORK / "post.lua"
    lines = "".join(f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}\n" for name, value in headers.items())
    script.write_text(f"""
wrk.method = "POST"
wrk.body = {json.dumps(BODY)}
wrk.headers["content-type"] = "application/json"
{lines}
function done(summary, latency)
  io.write(string.format("JSON {{\\"requests\\":%d,\\"us\\":%d,\\"status\\":%d,\\"broken\\":%d,\\"p50\\":%d,\\"p99\\":%d}}\\n",
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
""")
    done = subprocess.run(["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds}s", "--timeout", "60s", "-s", str(script),
                           f"http://127.0.0.1:{port}/v1/chat/completions"], capture_output=True, text=True, check=True)
    found = re.search(r"^JSON (.*)$", done.stdout, re.M)
    if not found:
        raise Failed(f"wrk said nothing of use: {done.stdout}{done.stderr}")
    return json.loads(found.group(1))


def check_ledger(server, answers, open_at_end):
    """Each answer that a client saw whole has its row, at its price."""
    database = sqlite3.connect(server.folder / "proviso.db")
    rows, distinct = database.execute("SELECT count(*), count(DISTINCT request_id) FROM attempts").fetchone()
    good, = database.execute("SELECT count(*) FROM attempts WHERE outcome='ok' AND cost_usd=? AND usage_source='reported'",
                             (COST_PICO_USD,)).fetchone()
    other = database.execute("SELECT outcome, status, cost_usd, count(*) FROM attempts WHERE NOT (outcome='ok' AND cost_usd=?) "
                             "GROUP BY 1, 2, 3", (COST_PICO_USD,)).fetchall()
    database.close()
    # Those that were under way when the clients left may have a row or none that says ok.
    if not answers <= good <= answers + open_at_end or rows != distinct or any(o[0] != "client_gone" for o in other):
        raise Failed(f"{server.name}: {answers} answers, {good} rows that are right, {rows} in all; others: {other}")
    return rows


def short_turn(name, matrix, seconds):
    mock = Mock(str(BUILD / "bench/proxy_mock"), 200)
    server = start_peer(name, mock, matrix)
    try:
        warm = wrk(server.port, 1, server.headers)
        before, start = server.cpu_us(), time.monotonic()
        seen = wrk(server.port, seconds, server.headers)
        used = server.cpu_us() - before
        took = time.monotonic() - start
    finally:
        server.stop()
        mock.stop()
    if seen["status"] or seen["broken"] or warm["status"]:
        raise Failed(f"{name}: {seen}")
    if seen["requests"] == 0:
        raise Failed(f"{name}: no answer within {seconds} s")
    if isinstance(server, Proviso):
        check_ledger(server, seen["requests"] + warm["requests"], 2 * CONNECTIONS)
    return {"rps": seen["requests"] / (seen["us"] / 1e6), "cpu_us": used / seen["requests"], "p50_us": seen["p50"],
            "p99_us": seen["p99"], "cores": used / 1e6 / took}


def stream_turn(name, matrix, streams, gap_ms, window_s):
    mock = Mock(str(BUILD / "bench/proxy_mock"), gap_ms)
    server = None if name == "direct" else start_peer(name, mock, matrix)
    port, headers = (mock.port, "") if server is None else (server.port, server.header_lines())
    try:
        idle_kb = server.memory_kb() if server else 0
        ramp_cpu = server.cpu_us() if server else 0
        load = subprocess.Popen([str(BUILD / "bench/proxy_load"), str(port), str(streams), str(int(window_s * 1000)), headers],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def tell(order):
            load.stdin.write(order + "\n")
            load.stdin.flush()
            return load.stdout.readline()

        opened = load.stdout.readline().split()
        if opened != ["open", str(streams)]:
            raise Failed(f"{name}: {streams} streams were asked for: {' '.join(opened)}")
        time.sleep(min(1, gap_ms / 500))
        open_kb = server.memory_kb() if server else 0
        before = server.cpu_us() if server else 0
        seen = json.loads(tell("measure"))
        used = (server.cpu_us() - before) if server else 0
        load.stdin.write("finish\n")
        load.stdin.flush()
        mock.finish()
        ended = json.loads(load.stdout.readline())
        load.wait(timeout=60)
    finally:
        if server:
            server.stop()
        mock.stop()
    if ended["done"] != streams:
        raise Failed(f"{name}: {ended}")
    if isinstance(server, Proviso):
        check_ledger(server, streams, 0)
    return {"cpu_us": used / max(seen["events"], 1), "p50_us": seen["p50_us"], "p99_us": seen["p99_us"],
            "kb": (open_kb - idle_kb) / streams, "open_us": (before - ramp_cpu) / streams, "events": seen["events"]}


# --- what is measured ------------------------------------------------------------------------------


class Table:
    def __init__(self):
        self.rows = []

    def add(self, what, unit, ours, peer, theirs, goal=None, at_least=None, at_most=None):
        """Two sides of the same rounds; goals are of the ratio ours to theirs."""
        ratio = ratios(ours, theirs)
        met = None
        if at_least is not None:
            goal, met = f"at least {at_least:g} times", ratio[0] >= at_least
        elif at_most is not None:
            goal, met = f"at most {at_most:g} times", ratio[0] <= at_most
        self.rows.append({"what": what, "unit": unit, "ours": spread(ours), "peer": peer, "theirs": spread(theirs),
                          "ratio": dict(zip(("median", "min", "max"), ratio)), "goal": goal, "met": met})

    def add_alone(self, what, unit, ours, below):
        value = spread(ours)
        self.rows.append({"what": what, "unit": unit, "ours": value, "peer": "", "theirs": None, "ratio": None,
                          "goal": f"under {below:g} {unit}", "met": value["median"] < below})

    def print(self, where):
        head = ("what", "ours", "peer", "ratio", "goal", "met")
        lines = [[row["what"], self.side(row["ours"], row["unit"]),
                  f"{self.side(row['theirs'], row['unit'])} {row['peer']}" if row["theirs"] else "",
                  "" if row["ratio"] is None else "{} ({} .. {})".format(*(figure(row["ratio"][k]) for k in ("median", "min", "max"))),
                  row["goal"] or "", {None: "", True: "yes", False: "NO"}[row["met"]]] for row in self.rows]
        widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
        print(f"\n{where}\nmedians (least .. most); ratios of medians (least .. most of single rounds)\n")
        for line in [head, ["-" * width for width in widths], *lines]:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        judged = [row for row in self.rows if row["met"] is not None]
        print(f"\n{sum(row['met'] for row in judged)} of {len(judged)} goals met")

    @staticmethod
    def side(side, unit):
        text = f"{figure(side['median'])} {unit}"
        return text if len(side["all"]) == 1 else f"{text} ({figure(side['min'])} .. {figure(side['max'])})"


def take_turns(names, rounds, turn):
    """{name: [figures of each round]}; the order turns, so that nobody is always first."""
    seen = {name: [] for name in names}
    for round_number in range(rounds):
        shift = round_number % len(names)
        for name in names[shift:] + names[:shift]:
            seen[name].append(turn(name))
            print(f"  {name}: " + ", ".join(f"{k} {figure(v)}" for k, v in seen[name][-1].items()), file=sys.stderr)
    return seen


def of(seen, name, what):
    return [one[what] for one in seen[name]]


def measure_short(table, matrix, rounds, seconds, portkey):
    names = ["nginx", "haproxy", "proviso", "proviso relaxed"]
    print(f"short replies, {CONNECTIONS} connections", file=sys.stderr)
    seen = take_turns(names, rounds, lambda name: short_turn(name, matrix, seconds))
    for peer, least, most in (("nginx", 0.6, 2.0), ("haproxy", None, None)):
        table.add("short replies", "req/s", of(seen, "proviso", "rps"), peer, of(seen, peer, "rps"), at_least=least)
        table.add("  CPU a request", "us", of(seen, "proviso", "cpu_us"), peer, of(seen, peer, "cpu_us"), at_most=most)
    table.add("  p99", "us", of(seen, "proviso", "p99_us"), "nginx", of(seen, "nginx", "p99_us"))
    table.add("strict ledger", "req/s", of(seen, "proviso", "rps"), "ledger relaxed", of(seen, "proviso relaxed", "rps"),
              at_least=0.85)
    table.add("  CPU a request", "us", of(seen, "proviso", "cpu_us"), "ledger relaxed", of(seen, "proviso relaxed", "cpu_us"))
    if portkey:
        measure_portkey(table, seen, matrix, seconds)
    return seen


def measure_portkey(table, seen, matrix, seconds):
    """One turn, beside the first of ours. On a busy machine it may answer nothing at all; the others' figures stand."""
    try:
        seen.update(take_turns(["portkey"], 1, lambda name: short_turn(name, matrix, seconds)))
    except Failed as failed:
        print(f"Not measured: {failed}", file=sys.stderr)
        return
    table.add("short replies", "req/s", of(seen, "proviso", "rps")[:1], "portkey", of(seen, "portkey", "rps"), at_least=50)
    table.add("  CPU a request", "us", of(seen, "proviso", "cpu_us")[:1], "portkey", of(seen, "portkey", "cpu_us"), at_most=0.02)


def measure_streams(table, matrix, levels, rounds, window_s):
    all_seen = {}
    for streams in levels:
        gap_ms = max(200, streams // 5)  # about 5,000 events a second, as many streams as there are
        print(f"{streams} streams, an event each {gap_ms} ms", file=sys.stderr)
        names = ["nginx", "haproxy", "proviso"]
        seen = take_turns(names, rounds, lambda name: stream_turn(name, matrix, streams, gap_ms, window_s))
        for peer, most in (("nginx", 1.0), ("haproxy", None)):
            table.add(f"{streams:,} streams, CPU an event", "us", of(seen, "proviso", "cpu_us"), peer, of(seen, peer, "cpu_us"),
                      at_most=most)
            table.add("  memory a stream", "KB", of(seen, "proviso", "kb"), peer, of(seen, peer, "kb"), at_most=most)
        table.add("  p99 from provider to client", "us", of(seen, "proviso", "p99_us"), "nginx", of(seen, "nginx", "p99_us"),
                  at_most=1.0 if streams == 1000 else None)
        table.add("  p50", "us", of(seen, "proviso", "p50_us"), "nginx", of(seen, "nginx", "p50_us"))
        table.add("  CPU to open one", "us", of(seen, "proviso", "open_us"), "nginx", of(seen, "nginx", "open_us"))
        all_seen[streams] = seen
    return all_seen


REQUESTS = [
    {"model": "coder", "messages": [{"role": "user", "content": "hello"}]},
    {"model": "coder", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 400, "temperature": 0.7,
     "messages": [{"role": "system", "content": "You are brief. " * 70}, {"role": "user", "content": "hello"}]},
    {"model": "coder", "stream": True, "tool_choice": "required", "parallel_tool_calls": False,
     "tools": [{"type": "function", "function": {"name": f"tool_{i}", "parameters": {
         "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}} for i in range(4)],
     "messages": [{"role": "user", "content": "What is the weather in Paris?"}]}]


def measure_decision(table, matrix):
    (WORK / "wide.yaml").write_text(json.dumps(config_of(1, targets=50)))
    done = subprocess.run([str(BUILD / "bench/route"), str(WORK / "wide.yaml"), str(matrix), "9"], capture_output=True, text=True,
                          input="".join(json.dumps(request) + "\n" for request in REQUESTS), check=True,
                          env={"PATH": os.environ["PATH"], "KEY": "bench-key-of-the-provider", "PROVISO_LOG_LEVEL": "warn"})
    seen = json.loads(done.stdout)
    print(f"50 targets, {seen['cells']} cells: {seen}", file=sys.stderr)
    for name, one in zip(("plain", "streamed", "streamed, tools"), seen["decisions"]):
        table.add_alone(f"decision, {seen['targets']} targets x {seen['cells'] // seen['targets']} cells: {name}", "us", [one["us"]], 5)
    table.add_alone(f"reload of {seen['cells']:,} cells", "ms", [seen["reload_ms"]], 50)
    return seen


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--long", action="store_true")
    options.add_argument("--only", default="short,streams,decision")
    given = options.parse_args()
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    matrix, wide = matrices(PROGRAM, WORK / "matrix")
    # A stream is two descriptors, and each side of it needs its own besides.
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1] * 48 // 100 // 500 * 500
    levels = [level for level in (1000, 5000, most) if level <= most] if given.long else [1000]
    table, seen = Table(), {}
    with contextlib.suppress(KeyboardInterrupt):
        if "short" in given.only:
            seen["short"] = measure_short(table, matrix, 5 if given.long else 3, 5 if given.long else 3, PORTKEY.exists())
        if "streams" in given.only:
            seen["streams"] = measure_streams(table, matrix, levels, 3, 6 if given.long else 3)
        if "decision" in given.only:
            seen["decision"] = measure_decision(table, wide)
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    where = f"{commit}, {os.cpu_count()} cores, kernel {platform.release()}, load {os.getloadavg()[0]:.1f} at the end"
    table.print(where)
    if not PORTKEY.exists():
        print("No Portkey gateway: its rows are not measured.")
    RESULT.write_text(json.dumps({"where": where, "rows": table.rows, "seen": seen}, indent=1))


if __name__ == "__main__":
    try:
        main()
    except Failed as failed:
        sys.exit(f"proxy_bench: {failed}")
