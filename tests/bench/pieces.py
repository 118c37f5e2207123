"""Pieces by themselves: translation, classification of a request, the report of a large ledger."""
import decimal
import json
import sqlite3
import subprocess
import sys

from measure import FLOOR, Samples

PATTERNS = 50
PROMPT_BYTES = 100 << 10
LEDGER_ROWS = 1_000_000
USAGE_ROUNDS = 3


# --- translation ---------------------------------------------------------------------------------


def measure_translate(table, program):
    """What it adds: a turn here less the same turn as it came."""
    done = subprocess.run([program], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        kind, name, *turns = line.split("\t")
        here, same = [float(one) for one in turns[0::2]], [float(one) for one in turns[1::2]]
        added = [a - b for a, b in zip(here, same)]
        what = "an event" if kind == "stream" else "a request of 2 KB"
        table.add_alone(f"translation adds, {what}: {name}", "us", added, below=15 if kind == "stream" else 100)


# --- classification ------------------------------------------------------------------------------

WORDS = ("invoice", "contract", "refund", "translate", "summari[sz]e", "legal advice", "diagnos", "kubernetes",
         "terraform", "regression test")
KINDS = (r"(?i)\b{word}(s|ed|ing)?\b.{{0,40}}\bnumber {number}\b", r"(?i)\b({word}|{word}{number})\b",
         r"^{word}{number}:", r"(?i)please {word} .* item {number}\b", r"\b[A-Z]{{3}}-{number:03d}\b")


def measure_classify(table, program, folder):
    """Patterns of five kinds that people write; none of them is in the prompt, so each is searched for to its end."""
    patterns = [KINDS[number % len(KINDS)].format(word=WORDS[number % len(WORDS)], number=number) for number in range(PATTERNS)]
    (folder / "tasks.yaml").write_text(json.dumps({
        "version": 1, "providers": {"lab": {"base_url": "http://127.0.0.1:9/v1", "models": {"m": {}}}},
        "tasks": [{"name": f"task{number}", "match": {"prompt": pattern}} for number, pattern in enumerate(patterns)]}))
    done = subprocess.run([program, folder / "tasks.yaml", str(PROMPT_BYTES)], capture_output=True, text=True, check=True)
    count, *turns = done.stdout.split()
    if int(count) != PATTERNS:
        sys.exit(f"{count} patterns were read, not {PATTERNS}")
    table.add_alone(f"classification: {PATTERNS} patterns, a prompt of {PROMPT_BYTES >> 10} KB", "us",
                    [float(one) for one in turns], below=1000)


# --- the report of a ledger ----------------------------------------------------------------------

ROWS = """
WITH RECURSIVE row(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM row WHERE n + 1 < ?)
INSERT INTO attempts(request_id, attempt, started_at, key_id, team, workflow, task, risk, route, requested_model, target,
  reported_model, dialect_in, dialect_out, shape, stream, status, outcome, finish_reason, latency_ms, overhead_us,
  prompt_tokens, cached_tokens, completion_tokens, usage_source, cost_usd, cost_source, price_version, client_disconnected)
SELECT printf('req_%027x', n), 1, 1764547200000 + n * 2592, printf('key_%02d', n % 20), printf('team%d', n % 7),
  printf('flow%d', n % 5), printf('task%d', n % 4), 'low', 'coder', 'coder', printf('p%02d/m', n % 12), 'm', 'openai',
  'openai', 'chat stream', n % 2, 200, 'ok', 'stop', 300 + n % 900, 80, 23 + n % 2000, 0, 27 + n % 400, 'reported',
  (23 + n % 2000) * 100000 + (27 + n % 400) * 300000, 'computed', 'v1', 0 FROM row"""


def write_ledger(bench, proviso, folder):
    """A month of traffic, in the tables that the program itself made."""
    (folder / "ledger.yaml").write_text(json.dumps({
        "version": 1, "providers": {"lab": {"base_url": "http://127.0.0.1:9/v1", "models": {"m": {}}}},
        "keys": {"store": "ledger.db"}, "ledger": {"path": "ledger.db"}}))
    bench.run(proviso, "key", "create", "--config", "ledger.yaml", "--name", "bench")
    with sqlite3.connect(folder / "ledger.db") as database:
        database.execute(ROWS, (LEDGER_ROWS,))
        total = database.execute("SELECT sum(cost_usd) FROM attempts").fetchone()[0]
    database.close()
    return total


def check_sum(text, total):
    said = sum(group["cost_usd"] for group in json.loads(text, parse_float=decimal.Decimal)["groups"])
    if said * 10**12 != total:
        sys.exit(f"the report says {said} USD, and the ledger {total} pico-USD")


def measure_usage(bench, table, proviso, folder):
    total = write_ledger(bench, proviso, folder)
    samples, floor = Samples(), Samples()
    for _ in range(USAGE_ROUNDS):
        floor.add(bench.run(FLOOR)[0])
        sample, text = bench.run(proviso, "usage", "--ledger", "ledger.db", "--by", "day", "--by", "team", "--by", "target",
                                 "--format", "json")
        samples.add(sample)
    check_sum(text, total)
    what = f"usage of {LEDGER_ROWS:,} rows by day, team and target"
    table.add(f"{what}: wall", "ms", samples.wall_ms(), FLOOR, floor.wall_ms(), below=3000)
    table.add(f"{what}: CPU", "ms", samples.cpu_ms(), FLOOR, floor.cpu_ms(), below=3000)
    table.add(f"{what}: peak RSS", "MB", samples.peak_mb(), FLOOR, floor.peak_mb())
