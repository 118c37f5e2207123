"""Repairs: each one is judged beside the raw verdict, counts for a route that allows it, and does in the
proxy what the runner judged."""
import json
import re

import pytest

from conftest import cells, journal, once
from proxy_rig import Proxy, config_of, key_of, make_matrix

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
NOTHING = {"type": "function", "function": {"name": "get_time"}}
NAMED = {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}
# The defect, and a cell that fails by it.
REPAIRS = [("TS-01", "TS-01~stream"), ("TS-02", "TS-02~stream"), ("TC-03", "TC-03"), ("TC-08", "TC-08"),
           ("TC-20", "TC-20"), ("SU-01", "SU-01~stream"), ("PA-01", "PA-01"), ("PA-02", "PA-02"), ("TR-03", "TR-03")]


def cell_of(path, label):
    case, _, variant = label.partition("~")
    return next(cell for (_, *key), cell in cells(path).items() if key == [case, variant or "sync"])


def check(proviso, url, *arguments):
    return proviso("check", "--base-url", url, "--model", "sim-small", "--api-key-env", "LAB_KEY", *arguments,
                   env={"LAB_KEY": "sim-key"})


@pytest.mark.parametrize("defect, label", REPAIRS)
def test_each_repair_passes_the_case_it_is_named_after(proviso, sim, tmp_path, defect, label):
    url = sim("--break", defect).url
    done = check(proviso, url, "--case", defect + "*", "--csv", "cells.csv")
    assert done.code == 1, done
    cell = cell_of(tmp_path / "proviso-matrix.json", label)
    assert cell["verdict"] != "pass"
    assert cell["repaired"]["verdict"] == "pass", cell
    assert defect in cell["repaired"]["repairs"].split()
    assert f"{defect} would mend" in done.out and "it would pass" in done.out, done
    # What the id stands for is said once, in words.
    assert len([line for line in done.out.splitlines() if re.match(rf"  {defect} [a-z]+s ", line)]) == 1, done
    rows = (tmp_path / "cells.csv").read_text().splitlines()
    assert ",evidence,repaired_verdict,repairs,kind," in rows[0]
    assert any(f",pass,{defect},," in row for row in rows[1:])
    # Judged again from the evidence: the same matrix, repaired verdicts and all.
    run = next((tmp_path / "proviso-runs").iterdir())
    again = proviso("check", "--replay", run, "--matrix", "again.json")
    assert again.code == 1, again
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "proviso-matrix.json").read_bytes()


def test_what_passes_and_what_no_repair_mends_has_no_repaired_verdict(proviso, sim, tmp_path):
    done = check(proviso, sim("--break", "TC-05").url, "--profile", "ci")
    assert done.code == 1 and "repair" not in done.out
    assert all("repaired" not in cell for cell in cells(tmp_path / "proviso-matrix.json").values())
    run = next((tmp_path / "proviso-runs").iterdir())
    assert all("repairs" not in line and "mended" not in line for line in journal(run)[1:])


def test_a_mended_request_is_asked_only_where_the_refusal_names_it(proviso, sim, tmp_path):
    """A provider that refuses everything is not asked everything twice."""
    done = check(proviso, sim("--break", "TR-03").url, "--profile", "onboard", "--capability", "tool_history")
    assert done.code == 1, done
    lines = journal(next((tmp_path / "proviso-runs").iterdir()))[1:]
    mended = {line["case"] for line in lines if "mended" in line}
    assert "TR-03" in mended
    for line in lines:
        if "mended" in line:
            assert line["mended"] == "TR-03" and line["outcome"] == "ok", line
    asked = {line["case"] for line in lines}
    assert asked > mended


# --- the proxy ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """a and b deviate in form, c is good."""
    folder = once(tmp_path_factory, "repairs", lambda folder: make_matrix(folder, a="TS-01", b="PA-01"))
    return folder / "proviso-matrix.json"


def route(urls, repairs):
    config = config_of(urls)
    config["routes"]["coder"]["repairs"] = repairs
    return config


def explain(proxy, **body):
    answer = proxy.send("POST", "/v1/proviso/explain",
                        {"model": "coder", "messages": [{"role": "user", "content": "weather in Paris?"}], **body})
    return answer.json


def fragments(answer):
    return [fragment for event in answer.events if event != "[DONE]" for choice in json.loads(event)["choices"]
            for fragment in choice["delta"].get("tool_calls", [])]


def serve(tmp_path, broken, sim, repairs):
    urls = {"a": sim("--models", "m", "--api-key", key_of("a"), "--break", "TS-01").url,
            "b": sim("--models", "m", "--api-key", key_of("b"), "--break", "PA-01").url,
            "c": sim("--models", "m", "--api-key", key_of("c")).url}
    return Proxy(tmp_path, route(urls, repairs), broken)


def test_without_repairs_the_target_gets_no_such_request(tmp_path, broken, sim):
    proxy = serve(tmp_path, broken, sim, [])
    try:
        answer = proxy.stream("weather in Paris?", **NAMED)
        assert answer.headers["x-proviso-target"] == "b/m", answer
        assert "x-proviso-repairs" not in answer.headers
        assert proxy.stream().headers["x-proviso-target"] == "a/m"
    finally:
        proxy.stop()


def test_with_repairs_it_serves_and_what_it_sends_is_mended(tmp_path, broken, sim):
    proxy = serve(tmp_path, broken, sim, ["TS-01"])
    try:
        said = explain(proxy, stream=True, **NAMED)
        assert said["candidates"][0]["target"] == "a/m" and said["candidates"][0]["repairs"] == ["TS-01"]
        assert "TS-01~stream repaired" in said["candidates"][0]["cells"]
        answer = proxy.stream("weather in Paris?", **NAMED)
        assert answer.headers["x-proviso-target"] == "a/m", answer
        assert answer.headers["x-proviso-repairs"] == "TS-01"
        assert len(fragments(answer)) > 1 and all(f["index"] == 0 for f in fragments(answer)), answer
        assert answer.events[-1] == "[DONE]"
        # What needs no repair passes as it came.
        plain = proxy.stream()
        assert plain.headers["x-proviso-target"] == "a/m" and "x-proviso-repairs" not in plain.headers
    finally:
        proxy.stop()


def test_a_request_is_respelled_for_the_target_that_needs_it_alone(tmp_path, broken, sim):
    proxy = serve(tmp_path, broken, sim, ["PA-01"])
    try:
        body = {"model": "coder", "messages": [{"role": "user", "content": "count"}], "max_tokens": 5,
                "provider": {"only": ["b"]}}
        answer = proxy.send("POST", "/v1/chat/completions", body)
        assert answer.headers["x-proviso-target"] == "b/m", answer
        assert answer.headers["x-proviso-repairs"] == "PA-01"
        assert answer.json["usage"]["completion_tokens"] <= 5
        assert answer.json["choices"][0]["finish_reason"] == "length"
        body["provider"] = {"only": ["c"]}
        answer = proxy.send("POST", "/v1/chat/completions", body)
        assert answer.headers["x-proviso-target"] == "c/m" and "x-proviso-repairs" not in answer.headers
    finally:
        proxy.stop()


def test_an_unknown_repair_is_a_mistake_with_its_place(proviso, tmp_path):
    (tmp_path / "proviso.yaml").write_text(
        "version: 1\nproviders: {a: {base_url: http://127.0.0.1:1/v1, models: {m: {}}}}\n"
        "routes: {coder: {targets: [a/m], repairs: [TS-01, TS-10]}}\n")
    done = proviso("validate")
    assert done.code == 2 and "3:51" in done.err and "TS-01" in done.err, done
