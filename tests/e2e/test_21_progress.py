"""How far a check is: told on a terminal alone, so that a log of CI holds what matters and nothing else."""
import os
import subprocess

from conftest import PROVISO, RUN_LIMIT_S, environment, open_terminal


def arguments(url):
    return ["check", "--base-url", url, "--model", "sim-small", "--api-key-env", "SIM_KEY", "--profile", "smoke"]


def test_nothing_is_told_where_no_terminal_is(proviso, sim):
    done = proviso(*arguments(sim().url), env={"SIM_KEY": "sim-key", "TERM": "xterm"})
    assert done.code == 0 and "\x1b" not in done.err + done.out
    lines = done.err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("proviso: evidence and journal in "), done.err


def test_the_log_tells_it_where_it_is_asked(proviso, sim):
    done = proviso(*arguments(sim().url), env={"SIM_KEY": "sim-key", "PROVISO_LOG_LEVEL": "info"})
    told = [line for line in done.err.splitlines() if "check.progress" in line]
    assert len(told) >= 5 and "decided=" in told[0] and "cells=" in told[0], done.err


def on_terminal(folder, url, **extra):
    """What reaches a terminal on stderr."""
    terminal, its_end = open_terminal()
    process = subprocess.Popen([PROVISO, *arguments(url)], cwd=folder, stdout=subprocess.DEVNULL, stderr=its_end,
                               env=environment(**{"SIM_KEY": "sim-key", "TERM": "xterm", **extra}))
    os.close(its_end)
    seen = b""
    while True:
        try:
            more = os.read(terminal, 65536)
        except OSError:  # the last writer is gone
            break
        seen += more
    os.close(terminal)
    assert process.wait(RUN_LIMIT_S) == 0, seen
    return seen.decode()


def test_a_terminal_shows_a_grid_and_is_left_clean(proviso, sim):
    # Slow enough that it is drawn before all is done.
    seen = on_terminal(proviso.cwd, sim("--latency", "ttft=150ms").url)
    assert "cells decided" in seen and "\x1b[J" in seen
    assert "cells decided" not in seen.rsplit("\x1b[J", 1)[1]


def test_ci_and_a_dumb_terminal_are_obeyed(proviso, sim):
    url = sim().url
    for extra in ({"CI": "true"}, {"TERM": "dumb"}):
        seen = on_terminal(proviso.cwd, url, **extra)
        assert "\x1b" not in seen and "decided" not in seen, seen
