"""/v1/messages: Anthropic's clients served by targets that speak OpenAI's format."""
import json
import socket
import threading

import pytest

from conftest import RUN_LIMIT_S, chat, reply
from proxy_rig import DONE, SSE_HEAD, chunk, cut_sse, key_of, sse, usage_chunk

TOOL = {"name": "get_weather", "description": "d", "input_schema": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}


def ask(proxy, headers=None, **fields):
    body = {"model": "coder", "max_tokens": 100, "messages": [{"role": "user", "content": "hello"}], **fields}
    return proxy.send("POST", "/v1/messages", body, headers)


def events(answer):
    out = []
    for block in answer.body.decode().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines())
        if lines:
            out.append((lines["event"], json.loads(lines["data"])))
            assert lines["event"] == out[-1][1]["type"]
    return out


@pytest.fixture
def good(sim):
    return sim("--models", "m", "--api-key", key_of("a")).url


def test_a_message_is_answered_as_one(start, good):
    proxy = start({"a": good})
    answer = ask(proxy)
    assert answer.status == 200, answer
    said = answer.json
    assert (said["type"], said["role"], said["stop_reason"]) == ("message", "assistant", "end_turn")
    assert said["content"][0]["type"] == "text" and said["content"][0]["text"]
    assert said["usage"]["input_tokens"] > 0 and said["usage"]["output_tokens"] > 0
    assert answer.headers["x-proviso-target"] == "a/m"
    assert answer.headers["content-type"] == "application/json"


def test_what_is_asked_reaches_the_provider_in_its_format(start, scripted):
    up = scripted(lambda head, body, number: reply(json.dumps(chat())))
    proxy = start({"a": up.url}, policy={"mode": "warn"})
    answer = ask(
        proxy, system=[{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        messages=[{"role": "user", "content": [
            {"type": "text", "text": "look"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "text", "text": "I look"},
                {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}]},
            {"role": "user", "content": [
                {"type": "text", "text": "and now?"},
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": [{"type": "text", "text": "sunny"}]}]}],
        tools=[TOOL], tool_choice={"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True},
        stop_sequences=["END"], temperature=0.5, metadata={"user_id": "u1"})
    assert answer.status == 200, answer
    sent = json.loads(up.requests[0][1])
    assert sent["model"] == "m" and sent["max_tokens"] == 100 and sent["stop"] == ["END"]
    assert sent["messages"][0] == {"role": "system", "content": "be brief"}
    assert sent["messages"][1]["content"][1] == {
        "type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
    assert sent["messages"][2]["content"] == "I look"
    assert sent["messages"][2]["tool_calls"] == [{"id": "toolu_1", "type": "function", "function": {
        "name": "get_weather", "arguments": '{"city":"Paris"}'}}]
    assert sent["messages"][3] == {"role": "tool", "tool_call_id": "toolu_1", "content": "sunny"}
    assert sent["messages"][4] == {"role": "user", "content": "and now?"}
    assert sent["tools"][0]["function"]["parameters"] == TOOL["input_schema"]
    assert sent["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}
    assert sent["parallel_tool_calls"] is False and sent["temperature"] == 0.5 and sent["user"] == "u1"


def test_a_stream_is_blocks_in_order(start, good):
    proxy = start({"a": good})
    answer = ask(proxy, stream=True, tools=[TOOL], tool_choice={"type": "any"},
                 messages=[{"role": "user", "content": "weather in Paris?"}])
    assert answer.status == 200 and answer.headers["content-type"].startswith("text/event-stream"), answer
    seen = events(answer)
    assert [name for name, _ in seen][0] == "message_start"
    assert [name for name, _ in seen][-2:] == ["message_delta", "message_stop"]
    start_of = next(data for name, data in seen if name == "content_block_start")
    assert start_of["content_block"]["type"] == "tool_use" and start_of["content_block"]["name"] == "get_weather"
    parts = "".join(d["delta"]["partial_json"] for n, d in seen if n == "content_block_delta")
    assert json.loads(parts) == {"city": "Paris"}
    last = seen[-2][1]
    assert last["delta"]["stop_reason"] == "tool_use" and last["usage"]["output_tokens"] > 0


def test_calls_that_come_interleaved_are_whole_blocks(start, scripted):
    def call(index, arguments, **more):
        return chunk({"tool_calls": [{"index": index, "function": {"arguments": arguments, **more.pop("f", {})}, **more}]})

    stream = sse(chunk({"role": "assistant", "content": None}),
                 call(0, "", id="c0", type="function", f={"name": "f"}), call(1, "", id="c1", type="function", f={"name": "g"}),
                 call(0, '{"a":'), call(1, '{"b":'), call(0, "1}"), call(1, "2}"), chunk(finish="tool_calls"),
                 usage_chunk(), DONE)
    proxy = start({"a": scripted(lambda head, body, number: stream).url}, policy={"mode": "warn"})
    seen = events(ask(proxy, stream=True))
    open_block, whole = None, {}
    for name, data in seen:
        if name == "content_block_start":
            assert open_block is None, seen
            open_block = data["index"]
            whole[open_block] = [data["content_block"]["name"], ""]
        elif name == "content_block_delta":
            assert data["index"] == open_block
            whole[open_block][1] += data["delta"]["partial_json"]
        elif name == "content_block_stop":
            assert data["index"] == open_block
            open_block = None
    assert whole == {0: ["f", '{"a":1}'], 1: ["g", '{"b":2}']}


def test_a_client_that_waits_hears_pings(start, scripted):
    """Lines that say nothing are cut on the way; a provider that pauses would lose every answer."""
    heard = threading.Event()

    def pauses(connection):
        first = chunk({"role": "assistant", "content": ""}) + chunk({"content": "a"})
        rest = chunk({"content": "b"}) + chunk(finish="stop") + usage_chunk() + DONE
        connection.sendall(SSE_HEAD + b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n" % (len(first), first))
        heard.wait(RUN_LIMIT_S)
        connection.sendall(b"%x\r\n%b\r\n0\r\n\r\n" % (len(rest), rest))

    proxy = start({"a": scripted(lambda head, body, number: pauses).url}, policy={"mode": "warn"}, proxy={"timeouts": {"idle": "6s"}})
    for path, pings in (("/v1/chat/completions", False), ("/v1/messages", True)):
        body = json.dumps({"model": "coder", "stream": True, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}).encode()
        came = b""
        heard.clear()
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=RUN_LIMIT_S) as connection:
            connection.sendall(b"POST %b HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % (path.encode(), len(body)) + body)
            while piece := connection.recv(65536):
                came += piece
                if b"event: ping" in came or (not pings and b'"a"' in came):
                    heard.set()
        assert came.count(b'event: ping\ndata: {"type":"ping"}\n\n') == pings, came
        assert (b"event: message_stop" if pings else b"[DONE]") in came


def test_a_stream_that_breaks_ends_with_an_error_and_no_stop(start, scripted):
    proxy = start({"a": scripted(lambda head, body, number: cut_sse(
        chunk({"role": "assistant", "content": ""}), chunk({"content": "half"}))).url}, policy={"mode": "warn"})
    seen = events(ask(proxy, stream=True))
    assert seen[-1][0] == "error" and seen[-1][1]["error"]["type"] == "api_error", seen
    assert "message_stop" not in [name for name, _ in seen]


@pytest.mark.parametrize("fields, status, kind, words", [
    ({"model": "nothing"}, 404, "not_found_error", "nothing"),
    ({"max_tokens": None}, 400, "invalid_request_error", "max_tokens"),
    ({"messages": "hello"}, 400, "invalid_request_error", "messages"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, 400, "invalid_request_error", "web_search"),
])
def test_mistakes_are_told_in_the_clients_words(start, good, fields, status, kind, words):
    answer = ask(start({"a": good}), **fields)
    assert answer.status == status, answer
    assert answer.json["type"] == "error" and answer.error["type"] == kind and words in answer.error["message"]


def test_a_providers_refusal_keeps_its_words(start, scripted):
    said = json.dumps({"error": {"message": "no such thing", "type": "invalid_request_error", "param": None, "code": None}})
    proxy = start({"a": scripted(lambda head, body, number: reply(said, status="400 Bad Request")).url},
                  policy={"mode": "warn"})
    answer = ask(proxy)
    assert answer.status == 400 and answer.error["type"] == "invalid_request_error", answer
    assert "no such thing" in answer.error["message"]


def test_beta_headers_travel_to_who_understands_them(start, scripted):
    """Or a coding agent's long context and its interleaved thoughts are off, and nobody says so."""
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": "end_turn",
               "usage": {"input_tokens": 1, "output_tokens": 1}}
    up = scripted(lambda head, body, number: reply(json.dumps(message)))
    provider = {"dialect": "anthropic", "base_url": up.url, "api_key": "env:KEY_A", "models": {"m": {}}}
    proxy = start({"a": up.url}, providers={"a": provider}, policy={"mode": "warn"})
    assert ask(proxy, {"anthropic-beta": "context-1m,interleaved-thinking"}).status == 200
    head = up.requests[-1][0].decode().lower()
    assert "anthropic-beta: context-1m,interleaved-thinking" in head and "anthropic-version: 2023-06-01" in head


def test_only_what_is_proven_for_the_shape_serves_it(start, good, matrix, tmp_path):
    """A message with tools is routed as a chat request with tools is."""
    known = json.loads(matrix.read_text())
    for cell in known["cells"]:
        if cell["case"] == "TC-09" and cell["target"] == "a/m":
            cell["verdict"] = "fail"
    flipped = tmp_path / "flipped.json"
    flipped.write_text(json.dumps(known))
    proxy = start({"a": good}, proven=flipped)
    answer = ask(proxy, tools=[TOOL], tool_choice={"type": "any"})
    assert answer.status == 503 and answer.json["type"] == "error", answer
    assert answer.error["excluded"][0]["case"] == "TC-09"
    assert ask(proxy).status == 200


def test_tokens_are_counted_without_asking_anybody(start, good):
    proxy = start({"a": good})
    answer = proxy.send("POST", "/v1/messages/count_tokens",
                        {"model": "coder", "messages": [{"role": "user", "content": "hello " * 100}]})
    assert answer.status == 200 and 100 < answer.json["input_tokens"] < 400
    assert proxy.send("POST", "/v1/messages/count_tokens", b"[]").status == 400
    assert proxy.send("GET", "/v1/messages/count_tokens").status == 405


def test_the_key_may_come_as_x_api_key(start, good):
    proxy = start({"a": good})
    assert ask(proxy, headers={"x-api-key": "whatever", "anthropic-version": "2023-06-01"}).status == 200


def test_what_has_no_place_on_the_way_is_told(start, good):
    """Both ways of a translation: what chat requests have no name for, and what the provider's format has none for."""
    proxy = start({"a": good})
    answer = ask(proxy, top_k=5, system=[{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}])
    assert answer.status == 200 and answer.headers["x-proviso-dropped"] == "top_k, system.cache_control", answer
    assert "x-proviso-dropped" not in ask(proxy).headers


def test_a_target_of_the_clients_format_loses_nothing(start, scripted):
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": "end_turn",
               "usage": {"input_tokens": 1, "output_tokens": 1}}
    up = scripted(lambda head, body, number: reply(json.dumps(message)))
    provider = {"dialect": "anthropic", "base_url": up.url, "api_key": "env:KEY_A", "models": {"m": {}}}
    proxy = start({"a": up.url}, providers={"a": provider}, policy={"mode": "warn"})
    answer = ask(proxy, top_k=5)
    assert answer.status == 200 and "x-proviso-dropped" not in answer.headers, answer
    assert json.loads(up.requests[-1][1])["top_k"] == 5
    ask(proxy, stream=True)
    # Usage comes anyway there, and a wish of OpenAI's would be refused.
    assert "stream_options" not in json.loads(up.requests[-1][1])


def test_a_signature_of_geminis_calls_comes_back_to_it_and_reaches_nobody_else(start, scripted):
    """A coding agent's turn is served by Gemini, which refuses its next one where the signature is lost; Claude, asked
    in between, refuses what only Gemini can read and thoughts that nobody signed."""
    said = {"responseId": "r", "candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [
        {"text": "hm", "thought": True}, {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "SIG"}]}}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12}}
    message = {"id": "m", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "sunny"}],
               "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}}
    gemini = scripted(lambda head, body, number: reply(
        f"data: {json.dumps(said)}\r\n\r\n" if b":streamGenerateContent" in head else json.dumps(said),
        kind="text/event-stream" if b":streamGenerateContent" in head else "application/json"))
    claude = scripted(lambda head, body, number: reply(json.dumps(message)))
    plain = scripted(lambda head, body, number: reply(json.dumps(chat())))
    models = {"gemini-3-pro": {"endpoints": ["chat"]}}
    proxy = start({"a": gemini.url, "b": claude.url, "c": plain.url}, policy={"mode": "warn"}, providers={
        "a": {"dialect": "gemini", "base_url": gemini.url.removesuffix("/v1") + "/v1beta", "api_key": "env:KEY_A", "models": models},
        "b": {"dialect": "anthropic", "base_url": claude.url, "api_key": "env:KEY_B", "models": {"m": {}}},
        "c": {"base_url": plain.url, "api_key": "env:KEY_C", "models": {"m": {}, "gemini-compat": {}}}},
        routes={"coder": {"targets": ["a/gemini-3-pro", "b/m", "c/m", "c/gemini-compat"]}})
    begun = [{"role": "user", "content": "weather in Paris?"}]
    whole = ask(proxy, model="a/gemini-3-pro", messages=begun, tools=[TOOL]).json["content"]
    assert [block["type"] for block in whole] == ["thinking", "redacted_thinking", "tool_use"]
    told = [data for _, data in events(ask(proxy, model="a/gemini-3-pro", messages=begun, tools=[TOOL], stream=True))]
    starts = [data["content_block"] for data in told if data["type"] == "content_block_start"]
    assert [block["type"] for block in starts] == ["thinking", "redacted_thinking", "tool_use"]
    signatures = [data["delta"]["signature"] for data in told if data.get("delta", {}).get("type") == "signature_delta"]
    assert signatures == [whole[0]["signature"]] and signatures[0]
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": whole[2]["id"], "content": "sunny"}]}
    turns = begun + [{"role": "assistant", "content": whole}, result]
    assert ask(proxy, model="a/gemini-3-pro", messages=turns, tools=[TOOL]).status == 200
    [again] = json.loads(gemini.requests[-1][1])["contents"][1]["parts"]
    assert again["thoughtSignature"] == "SIG" and again["functionCall"]["args"] == {"city": "Paris"}
    answer = ask(proxy, model="b/m", messages=turns, tools=[TOOL])
    assert answer.status == 200 and answer.headers["x-proviso-dropped"] == "messages.content.thinking", answer
    sent = json.loads(claude.requests[-1][1])["messages"]
    assert sent == begun + [{"role": "assistant", "content": whole[2:]}, result]
    # OpenAI refuses a member that it does not know; Google's endpoint of that format wants its own back.
    for model, extra in (("c/m", None), ("c/gemini-compat", {"google": {"thought_signature": "SIG"}})):
        assert ask(proxy, model=model, messages=turns, tools=[TOOL]).status == 200
        message = json.loads(plain.requests[-1][1])["messages"][1]
        assert "thinking_blocks" not in message and message["tool_calls"][0].get("extra_content") == extra
    # What Claude signed itself stays, and so does what another of its format left unsigned.
    theirs = [{"type": "thinking", "thinking": "t", "signature": "S"}, {"type": "redacted_thinking", "data": "R"},
              {"type": "thinking", "thinking": "u", "signature": ""}]
    ask(proxy, model="b/m", messages=begun + [{"role": "assistant", "content": theirs + whole}, result], tools=[TOOL])
    assert json.loads(claude.requests[-1][1])["messages"][1]["content"] == theirs + whole[2:]
