"""The program's surface: help, versions, usage mistakes, files that are broken."""
import json

import pytest
from conftest import ROOT



def commands_of(proviso):
    listed = proviso("--help").out.split("commands:\n")[1].split("\n\n")[0]
    return [line.split()[0] for line in listed.splitlines()]


def test_the_version_is_one_line(proviso):
    done = proviso("--version")
    assert done.code == 0 and done.out.startswith("proviso ") and done.out.count("\n") == 1


def test_every_command_has_help(proviso):
    commands = commands_of(proviso)
    assert len(commands) >= 17
    for command in commands:
        done = proviso(command, "--help")
        assert done.code == 0 and done.out.startswith(f"usage: proviso {command}")


def test_mistakes_offer_the_nearest_name(proviso):
    assert "did you mean check?" in proviso("chek").err
    done = proviso("check", "--max-spent", "1")
    assert done.code == 2 and "did you mean --max-spend?" in done.err
    assert proviso().code == 2
    assert proviso("check", "--trials", "zero").code == 2
    assert proviso("check", "--conf", "x").code == 2  # no abbreviations


def test_all_mistakes_of_a_config_are_shown_with_their_places(proviso):
    (proviso.cwd / "proviso.yaml").write_text(
        "version: 1\nprovders: {}\npolicy:\n  mode: enfoce\n  max_age: 10x\ncheck: {trials: many}\n")
    done = proviso("validate")
    assert done.code == 2
    for place in ("proviso.yaml:2:1:", "proviso.yaml:4:9:", "proviso.yaml:5:12:", "proviso.yaml:6:17:"):
        assert place in done.err, done
    assert "did you mean 'providers'?" in done.err


@pytest.mark.parametrize("body", ["", "{", "[]", '{"proviso":1', '{"proviso":99,"suite":{},"runs":[],"cells":[]}', "\0\1"])
def test_a_broken_matrix_is_an_error_with_its_name(proviso, body):
    (proviso.cwd / "bad.json").write_text(body)
    done = proviso("matrix", "bad.json")
    assert done.code == 2 and "bad.json" in done.err, done


def test_inspect_reads_json_and_streams_and_refuses_the_rest(proviso):
    body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
    (proviso.cwd / "a.json").write_text(json.dumps(body))
    done = proviso("inspect", "a.json")
    assert done.code == 0
    assert json.loads(done.out)["choices"][0]["content"] == "hi"
    stream = 'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hi"}}]}\n\n'
    (proviso.cwd / "a.sse").write_text(stream)
    done = proviso("inspect", "a.sse")
    assert done.code == 0
    seen = json.loads(done.out)
    assert seen["complete"] is False and seen["events"] == 1
    assert any(v["case"] == "ST-06" for v in seen["violations"])
    assert proviso("inspect", "a.sse", "--strict").code == 1
    for words in b"just words", b"a: b\n\n", b"", b"\0\0\0\0", b'{"choices":[{"ind':
        (proviso.cwd / "a.txt").write_bytes(words)
        assert proviso("inspect", "a.txt").code == 2, words
    assert proviso("inspect", "absent").code == 2
    for stream, events in (b"data: x", 0), (b"data: x\n", 0), (b"id: 1\n\n", 0), (b"retry: 9\r\r", 0), (b"\xef\xbb\xbfdata:\n\n", 1):
        (proviso.cwd / "a.sse").write_bytes(stream)
        done = proviso("inspect", "a.sse")
        assert done.code == 0 and json.loads(done.out)["events"] == events, (stream, done)


def test_what_was_asked_is_held_against_a_response(proviso):
    reply = {"id": "x", "object": "chat.completion", "created": 1, "model": "m",
             "choices": [{"index": 0, "message": {"role": "assistant", "content": "Sure: {}"}, "finish_reason": "stop"}],
             "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}
    asked = {"model": "m", "messages": [{"role": "user", "content": "x"}], "n": 2, "response_format": {"type": "json_object"}}
    (proviso.cwd / "a.json").write_text(json.dumps(reply))
    (proviso.cwd / "asked.json").write_text(json.dumps(asked))
    assert json.loads(proviso("inspect", "a.json").out)["violations"] == []
    done = proviso("inspect", "a.json", "--request", "asked.json")
    assert done.code == 0 and {v["case"] for v in json.loads(done.out)["violations"]} == {"PA-06", "JO-01"}, done
    assert proviso("inspect", "a.json", "--request", "asked.json", "--strict").code == 1


def test_mistakes_can_be_had_as_json_on_stdout_alone(proviso):
    (proviso.cwd / "bad.yaml").write_text("version: 1\nprovders: {}\n")
    (proviso.cwd / "good.yaml").write_text("version: 1\nproviders: {deepseek: {}}\n")
    done = proviso("validate", "bad.yaml", "good.yaml", "none.yaml", "--format", "json")
    assert done.code == 2 and not done.err, done
    said = json.loads(done.out)
    assert said["valid"] is False and [one["file"] for one in said["read"]] == ["good.yaml"]
    first = said["mistakes"][0]
    assert (first["severity"], first["file"], first["line"], first["column"]) == ("error", "bad.yaml", 2, 1), first
    assert "did you mean 'providers'?" in first["message"]
    assert any("none.yaml" in one["message"] and one["line"] is None for one in said["mistakes"])
    done = proviso("validate", "good.yaml", "-f", "json")
    assert done.code == 0 and json.loads(done.out)["valid"] is True


def test_every_mistake_is_told_however_many(proviso):
    """Who mends twenty and finds the next twenty mends a file five times."""
    (proviso.cwd / "bad.yaml").write_text("version: 1\n" + "".join(f"key_{n}: 1\n" for n in range(45)))
    done = proviso("validate", "bad.yaml")
    assert done.code == 2 and all(f"bad.yaml:{n + 2}:1: error: unknown key 'key_{n}'" in done.err for n in range(45)), done
    said = json.loads(proviso("validate", "bad.yaml", "--format", "json").out)
    assert len(said["mistakes"]) >= 45 and said["not_shown"] == 0
    # Other commands show the start, and say where the rest is.
    done = proviso("gate", "--config", "bad.yaml")
    assert done.code == 2 and "bad.yaml:21:1:" in done.err and "`proviso validate` shows all" in done.err, done


def test_a_config_may_come_on_stdin(proviso):
    done = proviso("validate", "-", stdin="version: 1\nproviders: {deepseek: {}}\n")
    assert done.code == 0 and done.out.startswith("stdin: ok (1 providers"), done
    done = proviso("validate", "-", stdin="version: 1\nprovders: {}\n")
    assert done.code == 2 and "stdin:2:1: error" in done.err, done
    done = proviso("validate", "-", stdin="capability: tools\ncases: []\n")
    assert done.code == 2 and "by its name" in done.err, done


def test_what_the_simulator_can_do_can_be_had_as_json(proviso):
    told = json.loads(proviso("sim", "--list", "--format", "json").out)
    ids = {one["id"] for one in told["defects"]}
    assert "TS-01" in ids and all(one["does"] for one in told["defects"] + told["faults"])
    listed = proviso("sim", "--list").out
    for one in told["defects"] + told["faults"]:
        assert f"  {one['id']} " in listed
    for profile in told["profiles"]:
        assert set(profile["breaks"].split()) and f"  {profile['name']} " in listed


def test_a_report_takes_a_file_or_the_folder_of_a_run_by_itself(proviso):
    run = ROOT / "tests/golden/run"
    for_run = proviso("report", "csv", "--run", run).out
    assert for_run.startswith("run_id,") and proviso("report", "csv", run).out == for_run
    assert proviso("report", "csv", run / "matrix.json").out == proviso("report", "csv", "--matrix", run / "matrix.json").out
    assert proviso("report", "csv", run, "--run", run).code == 2
    assert proviso("report", run).code == 2


def test_every_key_of_a_config_is_told_by_the_program(proviso):
    told = {one["key"]: one for one in json.loads(proviso("validate", "--keys", "--format", "json").out)}
    assert told["policy.mode"]["takes"] == "enforce | warn | shadow"
    assert told["providers"]["required"] and told["providers"]["takes"] is None
    assert {"routes.NAME.targets", "providers.NAME.models.NAME.price", "budgets[].scope.team", "proxy.timeouts.idle"} <= set(told)
    shown = proviso("validate", "--keys").out
    for key, one in told.items():
        assert f"\n{key}" in "\n" + shown and f"    {one['about']}\n" in shown
    # What is told is what is read: a key of each kind is taken, and one beside them is not.
    (proviso.cwd / "some.yaml").write_text("version: 1\nproviders: {}\npolicy: {mode: warn}\nbudgets: [{scope: {team: a}, limit_usd: \"1\", per: day}]\n")
    assert proviso("validate", "some.yaml").code == 0
