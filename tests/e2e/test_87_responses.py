"""/v1/responses where only chat is proven: translated, and what comes back breaks no rule of responses."""
import json
import subprocess

import pytest

from conftest import PROVISO, chat, reply
from proxy_rig import DONE, chunk, cut_sse, key_of, sse, usage_chunk

TOOL = {"type": "function", "name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def ask(proxy, **fields):
    return proxy.send("POST", "/v1/responses", {"model": "coder", "input": "hello", **fields})


@pytest.fixture
def chat_only(matrix, tmp_path):
    """The good matrix, but nobody serves responses."""
    known = json.loads(matrix.read_text())
    for cell in known["cells"]:
        if cell["capability"] == "responses":
            cell["verdict"] = "unsupported"
    path = tmp_path / "chat-only.json"
    path.write_text(json.dumps(known))
    return path


@pytest.fixture
def proxy(start, sim, chat_only):
    return start({"a": sim("--models", "m", "--api-key", key_of("a")).url}, proven=chat_only)


def inspect(body, tmp_path):
    (tmp_path / "body").write_bytes(body)
    done = subprocess.run([PROVISO, "inspect", tmp_path / "body"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_response_comes_from_a_chat(proxy, tmp_path):
    answer = ask(proxy, instructions="Be brief.")
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "a/m", answer
    said = answer.json
    assert (said["object"], said["status"]) == ("response", "completed")
    assert said["output"][0]["content"][0]["text"] and said["usage"]["output_tokens"] > 0
    read = inspect(answer.body, tmp_path)
    assert read["complete"] and read["violations"] == [], read["violations"]


@pytest.mark.parametrize("fields", [{}, {"tools": [TOOL], "tool_choice": "required", "input": "weather in Paris?"},
                                    {"max_output_tokens": 16}, {"reasoning": {"effort": "low"}}])
def test_a_stream_keeps_every_rule_of_responses(proxy, tmp_path, fields):
    answer = ask(proxy, stream=True, **fields)
    assert answer.status == 200, answer
    read = inspect(answer.body, tmp_path)
    assert read["violations"] == [], read["violations"]
    assert read["complete"] and read["usage"]["output"] > 0
    types = [json.loads(event)["type"] for event in
             (line[6:] for line in answer.body.decode().splitlines() if line.startswith("data: "))]
    assert types[:2] == ["response.created", "response.in_progress"]
    assert types[-1] == ("response.incomplete" if "max_output_tokens" in fields else "response.completed")
    if "tools" in fields:
        call = read["choices"][0]["tool_calls"][0]
        assert call["name"] == "get_weather" and json.loads(call["arguments"]) == {"city": "Paris"}


def test_a_call_and_its_output_reach_the_provider_as_a_chat(start, scripted, chat_only):
    up = scripted(lambda head, body, number: reply(json.dumps(chat())))
    proxy = start({"a": up.url}, proven=chat_only)
    answer = ask(proxy, instructions="rules", tools=[TOOL], input=[
        {"role": "user", "content": [{"type": "input_text", "text": "weather?"}]},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look"}]},
        {"type": "function_call", "call_id": "c1", "name": "get_weather", "arguments": '{"city":"Paris"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"}],
        text={"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": True}})
    assert answer.status == 200, answer
    sent = json.loads(up.requests[0][1])
    assert [m["role"] for m in sent["messages"]] == ["system", "user", "assistant", "tool"]
    assert sent["messages"][2]["content"] == "I look" and sent["messages"][2]["tool_calls"][0]["id"] == "c1"
    assert sent["messages"][3] == {"role": "tool", "tool_call_id": "c1", "content": "sunny"}
    assert sent["tools"][0]["function"]["name"] == "get_weather"
    assert sent["response_format"]["json_schema"] == {"name": "n", "schema": {"type": "object"}, "strict": True}


def test_a_stream_that_breaks_fails_as_responses_do(start, scripted, chat_only):
    proxy = start({"a": scripted(lambda head, body, number: cut_sse(
        chunk({"role": "assistant", "content": ""}), chunk({"content": "half"}))).url}, proven=chat_only)
    answer = ask(proxy, stream=True)
    assert b"response.completed" not in answer.body
    assert b'"type":"error"' in answer.body or b"response.failed" in answer.body, answer


def test_two_calls_are_two_items(start, scripted, chat_only, tmp_path):
    def call(index, arguments, **more):
        return chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments, **more.pop("f", {})}, **more}]})

    stream = sse(chunk({"role": "assistant", "content": None}), call(0, "", id="c0", type="function", f={"name": "f"}),
                 call(1, "", id="c1", type="function", f={"name": "g"}), call(0, '{"a":'), call(1, '{"b":'), call(0, "1}"),
                 call(1, "2}"), chunk(finish="tool_calls"), usage_chunk(), DONE)
    proxy = start({"a": scripted(lambda head, body, number: stream).url}, proven=chat_only)
    read = inspect(ask(proxy, stream=True).body, tmp_path)
    assert read["violations"] == [], read["violations"]
    assert [(c["id"], c["name"], c["arguments"]) for c in read["choices"][0]["tool_calls"]] == [
        ("c0", "f", '{"a":1}'), ("c1", "g", '{"b":2}')]


def test_state_that_only_a_server_of_responses_keeps_is_not_made_up(proxy):
    answer = ask(proxy, previous_response_id="resp_1")
    assert answer.status == 503 and answer.error["code"] == "no_proven_target", answer


def test_who_serves_responses_itself_is_asked_as_it_is(start, scripted):
    up = scripted(lambda head, body, number: reply(json.dumps({"object": "response", "id": "r", "status": "completed",
                                                               "model": "m", "output": [], "usage": None})))
    proxy = start({"a": up.url})
    ask(proxy)
    assert up.requests[0][0].split()[1].endswith(b"/responses")
