"""Faults that are in an answer and not on the wire: calls in a broken shape, ends that are none, parameters that are
overlooked. One check finds them; then the proxy gives such a provider no such request, streamed or not, and all others.

Where a repair makes the shape right, a route that allows it serves, and what reaches the client is right."""
import json
import subprocess

import pytest

from conftest import PLAIN, RUN_LIMIT_S, Sim, cells, environment
from proxy_rig import KEYS, MODEL, PRICES, Proxy, key_of

TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}
CALL = {"tools": [TOOL], "tool_choice": "required"}
SCHEMA = {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {
    "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}}}}

# Fault: what is asked, and per way (plain, streamed) the case that keeps it away; None: it serves.
SHAPES = {
    "none": (CALL, None, None),
    "TS-01": (CALL, None, "TS-01"),
    "TS-02": ({**CALL, "tool_choice": "auto"}, None, "TS-02"),
    "TS-03": (CALL, None, "TS-03"),
    "tool-whole": (CALL, None, None),
    "tool-one-character": (CALL, None, None),
    "tool-empty-arguments": (CALL, "TC-04", "TC-04"),
    "tool-braces-prefix": (CALL, None, "TS-04"),
    "tool-changing-ids": (CALL, None, "TS-03"),
    "tool-as-text": (CALL, "TC-01", "TC-01"),
    "finish-stop-with-calls": (CALL, "TC-20", "TC-20"),
    "finish-cut-as-stop": ({"max_tokens": 5}, "PA-01", "PA-01"),
    "ignore-schema": (SCHEMA, "JS-01", "JS-01"),
    "ignore-parallel": ({"tools": [TOOL], "parallel_tool_calls": False}, "TC-14", "TC-14"),
    "ignore-seed": ({"seed": 7}, "PA-09", "PA-09"),
    "torn-utf8": ({}, None, "ST-07"),
}
REPAIRS = {"TS-01": "TS-01", "TS-02": "TS-02", "finish-stop-with-calls": "TC-20"}


def name_of(fault):
    return fault.lower()


pytestmark = pytest.mark.xdist_group("shapes")  # one proxy for all, which takes longer than they do


@pytest.fixture(scope="module")
def proxy(tmp_path_factory):
    """All of them behind one proxy, each asked the cases once."""
    folder = tmp_path_factory.mktemp("shapes")
    sims = {fault: Sim("--models", "m", "--api-key", key_of("a"), *([] if fault == "none" else ["--break", fault]), program=PLAIN)
            for fault in SHAPES}
    providers = {name_of(fault): {"base_url": sim.url, "api_key": "env:KEY_A", "models": {"m": {**MODEL, "price": PRICES["a"]}}}
                 for fault, sim in sims.items()}
    config = {"version": 1, "providers": providers, "policy": {"unproven": "allow"}, "ledger": {"path": "proxy.db"},
              "proxy": {"breaker": {"min_requests": 1000}},
              "routes": {f"mended-{name_of(fault)}": {"targets": [f"{name_of(fault)}/m"], "repairs": [repair]}
                         for fault, repair in REPAIRS.items()}}
    (folder / "proviso.yaml").write_text(json.dumps(config))
    asked = ["TC-*", "TS-*", "JS-01", "JS-14", "PA-01", "PA-09", "PA-12", "ST-07"]
    done = subprocess.run([PLAIN, "check", "--profile", "smoke", *(part for case in asked for part in ("--case", case))],
                          cwd=folder, env=environment(**KEYS), capture_output=True, text=True, timeout=RUN_LIMIT_S)
    assert done.returncode == 1, done.stdout + done.stderr
    proxy = Proxy(folder, config, folder / "proviso-matrix.json")
    yield proxy
    proxy.stop()
    for sim in sims.values():
        sim.stop()


def joined(answer, streamed):
    """The calls of the answer, and its finish reason, as a client puts them together."""
    if not streamed:
        choice = answer.json["choices"][0]
        return [(call["function"]["name"], call["function"]["arguments"], bool(call["id"]))
                for call in choice["message"].get("tool_calls") or []], choice["finish_reason"]
    calls, finish = {}, None
    for event in answer.events[:-1]:
        for choice in json.loads(event)["choices"]:
            finish = choice["finish_reason"] or finish
            for part in choice["delta"].get("tool_calls") or []:
                call = calls.setdefault(part["index"], {"id": "", "name": "", "arguments": ""})
                call["id"] = call["id"] or part.get("id") or ""
                call["name"] += part.get("function", {}).get("name") or ""
                call["arguments"] += part.get("function", {}).get("arguments") or ""
    return [(call["name"], call["arguments"], bool(call["id"])) for call in calls.values()], finish


def assert_right(answer, streamed, tools):
    assert answer.status == 200, answer
    calls, finish = joined(answer, streamed)
    assert not tools or calls and finish == "tool_calls", answer
    for name, arguments, has_id in calls:
        assert name == "get_weather" and isinstance(json.loads(arguments)["city"], str) and has_id, answer


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("fault", SHAPES)
def test_what_is_broken_is_not_asked_for_and_what_is_served_is_right(proxy, fault, streamed):
    fields, *bad = SHAPES[fault]
    answer = proxy.chat("weather in Paris?", **fields, model=f"{name_of(fault)}/m", stream=streamed)
    if bad[streamed] is None:
        assert_right(answer, streamed, fields is CALL)
        return
    assert answer.status == 503 and answer.error["code"] == "no_proven_target", answer
    assert bad[streamed] in {one["case"] for one in answer.error["excluded"]}, answer
    # Whatever has nothing to do with it goes on.
    assert proxy.chat("hello", model=f"{name_of(fault)}/m").status == 200


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("fault", REPAIRS)
def test_mended_it_serves_and_what_arrives_is_right(proxy, fault, streamed):
    answer = proxy.chat("weather in Paris?", **CALL, model=f"mended-{name_of(fault)}", stream=streamed)
    assert_right(answer, streamed, True)


@pytest.mark.parametrize("fault, case", [("ignore-schema", "PA-12"), ("ignore-parallel", "TC-14"), ("ignore-seed", "PA-09")])
def test_a_parameter_that_is_overlooked_is_called_ignored(proxy, fault, case):
    known = cells(proxy.matrix_path)
    assert known[f"{name_of(fault)}/m", case, "sync"]["verdict"] == "ignored"
    assert known["none/m", case, "sync"]["verdict"] == "pass"
