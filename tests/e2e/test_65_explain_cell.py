"""`explain --target --case`: the evidence of a cell from the real program, and the command that asks again."""
import json
import os
import re
import subprocess

from conftest import ROOT, RUN_LIMIT_S, reply

RUN = ROOT / "tests/golden/run"
KEY = {"K": "sk-very-secret"}


def ask(proviso, server, *more):
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  odd-lab: {{base_url: "{server.url}", api_key: "env:K", models: {{m: {{context: 8192}}}}}}
""")
    return proviso("check", "--case", "CH-01", *more, env=KEY)


def test_a_cell_is_told_with_attempts_bytes_and_a_command_that_asks_the_same(proviso, scripted):
    hostile = "\x1b[31mred\r\n::error::forged\n  ::warning::too\n##[error]old \u202e"
    server = scripted(lambda head, body, number: reply(hostile))
    ask(proviso, server)
    done = proviso("explain", "--target", "odd-lab/m", "--case", "CH-01")  # the run is found below proviso-runs
    assert done.code == 0, done
    assert re.match(r"odd-lab/m CH-01: FAIL \(gate, deterministic, chat\)\nasks +\S", done.out), done.out
    assert re.search(r"^rate +0 of 3 ok \(0 to 56 %\), 3 ", done.out, re.M), done.out
    assert len(re.findall(r"^  \d\.0\.1  \S+ +200  [\d.]+ ms  \d{6}:\d+  \S", done.out, re.M)) == 3, done.out
    assert "HTTP status 200" in done.out and "\x1b" not in done.out and "\u202e" not in done.out
    assert "sk-very-secret" not in done.out and "##[error]" not in done.out
    assert not re.search(r"^\s*::", done.out, re.M)
    told = json.loads(proviso("explain", "--target", "odd-lab/m", "--case", "CH-01", "--format", "json").out)
    assert told["matrix"]["cells"][0]["verdict"] == "fail" and len(told["attempts"]) == 3
    assert all(attempt["finding"] for attempt in told["attempts"])
    assert told["exchange"]["response_body"] == hostile
    asked = [body for _, body in server.requests]
    subprocess.run(["sh", "-c", told["curl"]], env={"PATH": os.environ["PATH"], "K": "k-1"}, check=True,
                   stdout=subprocess.DEVNULL, timeout=RUN_LIMIT_S)
    head, body = server.requests[-1]
    assert b"Bearer k-1" in head and body in asked and body.decode() == told["exchange"]["request_body"]


def test_a_provider_in_no_file_keeps_the_variable_that_its_run_was_given(proviso, scripted):
    server = scripted(lambda head, body, number: reply("x"))
    for run, key in (("keyed", ("--api-key-env", "MINE")), ("keyless", ())):
        proviso("check", "--base-url", server.url, "--model", "m", *key, "--case", "CH-01", "--out", run, env={"MINE": "sk-0123456789"})
        page = proviso("report", "html", "--run", run).out
        told = proviso("explain", "--run", run, "--target", "127.0.0.1/m", "--case", "CH-01").out
        for shown in (page, told):
            assert "curl -sSgN" in shown
            assert set(re.findall(r"Bearer (\S+?)(?:&quot;|\")", shown)) == ({"$MINE"} if key else set()), run


def test_bytes_that_are_no_text_are_told_in_hex(proviso, scripted):
    server = scripted(lambda head, body, number: reply(b"\xff\x00{"))
    ask(proviso, server, "--out", "run")
    told = json.loads(proviso("explain", "--run", "run", "--target", "odd-lab/m", "--case", "CH-01", "-f", "json").out)
    assert told["exchange"]["response_body_hex"] == "ff007b"
    shown = proviso("explain", "--run", "run", "--target", "odd-lab/m", "--case", "CH-01").out
    assert "\n  \\xff\\x00{\n" in shown


def test_what_is_not_there_is_said(proviso):
    done = proviso("explain", "--target", "lab/qwen", "--case", "CH-02~stream", "--run", RUN)
    assert done.code == 0 and "was asked in run 20251101T100000Z-ffffff" in done.out, done
    done = proviso("explain", "--target", "lab/qwen", "--case", "JS-01", "--matrix", RUN / "matrix.json")
    assert done.code == 0 and "--run names it" in done.out, done
    assert proviso("explain", "--target", "lab/qwen", "--case", "ZZ-99", "--run", RUN).code == 2
    assert proviso("explain", "--target", "lab/qwen", "--run", RUN).code == 2
    assert proviso("explain", "--target", "lab/qwen", "--case", "JS-01", "--run", RUN, "--key", "k").code == 2
    # A case that only streams needs no suffix.
    assert "TC-10~stream: UNSUPPORTED" in proviso("explain", "--target", "other/m:1", "--case", "TC-10", "--run", RUN).out
