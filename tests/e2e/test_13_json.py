"""Every JSON document is told in proviso-json(5), which promises that no member is renamed.

A program that reads one would break without a word if a member went, or be left to guess what a new one means.
"""
import json
import re

from conftest import ROOT

RUN = ROOT / "tests/golden/run"
KEY = {"K": "sim-key"}
PAGES = "".join((ROOT / "harness/cli/man" / page).read_text() for page in ("proviso-json.5", "proviso-matrix.5"))
TOLD = set(re.findall(r"\w+", PAGES))
TRAFFIC = "timestamp,route,input_tokens,output_tokens\n2026-11-01T00:00:00Z,r,10,5\n2026-11-02T00:00:00Z,r,20,\n"


def members(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from members(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from members(inner)


def test_every_member_that_a_command_prints_is_told(proviso, sim):
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  lab:
    base_url: {sim("--break", "CH-03").url}
    api_key: env:K
    models: {{sim-small: {{context: 8192, price: {{input: "1", output: "2"}}}}}}
routes: {{r: {{targets: [lab/sim-small]}}}}
keys: {{store: proviso.db}}
budgets: [{{scope: {{team: t}}, limit_usd: "1", per: month}}]
ledger: {{path: proviso.db}}
""")
    (proviso.cwd / "request.json").write_text('{"model": "r", "messages": [{"role": "user", "content": "x"}]}')
    (proviso.cwd / "traffic.csv").write_text(TRAFFIC)
    (proviso.cwd / "bad.yaml").write_text("version: 1\nprovider: {}\n")
    (proviso.cwd / "reply.json").write_text('{"choices": [{"index": 0, "message": {"content": "x"}}]}')
    assert proviso("check", "--case", "CH-0*", "--out", "run", env=KEY).code == 1
    assert proviso("bless").code == 0
    assert proviso("key", "create", "--name", "n", env=KEY).code == 0
    unknown = {}
    for line in ("report json --baseline proviso-baseline.json --config proviso.yaml", f"report json --run {RUN}",
                 "diff proviso-baseline.json proviso-matrix.json", "check --dry-run", "check --calibrate --case CH-03 --out twice",
                 "gate", "gate --base-config proviso.yaml", "explain request.json", "explain --target lab/sim-small --case CH-03",
                 "inspect reply.json", "forecast traffic.csv --baseline lab/sim-small", "usage --by target", "usage --budgets",
                 "key list", "validate", "validate bad.yaml", "sim --list"):
        more = () if line.split()[0] in ("report", "inspect") else ("--format", "json")
        done = proviso(*line.split(), *more, env=KEY)
        document = json.loads(done.out)
        assert done.out.endswith("\n") and document, (line, done)
        if untold := set(members(document)) - TOLD:
            unknown[line] = untold
    assert not unknown
