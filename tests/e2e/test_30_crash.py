"""kill -9 in mid-run, then --resume: the same matrix, and nothing on disk is asked again."""
import collections
import json
import signal
import threading
import time

import pytest

from conftest import RUN_LIMIT_S, cells, journal

KEY = {"SIM_KEY": "sim-key"}
IGNORED = ("run", "first_error", "tested_at", "evidence", "ttft", "latency", "tokens_per_second")


def judged(path):
    """The matrix less what differs between any two runs: ids, times (a timing case tells them as its fates), and nonces
    quoted in errors."""
    def plain(cell):
        ignored = IGNORED + (("fates",) if cell["class"] == "timing" else ())
        return {k: v for k, v in cell.items() if not k.startswith(ignored)}
    return {key: plain(cell) for key, cell in cells(path).items()}


def relay_to(sim_port, stop_after, reached):
    """Passes requests on to the simulator; after so many answers it answers no more."""
    import socket

    def answer(head, body, number):
        if stop_after is not None and number > stop_after:
            reached.set()
            return lambda connection: connection.recv(1)  # until the client is gone
        upstream = socket.create_connection(("127.0.0.1", sim_port))
        upstream.sendall(head.replace(b"Connection: keep-alive", b"Connection: close") + b"\r\nConnection: close\r\n\r\n" + body)
        got = b""
        while True:
            piece = upstream.recv(65536)
            if not piece:
                break
            got += piece
        def send(connection):
            connection.sendall(got)
        return send
    return answer


def without_target(judged_cells):
    """The same provider under two addresses: compare by case and variant."""
    return {key[1:]: {**cell, "target": "", "provider": ""} for key, cell in judged_cells.items()}


def whole_lines(folder):
    """The attempts in a journal that is being written, or was when its writer was killed."""
    path = folder / "journal.jsonl"
    body = path.read_bytes() if path.exists() else b""
    return [json.loads(line) for line in body[: body.rfind(b"\n") + 1].splitlines()[1:]]


def owners(lines):
    """One a request."""
    return [a for a in lines if a.get("owner")]


def wait_for(true, what):
    deadline = time.monotonic() + RUN_LIMIT_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


class Killed:
    """A run on a relay that stops answering after `count` answers; killed by -9, then gone on with."""

    def __init__(self, proviso, scripted, sim_port, arguments, count, on_disk_first):
        reached = threading.Event()
        limit = {"count": count}
        self.relay = scripted(lambda head, body, number: relay_to(sim_port, limit["count"], reached)(head, body, number))
        folder = proviso.cwd / "cut"
        process = proviso.start("check", "--base-url", self.relay.url, *arguments, "--matrix", "cut.json", "--out", "cut", env=KEY)
        assert reached.wait(RUN_LIMIT_S)
        if on_disk_first:  # all that was answered; one request asked for the model list
            wait_for(lambda: len(owners(whole_lines(folder))) >= count - 1, "answers that never reach the disk")
        process.send_signal(signal.SIGKILL)
        process.communicate()
        self.on_disk = whole_lines(folder)
        self.evidence = (folder / "evidence" / "000001.rec").read_bytes()
        limit["count"] = None
        self.resumed = proviso("check", "--resume", "cut", "--matrix", "cut.json", env=KEY)
        self.lines = journal(folder)
        # One request more asked for the model list.
        self.asked_twice = len(self.relay.requests) - 1 - len(owners(self.lines))

    def check(self):
        assert self.resumed.code == 1, self.resumed
        # The first lines still are what they were, and no attempt is there twice.
        assert self.lines[: len(self.on_disk)] == self.on_disk
        seen = collections.Counter((a["target"], a["case"], a["variant"], a["trial"], a["step"], a["attempt"]) for a in self.lines)
        assert max(seen.values()) == 1
        # What a line names was there before it.
        for line in self.on_disk:
            if "evidence" in line:
                at = int(line["evidence"].split(":")[1])
                head = json.loads(self.evidence[at : self.evidence.index(b"\n", at)])
                assert (head["trial"], head["step"], head["attempt"]) == (line["trial"], line["step"], line["attempt"])


def test_a_killed_run_goes_on_where_it_was(proviso, sim, scripted):
    upstream = sim("--break", "TC-05,PA-03")
    whole = scripted(relay_to(upstream.port, None, None))
    arguments = ["--model", "sim-small", "--api-key-env", "SIM_KEY", "--profile", "onboard", "--jobs", "3"]
    done = proviso("check", "--base-url", whole.url, *arguments, "--matrix", "whole.json", "--out", "whole", env=KEY)
    assert done.code == 1, done

    cut = Killed(proviso, scripted, upstream.port, arguments, 20, True)
    cut.check()
    assert without_target(judged(proviso.cwd / "whole.json")) == without_target(judged(proviso.cwd / "cut.json"))
    # Asked twice was at most what was in flight at the kill: the rest was on disk. Copies asked at once are one job, so that
    # it is not three, but the four that a provider is asked at a time by default.
    assert len(owners(cut.on_disk)) >= 15
    assert 0 <= cut.asked_twice <= 4


@pytest.mark.parametrize("count", [2, 9, 33, 70])
def test_answers_that_wait_for_the_disk_are_asked_again_and_those_on_it_are_not(proviso, sim, scripted, count):
    """Killed the moment the last answer is out: what was not on disk was not counted, and nothing else is lost."""
    upstream = sim("--break", "TC-05")
    arguments = ["--model", "sim-small", "--api-key-env", "SIM_KEY", "--profile", "ci", "--capability", "tools",
                 "--capability", "params", "--capability", "stream", "--jobs", "8"]
    cut = Killed(proviso, scripted, upstream.port, arguments, count, False)
    cut.check()
    in_flight, waiting = 8, 64
    assert 0 <= cut.asked_twice <= in_flight + waiting


def test_a_journal_whose_last_line_is_cut_is_resumed(proviso, sim):
    url = sim().url
    arguments = ["--base-url", url, "--model", "sim-small", "--api-key-env", "SIM_KEY", "--capability", "chat"]
    assert proviso("check", *arguments, "--out", "run", env=KEY).code == 0
    path = proviso.cwd / "run" / "journal.jsonl"
    body = path.read_bytes()
    path.write_bytes(body[:-20])
    assert proviso("check", "--resume", "run", env=KEY).code == 0
    for line in path.read_text().splitlines():
        json.loads(line)


def test_a_run_is_judged_again_without_network(proviso, sim):
    server = sim("--break", "ST-06")
    arguments = ["--base-url", server.url, "--model", "sim-small", "--api-key-env", "SIM_KEY"]
    live = proviso("check", *arguments, "--out", "run", "--matrix", "live.json", env=KEY)
    assert live.code == 1
    server.stop()
    server.stop = lambda: None
    # No key either: nothing is sent.
    again = proviso("check", "--replay", "run", "--matrix", "again.json")
    assert again.code == 1, again
    assert judged(proviso.cwd / "live.json") == judged(proviso.cwd / "again.json")


def test_ctrl_c_keeps_what_was_done(proviso, sim, scripted):
    reached = threading.Event()
    upstream = sim()
    slow = scripted(relay_to(upstream.port, 5, reached))
    process = proviso.start("check", "--base-url", slow.url, "--model", "sim-small", "--api-key-env", "SIM_KEY",
                            "--out", "run", env=KEY)
    assert reached.wait(RUN_LIMIT_S)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=RUN_LIMIT_S)
    assert process.returncode == 130, err
    assert "--resume run" in err
    assert len(journal(proviso.cwd / "run")) > 0
