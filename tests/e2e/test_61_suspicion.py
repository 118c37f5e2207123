"""check --baseline asks more of a cell that looks worse than it was, before it is judged."""
import pytest
from conftest import cells
from test_25_verdicts import STOCHASTIC, answering, lay_out


def against_baseline(proviso, scripted, pattern, *more):
    """A baseline of 20 passes of 20; then a ci run whose answers follow the pattern."""
    lay_out(proviso, scripted(answering("o")).url, STOCHASTIC)
    assert proviso("check", "--trials", "20", "--out", "base").code == 0
    assert proviso("bless").code == 0
    provider = scripted(answering(pattern))
    config = proviso.cwd / "proviso.yaml"
    lines = config.read_text().splitlines()
    lines[2] = f'  lab: {{base_url: {provider.url}, models: {{m: {{context: 8192, max_output: 64, price: {{input: "1", output: "1"}}}}}}}}'
    config.write_text("\n".join(lines) + "\n")
    return provider, proviso("check", "--baseline", "proviso-baseline.json", "--out", "run", *more)


@pytest.mark.parametrize("pattern, trials, change, code", [
    ("o", 3, "same", 0),             # nothing is wrong: nothing more is asked
    ("m", 20, "regressed", 1),       # two misses reject, and eighteen more make it sure
    ("mmoooooooo", 20, "watch", 3),  # they did not: the sequential test goes on to its end
])
def test_a_cell_that_looks_worse_is_asked_more(proviso, scripted, pattern, trials, change, code):
    provider, done = against_baseline(proviso, scripted, pattern)
    (cell,) = cells(proviso.cwd / "run" / "matrix.json").values()
    assert cell["trials"] == trials == len(provider.requests), done
    assert f"1 {change}" in done.out, done
    assert done.code == code, done


def test_the_cap_holds_for_further_trials_too_and_a_resumed_run_goes_on_with_them(proviso, scripted):
    provider, done = against_baseline(proviso, scripted, "m", "--jobs", "1", "--max-spend", "0.0004")
    assert done.code == 5, done
    few = len(provider.requests)
    assert 2 <= few < 20
    done = proviso("check", "--resume", "run", "--max-spend", "1")
    assert done.code == 1 and "1 regressed" in done.out, done
    assert len(provider.requests) == 20
