"""The study: what a real trace costs at real list prices under each policy; see STUDY.md.

Real: the lengths and moments of the trace's requests, and the list prices of providers/catalog on one day.
Assumed, and named so in the document: which requests are of which task, how good each target is, that every
target is proven, and how much of a prompt is found in a cache.

    study.py TRACE.csv            prints the tables
    study.py TRACE.csv --write    puts them into STUDY.md
    study.py TRACE.csv --check    exit 1 where STUDY.md says something else
"""
import csv
import hashlib
import json
import os
import pathlib
import subprocess
import sys
from fractions import Fraction

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PROVISO = os.environ.get("PROVISO", str(ROOT / ".build/release/proviso"))
WORK = pathlib.Path(os.environ.get("STUDY_FOLDER", ROOT / ".build/study"))
DOCUMENT = HERE / "STUDY.md"
BEGIN, END = "<!-- tables: made by make study -->\n", "<!-- end of tables -->\n"

AT = "2026-11-28T00:00:00Z"  # whose prices count
PREMIUM = "openai/gpt-6.1-sol"
# Assumed quality, only to see how the saving depends on it: nobody measured these models for this study.
QUALITY = {PREMIUM: 0.95, "openai/gpt-6.1-terra": 0.92, "anthropic/claude-haiku-4-5": 0.90,
           "deepseek/deepseek-v4-pro": 0.88, "openai/gpt-5.6-luna": 0.84, "deepseek/deepseek-flash": 0.80}
OTHERS = ["openai/gpt-5.5", "anthropic/claude-sonnet-5"]  # priced alone, routed nowhere
MIX = {"routine": 50, "standard": 30, "critical": 20}  # assumed: requests in a hundred
FLOORS = {"routine": 0.80, "standard": 0.90}
RISKS = {"routine": "low", "standard": "medium", "critical": "high"}


def config(floors):
    tasks = "".join(f"  - {{name: {task}, risk: {risk}, match: {{header: {{x-proviso-task: {task}}}}}}}\n"
                    for task, risk in RISKS.items())
    by_task = ", ".join(f"{task}: {{strategy: cheapest, min_quality: {floor}}}" for task, floor in floors.items())
    return ("version: 1\n"
            "providers: {openai: {}, anthropic: {}, deepseek: {}}\n"
            "policy: {unproven: allow}   # the study assumes that all targets are proven\n"
            f"tasks:\n{tasks}"
            f"routes:\n  code:\n    targets: [{', '.join(QUALITY)}]\n    strategy: best\n"
            f"    by_task: {{{by_task}, critical: {{strategy: best}}}}\n")


def matrix(quality):
    """The assumed quality in the form in which a measured one comes."""
    cells = []
    for target, value in sorted(quality.items()):
        good = round(value * 1000)
        cells.append({"target": target, "case": "ASSUMED", "variant": "sync", "verdict": "flaky", "trials": 1000,
                      "outcomes": {"ok": good, "miss": 1000 - good}, "tested_at": AT.replace("Z", ".000Z"), "run": "assumed",
                      "suite": "000000000000", "case_hash": "000000000000", "capability": "chat", "class": "stochastic",
                      "severity": "advisory", "vouches": [], "dialect": "openai", "evidence": ""})
    return json.dumps({"proviso": 1, "suite": {"hash": "000000000000", "cases": 1}, "runs": ["assumed"], "cells": cells})


def task_of(number, mix):
    """By lot, the same at every run: the trace does not say what its requests are about."""
    lot = int(hashlib.sha256(f"study {number}".encode()).hexdigest()[:8], 16) % 100
    for task, share in mix.items():
        if lot < share:
            return task
        lot -= share
    raise AssertionError("the shares of a mix add up to 100")


def traffic(trace, mix, cached=0):
    path = WORK / "traffic.csv"
    with open(trace, newline="") as source, open(path, "w", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["timestamp", "input_tokens", "output_tokens", "cached_tokens", "task"])
        for number, row in enumerate(csv.DictReader(source)):
            tokens = int(row["ContextTokens"])
            writer.writerow([row["TIMESTAMP"], tokens, row["GeneratedTokens"], tokens * cached // 100,
                             task_of(number, mix)])
    return path


def forecast(trace, mix=None, floors=None, cached=0):
    (WORK / "proviso.yaml").write_text(config(floors or FLOORS))
    (WORK / "matrix.json").write_text(matrix(QUALITY))
    arguments = [PROVISO, "forecast", traffic(trace, mix or MIX, cached), "--config", WORK / "proviso.yaml",
                 "--matrix", WORK / "matrix.json", "--at", AT, "--baseline", PREMIUM, "--format", "json",
                 "--html", WORK / "study.html"]
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=False,
                          env={"PATH": os.environ["PATH"], "HOME": "/nonexistent"})
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: exit {done.returncode}\n{done.stderr}")
    said = json.loads(done.stdout, parse_float=Fraction)
    said["policy"] = {p["policy"]: p for p in said["policies"]}
    return said


def table(titles, rows):
    rule = ["---"] + ["---:"] * (len(titles) - 1)
    return "".join("| " + " | ".join(map(str, row)) + " |\n" for row in [titles, rule, *rows]) + "\n"


def usd(value):
    return f"{float(value):,.2f}"


def share(value):
    return f"{100 * float(value):.1f} %"


def routed(said):
    return said["policy"]["routes"]


def line(said):
    policy = routed(said)
    return [usd(policy["cost_per_30_days_usd"]), share(policy["saving_share"]), f"{float(policy['quality']):.3f}"]


def singles(base):
    rows = []
    for target in sorted([*QUALITY, *OTHERS], key=lambda t: -base["policy"][t]["cost_usd"]):
        policy = base["policy"][target]
        rows.append([target, usd(policy["cost_usd"]), usd(policy["cost_per_day_usd"]), usd(policy["cost_per_30_days_usd"]),
                     share(policy["saving_share"] or 0), f"{QUALITY[target]:.2f}" if target in QUALITY else "-"])
    policy = routed(base)
    rows.append(["**by task and risk**", usd(policy["cost_usd"]), usd(policy["cost_per_day_usd"]),
                 usd(policy["cost_per_30_days_usd"]), share(policy["saving_share"]), f"{float(policy['quality']):.3f}"])
    return table(["all of it to", "USD, the trace", "USD a day", "USD in 30 days", f"less than {PREMIUM}",
                  "quality (assumed)"], rows)


def where(base):
    requests = base["traffic"]["requests"]
    return table(["target", "requests", "share"],
                 [[t["target"], t["requests"], share(Fraction(t["requests"], requests))] for t in routed(base)["targets"]])


def by_mix(trace):
    rows = []
    for critical in (0, 10, 20, 40, 60, 80, 100):
        rest = 100 - critical
        mix = {"routine": rest * 5 // 8, "standard": rest - rest * 5 // 8, "critical": critical}
        rows.append([f"{critical} %", f"{mix['routine']} %", f"{mix['standard']} %", *line(forecast(trace, mix=mix))])
    return table(["critical", "routine", "standard", "USD in 30 days", "saving", "quality"], rows)


def by_floor(trace):
    rows = []
    for floor in (0.80, 0.84, 0.88, 0.90, 0.92, 0.95):
        floors = {"routine": floor, "standard": max(floor, FLOORS["standard"])}
        rows.append([f"{floor:.2f}", *line(forecast(trace, floors=floors))])
    return table(["floor of routine work", "USD in 30 days", "saving", "quality"], rows)


def by_cache(trace):
    rows = []
    for cached in (0, 50, 80, 95):
        said = forecast(trace, cached=cached)
        premium = said["policy"][PREMIUM]
        rows.append([f"{cached} %", usd(premium["cost_per_30_days_usd"]), *line(said)[:2]])
    return table(["prompt found in the cache", f"{PREMIUM}, USD in 30 days", "by task and risk", "saving"], rows)


def tables(trace):
    base = forecast(trace)
    said = base["traffic"]
    return (f"The trace: {said['requests']:,} requests in {said['span_ms'] / 60000:.1f} minutes, {said['input_tokens']:,} "
            f"input and {said['output_tokens']:,} output tokens; prices as of {AT[:10]}.\n\n"
            "### What one model for all of it costs, and what routing costs\n\n" + singles(base) +
            "### Where routing sends it\n\n" + where(base) +
            "### How the saving depends on the mix\n\n" + by_mix(trace) +
            "### How it depends on the quality floor\n\n" + by_floor(trace) +
            "### How it depends on caches\n\n" + by_cache(trace))


def main(arguments):
    trace = pathlib.Path(arguments[0])
    if not trace.exists():
        print(f"study: {trace} is not here (github.com/Azure/AzurePublicDataset has it, CC-BY-4.0): nothing was computed")
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    made = tables(trace)
    text = DOCUMENT.read_text()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    if "--write" in arguments:
        DOCUMENT.write_text(before + BEGIN + made + END + after)
    elif "--check" in arguments:
        if rest.split(END)[0] != made:
            print("STUDY.md says something else than the program does; `make study WRITE=1` writes it anew")
            return 1
    else:
        print(made, end="")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
