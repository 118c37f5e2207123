"""Each write, sync, creation and renaming of a file fails once, at every place: nothing is lost that was told.

A user would lose a run that was paid for, or trust a file that is half of one.
"""
import errno
import http.client
import json
import os
import signal
import subprocess

import pytest

from conftest import PLAIN, ROOT, RUN_LIMIT_S, Proviso, Sim, chat, environment, reply
from proxy_rig import KEYS, config_of

SHIM_SOURCE = ROOT / "tests/e2e/fail_nth.c"
CHECK = ["check", "--model", "sim-small", "--api-key-env", "SIM_KEY", "--case", "ER-03", "--case", "CH-03", "--profile", "smoke", "--jobs", "1"]


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    library = tmp_path_factory.mktemp("shim") / "fail_nth.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-O1", "-o", library, SHIM_SOURCE, "-ldl"], check=True, timeout=RUN_LIMIT_S)
    return library


@pytest.fixture(scope="module")
def provider():
    sim = Sim(program=PLAIN)
    yield sim
    sim.stop()


class Desk:
    """The program in a folder of its own, with one call that fails."""

    def __init__(self, folder, shim):
        folder.mkdir()
        self.folder, self.shim = folder, shim
        self.plain = Proviso(folder, PLAIN)

    def env(self, call, at, error):
        return {"SIM_KEY": "sim-key", "LD_PRELOAD": str(self.shim), "FAIL_CALL": call, "FAIL_AT": str(at), "FAIL_AS": str(error),
                "FAIL_COUNT": str(self.folder / "count")}

    def __call__(self, *arguments, call, at, error):
        return self.plain(*arguments, env=self.env(call, at, error))

    def count(self):
        return int((self.folder / "count").read_text())

    def left_over(self):
        return [path.name for path in self.folder.rglob("*") if path.name.endswith(".tmp")]


def matrix_of(folder):
    path = folder / "proviso-matrix.json"
    return {(cell["case"], cell["variant"]): cell["verdict"] for cell in json.loads(path.read_text())["cells"]} if path.exists() else None


WHOLE = {("CH-03", "sync"): "pass", ("CH-03", "stream"): "pass", ("ER-03", "sync"): "pass"}


def places(tmp_path, shim, provider, call):
    """Which of such calls of a run are to fail: TORTURE=all for each, else a few from the first to the last."""
    desk = Desk(tmp_path / "counted", shim)
    done = desk(*CHECK, "--base-url", provider.url, "--out", "run", "--csv", "cells.csv", call=call, at=0, error=0)
    assert done.code == 0 and matrix_of(desk.folder) == WHOLE, done
    count = desk.count()
    assert count >= 2
    return range(1, count + 1, 1 if os.environ.get("TORTURE") == "all" else (count + 4) // 5)


@pytest.mark.parametrize("call, error", [("write", 0), ("write", errno.EINTR), ("sync", errno.EINTR)])
def test_what_is_no_failure_is_not_seen(tmp_path, shim, provider, call, error):
    """Half a write, or one that a signal interrupted, is gone on with."""
    for at in places(tmp_path, shim, provider, call):
        desk = Desk(tmp_path / f"at-{at}", shim)
        done = desk(*CHECK, "--base-url", provider.url, "--out", "run", "--csv", "cells.csv", call=call, at=at, error=error)
        assert done.code == 0 and matrix_of(desk.folder) == WHOLE, (at, done)
        assert desk.plain("check", "--replay", "run").code == 0 and not desk.left_over()


@pytest.mark.parametrize("call, error", [("write", errno.ENOSPC), ("sync", errno.EIO), ("create", errno.ENOSPC), ("rename", errno.EIO)])
def test_a_failure_is_told_and_what_was_done_is_kept(tmp_path, shim, provider, call, error):
    led_on = 0
    for at in places(tmp_path, shim, provider, call):
        desk = Desk(tmp_path / f"at-{at}", shim)
        done = desk(*CHECK, "--base-url", provider.url, "--out", "run", "--csv", "cells.csv", call=call, at=at, error=error)
        if desk.count() < at:  # how many there are depends on how the disk keeps up
            assert done.code == 0, (at, done)
            continue
        assert done.code == 4 and "error:" in done.err, (at, done)
        assert not desk.left_over(), at
        # The matrix is whole or not there, never half of one.
        assert matrix_of(desk.folder) in (None, WHOLE), at
        # The disk is well again: the run goes on where it was, or begins anew where it had not begun.
        again = desk.plain("check", "--resume", "run", "--matrix", "proviso-matrix.json", env={"SIM_KEY": "sim-key"})
        offered = "what was done is kept; `proviso check --resume run` goes on" in done.err
        led_on += offered
        if again.code == 2:
            assert not offered, (at, done)
            again = desk.plain(*CHECK, "--base-url", provider.url, "--out", "anew", env={"SIM_KEY": "sim-key"})
        assert again.code == 0 and matrix_of(desk.folder) == WHOLE, (at, again)
    assert led_on > 0 or call in ("create", "rename")  # those come before the first question and after the last


# --- the proxy's ledger -----------------------------------------------------------------------------


def ask(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=RUN_LIMIT_S)
    connection.request("POST", "/v1/chat/completions", json.dumps({"model": "coder", "messages": [
        {"role": "user", "content": "hello"}]}), {"content-type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.getheader("x-proviso-request-id"), body


def serve(desk, upstream, matrix, requests, call, at, error):
    """([(status, id)] or None where it does not start, exit code, stderr)"""
    (desk.folder / "proviso.yaml").write_text(json.dumps(config_of({"a": upstream}, ledger={"path": "proviso.db"})))
    (desk.folder / "proviso-matrix.json").write_bytes(matrix.read_bytes())
    process = subprocess.Popen([PLAIN, "proxy", "--listen", "127.0.0.1:0", "--workers", "1"], cwd=desk.folder, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(**KEYS, **desk.env(call, at, error)))
    url = process.stdout.readline().strip()
    told = [ask(int(url.split(":")[2].split("/")[0])) for _ in range(requests)] if url else None
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=RUN_LIMIT_S)
    return told, process.returncode, err


@pytest.mark.parametrize("call, error", [("write", errno.ENOSPC), ("sync", errno.EIO), ("write", 0)])
def test_no_answer_is_told_whose_row_is_not_on_the_disk(tmp_path, shim, scripted, matrix, call, error):
    upstream = scripted(lambda head, body, number: reply(chat())).url
    calls = []
    for requests in (0, 3):
        desk = Desk(tmp_path / f"counted-{requests}", shim)
        assert serve(desk, upstream, matrix, requests, call, 0, error)[1] == 0
        calls.append(desk.count())
    start, end = calls
    assert end - start >= 3
    for at in sorted({1, start // 2, *range(start + 1, end + 1, max(1, (end - start) // 4))}):
        desk = Desk(tmp_path / f"at-{at}", shim)
        told, code, err = serve(desk, upstream, matrix, 3, call, at, error)
        if told is None:  # it failed while the ledger was made: said, and not served
            assert code in (2, 4) and "proviso.db" in err and error != 0, (at, code, err)
            continue
        assert code == 0, (at, err)
        rows = {row["request_id"] for row in json.loads(desk.plain("usage", "--format", "json").out)}
        for status, request_id, body in told:
            assert status in (200, 503), (at, status, body)
            assert status == 503 or request_id in rows, (at, request_id, rows, err)
        assert error != 0 or [status for status, _, _ in told] == [200] * 3, (at, told)
