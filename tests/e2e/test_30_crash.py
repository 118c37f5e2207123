"""kill -9 in mid-run, then --resume: the same matrix, and nothing on disk is asked again."""
import collections
import json
import signal
import threading

from conftest import cells, journal, reply

KEY = {"SIM_KEY": "sim-key"}
IGNORED = ("run", "first_error", "tested_at", "evidence", "ttft", "latency", "tokens_per_second")


def judged(path):
    """The matrix less what differs between any two runs: ids, times, and nonces quoted in errors."""
    def plain(cell):
        return {k: v for k, v in cell.items() if not k.startswith(IGNORED)}
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


def test_a_killed_run_goes_on_where_it_was(proviso, sim, scripted):
    upstream = sim("--break", "TC-05,PA-03")
    whole = scripted(relay_to(upstream.port, None, None))
    arguments = ["--model", "sim-small", "--api-key-env", "SIM_KEY", "--profile", "onboard", "--jobs", "3"]
    done = proviso("check", "--base-url", whole.url, *arguments, "--matrix", "whole.json", "--out", "whole", env=KEY)
    assert done.code == 1, done

    reached = threading.Event()
    answers = {"count": 20}
    cut = scripted(lambda head, body, number: relay_to(upstream.port, answers["count"], reached)(head, body, number))
    process = proviso.start("check", "--base-url", cut.url, *arguments, "--matrix", "cut.json", "--out", "cut", env=KEY)
    assert reached.wait(120)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    on_disk = journal(proviso.cwd / "cut")
    assert on_disk, "nothing was written before the kill"

    answers["count"] = None
    done = proviso("check", "--resume", "cut", "--matrix", "cut.json", env=KEY)
    assert done.code == 1, done

    # The same provider under two addresses: compare by case and variant.
    first = {key[1:]: {**cell, "target": "", "provider": ""} for key, cell in judged(proviso.cwd / "whole.json").items()}
    second = {key[1:]: {**cell, "target": "", "provider": ""} for key, cell in judged(proviso.cwd / "cut.json").items()}
    assert first == second

    # No attempt is there twice, and the first lines still are what they were.
    lines = journal(proviso.cwd / "cut")
    assert lines[: len(on_disk)] == on_disk
    seen = collections.Counter((a["target"], a["case"], a["variant"], a["trial"], a["step"], a["attempt"]) for a in lines)
    assert max(seen.values()) == 1
    # Asked twice was at most what the three jobs had in flight at the kill, of which nothing was on
    # disk; one request more asked for the model list.
    owners = [a for a in lines if a.get("owner")]
    asked_twice = len(cut.requests) - 1 - len(owners)
    assert len([a for a in on_disk if a.get("owner")]) >= 15
    assert 0 <= asked_twice <= 3


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
    assert reached.wait(120)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 130, err
    assert "--resume run" in err
    assert len(journal(proviso.cwd / "run")) > 0
