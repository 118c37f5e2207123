"""Tasks with known answers: asked, scored, reported, and what the router makes of it. A target that answers them
worse and costs less loses `best` and keeps `cheapest`, and gates nothing."""
import csv
import json
from fractions import Fraction

import pytest

import focus_rules

KEY = {"SIM_KEY": "sim-key"}


def config(folder, good, poor, more=""):
    (folder / "proviso.yaml").write_text(f"""version: 1
providers:
  good: {{base_url: "{good}", api_key: "env:SIM_KEY", models: {{sim-small: {{context: 131072, price: {{input: "10", output: "40"}}}}}}}}
  poor: {{base_url: "{poor}", api_key: "env:SIM_KEY", models: {{sim-small: {{context: 131072, price: {{input: "1", output: "4"}}}}}}}}
policy: {{unproven: allow}}
tasks:
  - {{name: review, match: {{header: {{x-kind: review}}}}}}
  - {{name: tidy, kind: formatting, match: {{header: {{x-kind: tidy}}}}}}
routes:
  best: {{targets: [poor/sim-small, good/sim-small], strategy: best}}
  cheap: {{targets: [good/sim-small, poor/sim-small], strategy: cheapest}}
  floor: {{targets: [poor/sim-small, good/sim-small], strategy: cheapest, min_quality: 0.9}}
{more}""")


@pytest.fixture
def checked(proviso, sim, tmp_path):
    """Two targets, one of which gets no review right and about half of all formatting."""
    good, poor = sim(), sim("--break", "quality.review,quality.formatting%50")
    config(tmp_path, good.url, poor.url)
    done = proviso("check", "--suite", "quality", "--csv", "cells.csv", "--json", "report.json", "--markdown", "report.md",
                   "--html", "report.html", env=KEY)
    assert done.code == 0, done  # it gates nothing
    return done


def explained(proviso, tmp_path, route, kind):
    (tmp_path / "request.json").write_text(json.dumps({"model": route, "messages": [{"role": "user", "content": "hello"}]}))
    done = proviso("explain", "--header", f"x-kind: {kind}", "request.json", env=KEY)
    assert done.code == 0, done
    return json.loads(done.out)


def test_scores_and_costs_are_the_same_in_every_report(checked, proviso, tmp_path):
    rows = list(csv.DictReader((tmp_path / "cells.csv").open()))
    assert {row["kind"] for row in rows} == {"code", "review", "extraction", "classification", "summarising", "formatting",
                                             "reasoning", "documentation"}
    assert all(row["quality"] != "" and row["severity"] == "advisory" and row["vouches"] == "" for row in rows)
    listed = {(one["target"], one["kind"]): one for one in json.loads((tmp_path / "report.json").read_text())["quality"]}
    assert len(listed) == 16
    assert listed["good/sim-small", "review"]["score"] == 1 and listed["good/sim-small", "review"]["score_low"] < 0.9
    worst = listed["poor/sim-small", "review"]
    assert worst["score"] == 0 and worst["score_high"] > 0.1 and worst["cost_per_pass_usd"] is None
    some = listed["poor/sim-small", "formatting"]
    mine = [row for row in rows if row["provider"] == "poor" and row["kind"] == "formatting"]
    assert 0 < some["passed"] < some["trials"] == len(mine) == some["tasks"]
    assert some["score"] == pytest.approx(sum(float(row["quality"]) for row in mine) / len(mine), abs=1e-6)
    table = proviso("report", "quality")
    assert table.code == 0
    for row in csv.DictReader(table.out.splitlines()):
        one = listed.pop((row["target"], row["kind"]))
        assert float(row["score"]) == pytest.approx(one["score"], abs=1e-6)
        assert (float(row["cost_per_pass_usd"]) if row["cost_per_pass_usd"] else None) == one["cost_per_pass_usd"]
        assert row["on_front"] == str(one["on_front"]).lower()
    assert not listed
    spent = sum(float(row["cost_usd"]) for row in mine)
    assert float(some["cost_per_pass_usd"]) == pytest.approx(spent / some["passed"])
    assert float(some["cost_per_pass_low_usd"]) < float(some["cost_per_pass_usd"]) < float(some["cost_per_pass_high_usd"])
    shown = f"{some['score']:.2f} ({some['score_low']:.2f} to {some['score_high']:.2f})"
    assert shown in checked.out
    for name in ("report.md", "report.html"):
        text = (tmp_path / name).read_text()
        assert shown in text and "none passed" in text, name
    # Read back from the file, and judged again from the evidence, it is the same.
    assert proviso("matrix", "--format", "csv").out == (tmp_path / "cells.csv").read_text()
    run = next((tmp_path / "proviso-runs").iterdir())
    assert proviso("check", "--replay", run, "--matrix", "again.json").code == 0
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "proviso-matrix.json").read_bytes()


def test_the_router_ranks_by_the_kind_of_work(checked, proviso, tmp_path):
    best = explained(proviso, tmp_path, "best", "review")
    assert [one["target"] for one in best["candidates"]] == ["good/sim-small", "poor/sim-small"]
    assert [one["quality"] for one in best["candidates"]] == [1, 0] and best["candidates"][0]["quality_kind"] == "review"
    # Half as good at a tenth of the price: what passes is still cheaper there.
    cheap = explained(proviso, tmp_path, "cheap", "tidy")
    assert [one["target"] for one in cheap["candidates"]] == ["poor/sim-small", "good/sim-small"]
    poor = cheap["candidates"][0]
    assert poor["quality_kind"] == "formatting" and 0 < poor["pass_rate"] < 1
    assert poor["score"] == pytest.approx(float(poor["expected_cost_usd"]) * 1e12 / poor["pass_rate"], rel=1e-3)
    # What never passes is cheap for nobody.
    assert explained(proviso, tmp_path, "cheap", "review")["candidates"][0]["target"] == "good/sim-small"
    floor = explained(proviso, tmp_path, "floor", "tidy")
    assert [one["target"] for one in floor["candidates"]] == ["good/sim-small"]
    # Work of no known kind knows nothing of it.
    other = explained(proviso, tmp_path, "best", "none")
    assert all("quality_kind" not in one and one["quality"] is None for one in other["candidates"])


def test_core_and_quality_are_two_suites(proviso, sim, tmp_path):
    config(tmp_path, sim().url, sim().url)
    core = proviso("check", "good/sim-small", "--dry-run", env=KEY)
    both = proviso("check", "good/sim-small", "--dry-run", "--suite", "core", "--suite", "quality", env=KEY)
    assert core.code == both.code == 0 and core.out != both.out
    wrong = proviso("check", "--case", "QR-*", env=KEY)
    assert wrong.code == 2 and "ask it with --suite quality" in wrong.err
    assert proviso("check", "--suite", "qualty", env=KEY).code == 2


def test_tasks_of_ones_own_come_from_csv_and_are_graded_by_a_program(proviso, sim, tmp_path):
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    (tasks / "sums.csv").write_text("id,sum,result\none,1 + 1,2\ntwo,2 + 5,7\n")
    (tasks / "grade.py").write_text("import json, sys\nasked = json.load(sys.stdin)\n"
                                    "print(json.dumps({'score': 0.5}))\n"
                                    "sys.exit(0 if asked['reply']['content'] == asked['reference']['content'] else 1)\n")
    (tasks / "sums.yaml").write_text("""capability: sums
kind: reasoning
cases:
  - id: sums
    rows: sums.csv
    title: "{{sum}}"
    request: {messages: [{role: user, content: "What is {{sum}}? The number alone."}]}
    expect: {grade: {number: "{{result}}"}}
    reference: {content: "{{result}}"}
  - id: program
    title: a program says how good it is
    request: {messages: [{role: user, content: "Say the word."}]}
    expect: {grade: {command: [python3, grade.py]}, pass: 0.5}
    reference: {content: word}
""")
    config(tmp_path, sim().url, sim().url, more="check: {cases: [tasks], core: false}\n")
    done = proviso("check", "good/sim-small", "--suite", "quality", "--csv", "cells.csv", env=KEY)
    assert done.code == 0, done
    rows = {row["case_id"]: row for row in csv.DictReader((tmp_path / "cells.csv").open())}
    assert set(rows) == {"sums.one", "sums.two", "program"}
    # The simulator knows nothing of these: it answers something, the program grades it and says no.
    assert rows["program"]["quality"] == "0.5" and rows["program"]["miss"] == "1"
    assert all(row["kind"] == "reasoning" for row in rows.values())


def test_what_checks_cost_can_be_had_as_charges_of_a_run_and_of_a_matrix(checked, proviso, tmp_path):
    cells = json.loads((tmp_path / "proviso-matrix.json").read_text(), parse_float=Fraction)["cells"]
    [run] = (tmp_path / "proviso-runs").iterdir()
    for source, meters in ((run, {"Input tokens", "Output tokens"}), (tmp_path / "proviso-matrix.json", {"Charges, as told"})):
        done = proviso("report", "focus", source)
        assert done.code == 0 and not done.err, done
        charges = list(csv.DictReader(done.out.splitlines()))
        assert focus_rules.check(list(charges[0]), charges) == []
        assert {charge["SkuMeter"] for charge in charges} == meters
        assert sum(Fraction(charge["BilledCost"]) for charge in charges) == sum(Fraction(cell["cost_usd"]) for cell in cells)
        assert sum(int(charge["x_InputTokens"]) for charge in charges) == sum(cell["tokens"]["prompt"] for cell in cells)
        assert {charge["Tags"] for charge in charges} == {'{"workflow":"check"}'}
