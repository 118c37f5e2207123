"""What the config says of a model beside its prices: names it may answer by (CH-04), and what its maker counts (US-05)."""
import json

import pytest
from conftest import Proviso, Sim, cells, journal

KEY = {"SIM_KEY": "sim-key"}


def verdict(folder, *cases, facts, sim, more=()):
    proviso = Proviso(folder)
    (folder / "proviso.yaml").write_text(f"""version: 1
providers:
  sim: {{base_url: "{sim.url}", api_key: "env:SIM_KEY", models: {{sim-small: {{context: 8192{facts}}}}}}}
""")
    asked = [word for case in cases for word in ("--case", case)]
    done = proviso("check", "sim/sim-small", "--out", "run", *asked, *more, env=KEY)
    seen = {(case, variant): cell for (_, case, variant), cell in cells(folder / "proviso-matrix.json").items()}
    return done, seen


def test_an_alias_is_no_other_model_when_asked_and_when_replayed(tmp_path):
    sim = Sim("--break", "CH-04")  # answers as sim-tiny
    for name, facts, want in (("none", "", "fail"), ("alias", ", aliases: [sim-tiny]", "pass")):
        folder = tmp_path / name
        folder.mkdir()
        _, seen = verdict(folder, "CH-04", facts=facts, sim=sim)
        assert {cell["verdict"] for cell in seen.values()} == {want}
        again = Proviso(folder)("check", "--replay", "run", "--matrix", "again.json")
        assert again.code == (0 if want == "pass" else 1), again
        assert {cell["verdict"] for cell in cells(folder / "again.json").values()} == {want}
    sim.stop()


@pytest.mark.parametrize("facts, want", [(", reference_tokens: 28", "pass"), (", reference_tokens: 25", "pass"),
                                         (", reference_tokens: 24", "fail"), (", reference_tokens: 29", "fail"),
                                         ("", "skipped")])
def test_prompt_tokens_are_held_against_the_constant_and_never_passed_without(facts, want, tmp_path):
    sim = Sim()
    done, seen = verdict(tmp_path, "US-05", facts=facts, sim=sim)
    cell = seen[("US-05", "sync")]
    assert cell["verdict"] == want, done
    if want == "fail":
        assert "28 input tokens" in cell["first_error"], cell
    if want == "skipped":
        assert "reference_tokens" in str(cell), cell
    again = Proviso(tmp_path)("check", "--replay", "run", "--matrix", "again.json")
    if want != "skipped":
        assert {cell["verdict"] for cell in cells(tmp_path / "again.json").values()} == {want}, again
    sim.stop()


# What infrastructure took leaves the rates, so it must be told: by target, by kind, and of which run.
def test_availability_is_told_and_says_of_which_run(proviso, sim):
    url = sim("--break", "storm-500").url
    asked = ("check", "--base-url", url, "--api-key-env", "SIM_KEY", "--case", "CH-0*")
    key = {"SIM_KEY": "sim-key"}
    proviso(*asked, "--model", "sim-small", "--out", "first", env=key)
    done = proviso(*asked, "--model", "sim-large", "--out", "second", "--html", "a.html", "--markdown", "a.md", env=key)
    first, second = (json.loads((proviso.cwd / name / "matrix.json").read_text())["availability"][0] for name in ("first", "second"))
    lines = [line for line in journal(proviso.cwd / "first") if line.get("owner")]
    assert first["attempts"] == len(lines) and first["infra"] == {"5xx": 25}
    assert first["answered"] == first["attempts"] - 25
    assert second["infra"] == {} and second["answered"] == second["attempts"] > 0
    assert f"1 target: all {second['attempts']} attempts answered" in done.out, done
    merged = json.loads((proviso.cwd / "proviso-matrix.json").read_text())["availability"]
    assert merged == [second, first]
    table = proviso("matrix").out
    assert f"% of {first['attempts']} attempts answered; 5xx: 25 (run {first['run']})" in table, table
    assert f"100.0 % of {second['attempts']} attempts answered (run {second['run']})" in table, table
    assert "id=availability" in (proviso.cwd / "a.html").read_text()
    assert "### Availability" in (proviso.cwd / "a.md").read_text()
    again = proviso("check", "--replay", "first", "--matrix", "again.json")
    assert json.loads((proviso.cwd / "again.json").read_text())["availability"] == [first], again
