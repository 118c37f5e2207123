"""The canary: a first run records what fixed prompts count, later ones compare, and a record is not made good by a change."""
import json

from conftest import cells

KEY = {"SIM_KEY": "sim-key"}


def check(proviso, folder, url, *more):
    (folder / "proviso.yaml").write_text(
        f'version: 1\nproviders:\n  sim: {{base_url: "{url}", api_key: "env:SIM_KEY", models: {{sim-small: {{context: 8192}}}}}}\n')
    done = proviso("check", "sim/sim-small", "--case", "CO-05*", "--profile", "smoke", *more, env=KEY)
    return done, cells(folder / "proviso-matrix.json")["sim/sim-small", "CO-05", "sync"]


def test_the_first_run_records_and_later_ones_compare(proviso, sim, tmp_path):
    clean, other = sim(), sim("--break", "CO-05")
    done, cell = check(proviso, tmp_path, clean.url)
    assert done.code == 0 and cell["verdict"] == "skipped" and "nothing is recorded" in cell["first_error"]
    done, cell = check(proviso, tmp_path, clean.url)
    assert done.code == 0 and cell["verdict"] == "pass"
    # Another tokenizer behind the same name is noticed as often as it is asked, not once.
    for run in ("first", "second"):
        done, cell = check(proviso, tmp_path, other.url, "--out", run)
        assert done.code == 1 and cell["verdict"] == "fail" and "recorded was" in cell["first_error"]
    done, cell = check(proviso, tmp_path, clean.url)
    assert done.code == 0 and cell["verdict"] == "pass"


def test_a_run_that_could_not_record_loses_no_record(proviso, sim, tmp_path):
    clean, dumb, other = sim(), sim("--break", "CO-05.record"), sim("--break", "CO-05")
    check(proviso, tmp_path, clean.url)
    recorded = cells(tmp_path / "proviso-matrix.json")["sim/sim-small", "CO-05.record", "sync"]["fates"]
    # It counts nothing; it is not there at all.
    for url in (dumb.url, "http://127.0.0.1:9/v1"):
        check(proviso, tmp_path, url)
        assert cells(tmp_path / "proviso-matrix.json")["sim/sim-small", "CO-05.record", "sync"]["fates"] == recorded
    done, cell = check(proviso, tmp_path, other.url)
    assert done.code == 1 and cell["verdict"] == "fail" and "recorded was" in cell["first_error"]


def test_a_replay_compares_with_what_was_recorded_then(proviso, sim, tmp_path):
    check(proviso, tmp_path, sim().url)
    check(proviso, tmp_path, sim("--break", "CO-05").url, "--out", "run")
    (tmp_path / "proviso-matrix.json").unlink()
    done = proviso("check", "--replay", "run")
    assert done.code == 1 and "recorded was" in done.out
    head = json.loads((tmp_path / "run/journal.jsonl").read_text().splitlines()[0])
    assert head["targets"][0]["identity"].startswith("identity ")


def test_a_record_of_other_questions_is_none(proviso, sim, tmp_path):
    one = sim()
    check(proviso, tmp_path, one.url)
    matrix = tmp_path / "proviso-matrix.json"
    hash_ = cells(matrix)["sim/sim-small", "CO-05.record", "sync"]["case_hash"]
    matrix.write_text(matrix.read_text().replace(hash_, "0" * len(hash_)))
    done, cell = check(proviso, tmp_path, one.url)
    assert done.code == 0 and cell["verdict"] == "skipped"
