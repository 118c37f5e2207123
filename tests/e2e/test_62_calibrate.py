"""check --calibrate: the same questions twice, and how many alarms about nothing that raises."""
import json

import pytest
from conftest import cells, journal
from test_25_verdicts import STOCHASTIC, answering, lay_out

KEY = {"SIM_KEY": "sim-key"}


def calibrate(proviso, *more, env=None):
    return proviso("check", "--calibrate", *more, env=env)


def test_a_noisy_provider_raises_no_false_regression(proviso, sim):
    url = sim("--break", "TC-05%30", "--seed", "7").url
    asked = ("--base-url", url, "--model", "sim-small", "--api-key-env", "SIM_KEY", "--case", "TC-05", "--case", "CH-03",
             "--trials", "20", "--out", "twice", "--format", "json")
    done = calibrate(proviso, *asked, env=KEY)
    assert done.code == 0, done
    said = json.loads(done.out)
    assert said["holds"] is True and said["compared"] == said["cells"] == 4
    assert said["alarms"]["regressed"] == {"cells": 0, "rate": 0, "rate_low": 0, "rate_high": pytest.approx(0.4899, abs=1e-3)}
    # It did vary, or this shows nothing; and each of the two is a run of its own, with its evidence.
    noise = [c for c in said["comparison"]["changes"] if c["case"] == "TC-05"]
    assert any(side["ok"] < side["judged"] for c in noise for side in (c["base"], c["head"])), noise
    for part in ("first", "second"):
        assert journal(proviso.cwd / "twice" / part)
        assert proviso("report", "markdown", "--run", f"twice/{part}").code == 0
    # Nothing is updated by it: neither run is what the targets are accepted by.
    assert not (proviso.cwd / "proviso-matrix.json").exists()
    # Judged again: no provider, the same figures.
    again = calibrate(proviso, "--replay", "twice", "--format", "json")
    assert json.loads(again.out)["alarms"] == said["alarms"] and again.code == 0


# The first run asks 20 times, the second finds a cell that is dead: what would fail a job.
def test_a_false_regression_is_counted_named_and_fails(proviso, scripted):
    lay_out(proviso, scripted(answering("o" * 20 + "m")).url, STOCHASTIC)
    done = calibrate(proviso, "--trials", "20", "--jobs", "1", "--out", "twice")
    assert done.code == 1, done
    assert "1 cells, 1 compared" in done.out and "regressed      1  100.00 %" in done.out, done
    assert "regressed  lab/m  LAB-1  gate  pass 20/20 -> fail 0/20" in done.out, done
    assert "1 false regression in gate or required cells" in done.out, done
    assert calibrate(proviso, "--replay", "twice").code == 1


def test_a_cell_that_flaps_is_named_and_fails_nothing(proviso, scripted):
    lay_out(proviso, scripted(answering("ooo" + "mm" + "o" * 20)).url, STOCHASTIC)
    done = calibrate(proviso, "--jobs", "1")
    assert done.code == 0, done
    assert "flapped        1" in done.out and "watch      lab/m  LAB-1  gate  pass 3/3 -> inconclusive 18/20" in done.out, done


def test_the_bound_and_the_cap_count_both_askings(proviso, scripted):
    provider = scripted(answering("o"))
    lay_out(proviso, provider.url, STOCHASTIC)
    config = proviso.cwd / "proviso.yaml"
    config.write_text(config.read_text().replace('"0"', '"1"'))
    once = proviso("check", "--dry-run").out.splitlines()
    twice = calibrate(proviso, "--dry-run").out.splitlines()
    assert "twice" in twice[0] and "twice" not in once[0]
    bounds = [[float(word) for word in lines[1].split() if word[0].isdigit()] for lines in (once, twice)]
    assert bounds[1] == [pytest.approx(2 * bound) for bound in bounds[0]]
    done = calibrate(proviso, "--max-spend", f"{bounds[0][0] * 1.5:.12f}")
    assert done.code == 5 and not provider.requests, done
    # What the first one spent is gone: the second can't spend it again.
    cap = bounds[0][0] * 2.1
    done = calibrate(proviso, "--jobs", "1", "--trials", "20", "--out", "twice", "--max-spend", f"{cap:.12f}")
    assert done.code == 5 and "--calibrate --resume twice" in done.err, done
    parts = [journal(proviso.cwd / "twice" / part) for part in ("first", "second") if (proviso.cwd / "twice" / part).exists()]
    assert sum(float(line["cost_usd"]) for part in parts for line in part if "cost_usd" in line) <= cap
    # And goes on where it stopped, asking nothing twice over.
    done = calibrate(proviso, "--resume", "twice", "--max-spend", "1")
    assert done.code == 0 and "1 compared" in done.out, done
    assert len(provider.requests) == 40
    for part in ("first", "second"):
        (cell,) = cells(proviso.cwd / "twice" / part / "matrix.json").values()
        assert cell["trials"] == 20


def test_no_evidence_is_no_calibration(proviso):
    lay_out(proviso, "http://127.0.0.1:9/v1", STOCHASTIC)
    done = calibrate(proviso, "--format", "json")
    assert done.code == 4, done
    said = json.loads(done.out)
    assert said["holds"] is False and said["compared"] == 0 and said["alarms"]["regressed"]["rate"] is None


@pytest.mark.parametrize("more, names", [
    (("--baseline", "b.json"), "--baseline"), (("--html", "a.html"), "report"), (("--format", "junit"), "json"),
    (("--resume", "nowhere"), "nowhere"),
])
def test_what_does_not_go_together_is_refused(proviso, more, names):
    done = calibrate(proviso, *more)
    assert done.code == 2 and names in done.err, done
