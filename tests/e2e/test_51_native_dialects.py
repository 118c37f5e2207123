"""The matrix through each native dialect: the clean simulator passes every case that the dialect can carry, and
a defect of the dialect's own is noticed by the case that stands in its row.

A user of such a provider would otherwise be told green where the translation hides what is broken, or red
where it can't carry a question."""
import json
import subprocess

import pytest
from conftest import PLAIN, PROVISO, Proviso, Sim, cells

KEY = {"SIM_KEY": "sim-key"}
PATHS = {"anthropic": "/v1", "azure": "/openai/v1", "bedrock": "", "cohere": "/v2", "gemini": "/v1beta", "ollama": "/api"}
LISTED = json.loads(subprocess.run([PROVISO, "sim", "--list", "--format", "json"], capture_output=True, text=True).stdout)
NOTICED = {row["id"]: row["may_also_be_noticed_by"] for row in LISTED["native_defects"]}
# Of OpenAI's alone, or asked of no dialect's own: what is left are about 200 cells.
FEWEST = {"anthropic": 200, "azure": 240, "bedrock": 190, "cohere": 195, "gemini": 200, "ollama": 190}

# Cohere takes no schema beside tools, and says so: of all cases these two fail there.
REFUSED = {"cohere": {"JS-13", "RE-06"}}
MODELS = {"bedrock": "anthropic.claude-sim"}


def verdicts(folder, dialect, *cases, breaks=None, profile="smoke", code=(0, 1)):
    folder.mkdir()
    # The clean one runs with sanitizers, whole; the others are many.
    model = MODELS.get(dialect, "sim-small")
    sim = Sim("--context", "131072", "--models", model, *(["--break", breaks] if breaks else []), program=PROVISO if cases == ("*",) else PLAIN)
    (folder / "proviso.yaml").write_text(f"""version: 1
providers:
  n:
    dialect: {dialect}
    base_url: "{sim.url.removesuffix('/v1')}{PATHS[dialect]}"
    api_key: "env:SIM_KEY"
    {"region: eu-west-1" if dialect == "bedrock" else ""}
    timeouts: {{idle: 10s}}
    models: {{{model}: {{context: 131072, reference_tokens: 28, price: {{input: "0.15", output: "0.60"}}}}}}
""")
    chosen = [word for case in cases for word in ("--case", case)]
    done = Proviso(folder, PLAIN)("check", f"n/{model}", "--profile", profile, *chosen, env=KEY)
    assert done.code in code, done
    sim.stop()
    return {(case, variant): cell for (_, case, variant), cell in cells(folder / "proviso-matrix.json").items()}


@pytest.mark.parametrize("dialect", PATHS)
def test_the_clean_dialect_passes_whatever_it_can_carry(dialect, tmp_path):
    seen = verdicts(tmp_path / "clean", dialect, "*")
    told = {}
    for key, cell in seen.items():
        told.setdefault(cell["verdict"], []).append(key)
    assert set(told) <= {"pass", "unsupported", "skipped"}, {k: v for k, v in told.items() if k not in ("pass", "skipped")}
    assert len(told["pass"]) >= FEWEST[dialect]
    assert {case for case, variant in told.get("unsupported", []) if seen[case, variant]["severity"] != "advisory"
            and not seen[case, variant].get("optional")} == REFUSED.get(dialect, set())
    # Refused by us, by the provider in so many words, or nothing to judge; never a gate of the basics.
    assert len(told.get("unsupported", [])) <= 12
    for case in ("CH-03", "CH-06", "TC-01", "TC-05", "TR-01", "TR-04", "ST-06", "ST-09", "TS-02", "TS-05", "JS-01", "VI-01", "US-01", "SU-04"):
        assert [cell["verdict"] for (one, _), cell in seen.items() if one == case and cell["verdict"] != "pass"] == [], case


# Whoever uses such a provider would have a red pipeline for ever, for what its format has no word for.
@pytest.mark.parametrize("dialect", PATHS)
def test_a_pipeline_is_green_and_what_the_format_lacks_is_named(dialect, tmp_path):
    seen = verdicts(tmp_path / "ci", dialect, profile="ci", code=(0,))
    fate = seen["PA-12", "sync"]
    assert (fate["verdict"], fate.get("optional", False)) == (("pass", False) if dialect == "azure" else ("unsupported", True))


# Else what a provider overlooks would hide behind what it can't be asked.
def test_what_is_overlooked_is_not_excused_by_what_can_not_be_carried(tmp_path):
    seen = verdicts(tmp_path / "broken", "anthropic", "PA-12", breaks="PA-12", code=(1,))
    assert seen["PA-12", "sync"]["verdict"] == "ignored" and "optional" not in seen["PA-12", "sync"]


# Else a request that names such a field would be sent to where it has no effect, as proven.
@pytest.mark.parametrize("dialect, case, field", [("anthropic", "PA-09", "seed"), ("gemini", "TC-14", "parallel_tool_calls"),
                                                  ("cohere", "PA-08", "logit_bias")])
def test_what_is_left_out_passes_no_case_that_vouches_for_it(dialect, case, field, tmp_path):
    seen = verdicts(tmp_path / "clean", dialect, case, code=(0,))
    told = seen[case, "sync"]
    assert (told["verdict"], told["optional"]) == ("unsupported", True) and f"{field} has no place" in told["first_error"]


@pytest.mark.parametrize("defect", [one for one, by in NOTICED.items() if by])
def test_a_defect_is_noticed_by_the_case_of_its_row(defect, tmp_path):
    dialect, case = defect.split("-")[0], NOTICED[defect][0]
    clean = verdicts(tmp_path / "clean", dialect, case)
    assert clean and {cell["verdict"] for (one, _), cell in clean.items() if one == case} == {"pass"}
    broken = verdicts(tmp_path / "broken", dialect, case, breaks=defect)
    assert {cell["verdict"] for (one, _), cell in broken.items() if one == case} - {"pass", "skipped"}, broken


@pytest.mark.parametrize("defect", [one for one, by in NOTICED.items() if not by])
def test_what_is_allowed_breaks_no_case(defect, tmp_path):
    seen = verdicts(tmp_path / "odd", defect.split("-")[0], "CH-03", "TC-05", "TR-01", "PA-02", "ST-06", breaks=defect)
    assert {cell["verdict"] for cell in seen.values()} == {"pass"}


def test_each_dialect_has_defects_of_its_own():
    for dialect in set(PATHS) - {"azure"}:
        assert len([one for one, by in NOTICED.items() if by and one.startswith(dialect + "-")]) >= 6, dialect
