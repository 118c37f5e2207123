"""CO-06: what one run can't know, the matrix gathers: how long the same question takes over the day."""
import json
import re

import pytest

from conftest import cells

KEY = {"SIM_KEY": "sim-key"}


def ask(proviso, url, *more):
    return proviso("check", "--base-url", url, "--model", "sim-small", "--api-key-env", "SIM_KEY", "--case", "CO-06", *more, env=KEY)


def cell(proviso):
    return cells(proviso.cwd / "proviso-matrix.json")[("127.0.0.1/sim-small", "CO-06", "stream")]


def tell(proviso, fates):
    path = proviso.cwd / "proviso-matrix.json"
    matrix = json.loads(path.read_text())
    for one in matrix["cells"]:
        one["fates"] = fates
    path.write_text(json.dumps(matrix))


def test_the_first_runs_gather_and_do_not_pass(proviso, sim):
    url = sim().url
    assert ask(proviso, url).code == 0
    first = cell(proviso)
    assert first["verdict"] == "unsupported" and "1 of 3 times" in first["first_error"]
    assert re.fullmatch(r"hours \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \d+ ms", first["fates"])
    # Again at the same time of day: nothing is added, and nothing is lost.
    assert ask(proviso, url).code == 0
    assert cell(proviso)["fates"] == first["fates"]
    # Nobody answers: what was gathered stays.
    ask(proviso, "http://127.0.0.1:1/v1")
    assert cell(proviso)["fates"] == first["fates"]


@pytest.mark.parametrize("faults, verdict", [([], "pass"), (["--break", "CO-06"], "fail")])
def test_from_the_third_time_of_day_on_it_is_judged(proviso, sim, faults, verdict):
    url = sim(*faults).url
    ask(proviso, sim().url)
    tell(proviso, "hours 2026-01-01T00:00:00Z 850 ms, 2026-01-01T08:00:00Z 900 ms")
    done = ask(proviso, url, "--profile", "smoke")
    now = cell(proviso)
    assert now["verdict"] == verdict, done
    assert now["fates"].startswith("hours 2026-01-01T00:00:00Z 850 ms, 2026-01-01T08:00:00Z 900 ms, 20")
    # Judged again by what was known then, whatever the matrix says by now.
    tell(proviso, "hours")
    run = max((proviso.cwd / "proviso-runs").iterdir(), key=lambda path: path.stat().st_mtime)
    proviso("check", "--replay", run, "--matrix", "again.json")
    again = cells(proviso.cwd / "again.json")[("127.0.0.1/sim-small", "CO-06", "stream")]
    assert (again["verdict"], again["fates"]) == (verdict, now["fates"])
