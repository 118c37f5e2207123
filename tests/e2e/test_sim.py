"""The simulator as a program: what a client on a socket gets from it, unbroken and broken."""
import base64
import http.client
import json
import struct

import pytest

from conftest import RUN_LIMIT_S, cells

HELLO = [{"role": "user", "content": "Hello there."}]
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}


def ask(server, path="/v1/chat/completions", key="sim-key", method="POST", **body):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=RUN_LIMIT_S)
    connection.request(method, path, json.dumps(body) if body else None,
                       {"Authorization": f"Bearer {key}"} if key else {})
    response = connection.getresponse()
    return response, response.read().decode()


def chat(server, **body):
    return ask(server, **{"model": "sim-small", "messages": HELLO, **body})


def events(text):
    """The data of each event; every event is `data: ...` and a blank line, the last one [DONE]."""
    parts = text.split("\n\n")
    assert parts[-1] == "" and all(part.startswith("data: ") for part in parts[:-1]), text
    assert parts[-2] == "data: [DONE]"
    return [json.loads(part[6:]) for part in parts[:-2]]


def test_the_first_line_is_the_base_url(sim):
    server = sim()
    assert server.url == f"http://127.0.0.1:{server.port}/v1"
    response, body = ask(server, "/v1/models", method="GET")
    assert [model["id"] for model in json.loads(body)["data"]] == ["sim-small", "sim-large"]


def test_names_key_and_context_are_as_told(sim):
    server = sim("--models", "one,two", "--api-key", "another-key", "--context", "300")
    response, body = ask(server, "/v1/models", key="another-key", method="GET")
    assert [(model["id"], model["context_length"]) for model in json.loads(body)["data"]] == [("one", 300), ("two", 300)]
    assert ask(server, "/v1/models", method="GET")[0].status == 401
    assert ask(server, key="another-key", model="sim-small", messages=HELLO)[0].status == 404
    response, body = ask(server, key="another-key", model="one", messages=[{"role": "user", "content": "word " * 400}])
    assert (response.status, json.loads(body)["error"]["code"]) == (400, "context_length_exceeded")


def test_a_plain_and_a_streamed_reply_say_the_same(sim):
    server = sim()
    response, body = chat(server)
    plain = json.loads(body)
    assert response.status == 200 and response.headers["content-type"] == "application/json"
    response, text = chat(server, stream=True, stream_options={"include_usage": True})
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    chunks = events(text)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks[:-1]) == \
        plain["choices"][0]["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert chunks[-1]["choices"] == [] and chunks[-1]["usage"] == plain["usage"]
    assert all(c["usage"] is None for c in chunks[:-1])


def test_the_same_seed_gives_the_same_reply_in_another_process(sim):
    one, two, other = sim("--seed", 5), sim("--seed", 5), sim("--seed", 6)

    def content(server):
        return json.loads(chat(server)[1])["choices"][0]["message"]["content"]

    assert content(one) == content(two) == content(one)
    assert content(one) != content(other)


def test_a_streamed_tool_call_joins_to_its_arguments(sim):
    _, text = chat(sim(), stream=True, tools=[TOOL], tool_choice="required")
    calls = [c["choices"][0]["delta"]["tool_calls"][0] for c in events(text) if "tool_calls" in c["choices"][0]["delta"]]
    assert calls[0]["function"]["name"] == "get_weather" and calls[0]["id"].startswith("call_")
    assert len(calls) > 2 and all(call["index"] == 0 for call in calls)
    assert list(json.loads("".join(call["function"]["arguments"] for call in calls))) == ["city"]


def test_embeddings_are_the_same_in_both_encodings(sim):
    server = sim()
    asked = {"path": "/v1/embeddings", "model": "sim-small", "input": ["a cat", "a dog"], "dimensions": 16}
    plain = json.loads(ask(server, **asked)[1])["data"]
    coded = json.loads(ask(server, **asked, encoding_format="base64")[1])["data"]
    for a, b in zip(plain, coded):
        unpacked = struct.unpack("<16f", base64.b64decode(b["embedding"]))
        assert a["embedding"] == pytest.approx(unpacked, abs=1e-6)


@pytest.mark.parametrize("name, error", [("cut-mid-content", http.client.IncompleteRead), ("cut-mid-body", http.client.IncompleteRead),
                                         ("close-at-once", (http.client.RemoteDisconnected, ConnectionResetError))])
def test_a_cut_is_seen_as_a_cut(sim, name, error):
    server = sim("--break", name)
    with pytest.raises(error):
        chat(server, stream=name == "cut-mid-content")


def test_a_client_that_leaves_a_stalled_stream_does_no_harm(sim):
    server = sim("--break", "stall-mid:1")
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=RUN_LIMIT_S)
    connection.request("POST", "/v1/chat/completions", json.dumps({"model": "sim-small", "messages": HELLO, "stream": True}),
                       {"Authorization": "Bearer sim-key"})
    response = connection.getresponse()
    assert response.readline().startswith(b"data: ")
    connection.close()
    assert chat(server)[0].status == 200


def test_an_unknown_defect_is_wrong_usage(proviso):
    done = proviso("sim", "--break", "TS-001")
    assert done.code == 2 and "TS-01" in done.err and not done.out


@pytest.mark.parametrize("defect, case, variant", [
    ("CH-06", "CH-06", "sync"), ("ER-04", "ER-04", "sync"), ("ER-07", "ER-07", "sync"), ("HT-02", "HT-02", "stream"),
    ("JS-02", "JS-02", "sync"), ("PA-12", "PA-12", "sync"), ("ST-02", "ST-02", "stream"), ("SU-01", "SU-01", "stream"),
    ("TC-10", "TC-10", "stream"), ("TR-04", "TR-04", "sync"), ("TS-02", "TS-02", "stream"), ("US-02", "US-02", "sync")])
def test_a_defect_is_found_by_its_case_over_the_wire(proviso, sim, tmp_path, defect, case, variant):
    server = sim("--break", defect)
    proviso("check", "--base-url", server.url, "--model", "sim-small", "--api-key-env", "SIM_API_KEY", "--matrix", "m.json",
            "--trials", "3", env={"SIM_API_KEY": "sim-key"})
    bad = {key[1:] for key, cell in cells(tmp_path / "m.json").items() if cell["verdict"] not in ("pass", "inconclusive")}
    assert (case, variant) in bad
    assert {name for name, _ in bad} <= {case}


def test_ten_tokens_counted_for_one_are_more_than_the_text_can_have(proviso, sim, tmp_path):
    proviso("check", "--base-url", sim("--break", "usage-output-tenfold").url, "--model", "sim-small", "--api-key-env", "SIM_API_KEY",
            "--matrix", "m.json", "--profile", "smoke", "--case", "US-*", "--case", "SU-*", env={"SIM_API_KEY": "sim-key"})
    assert {key[1:] for key, cell in cells(tmp_path / "m.json").items() if cell["verdict"] == "fail"} == {
        ("US-06", "sync"), ("SU-04", "stream")}
