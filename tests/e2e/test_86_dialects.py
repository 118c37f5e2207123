"""Providers that speak a format of their own, asked by OpenAI's clients and by the cases."""
import json
import threading

import pytest

from conftest import RUN_LIMIT_S, cells, chat, reply
from proxy_rig import KEYS, MODEL, PRICES, SSE_HEAD, key_of

TOOL = {"type": "function", "function": {"name": "get_weather", "description": "d", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}}}
ASKED = [{"role": "user", "content": "weather in Paris?"}]


class Dialect:
    """How a scripted provider answers in its own words."""
    sse = True

    def answer(self, head, body, number):
        asked = json.loads(body)
        streamed = self.is_streamed(head, asked)
        said = self.replies(self.is_tools(asked), self.prompt(asked))
        if not streamed:
            return reply(json.dumps(said[-1]))
        events = b"".join(self.event(said, i) for i in range(len(said) - 1))
        kind = b"" if self.sse else b"HTTP/1.1 200 OK\r\ncontent-type: application/x-ndjson\r\n"
        return (kind or SSE_HEAD) + b"content-length: %d\r\n\r\n" % len(events) + events

    def event(self, said, i):
        return b"data: " + json.dumps(said[i]).encode() + b"\n\n"

    def is_streamed(self, head, asked):
        return asked.get("stream", False)

    def is_tools(self, asked):
        return bool(asked.get("tools"))


class Gemini(Dialect):
    """replies(): the events of a stream, and behind them the same as one body."""
    base, path, key = "/v1beta", "/v1beta/models/m:generateContent", "x-goog-api-key"
    stream_path = "/v1beta/models/m:streamGenerateContent?alt=sse"

    def is_streamed(self, head, asked):
        return b"streamGenerateContent" in head

    def prompt(self, asked):
        return asked["contents"][-1]["parts"][0].get("text", "")

    def response(self, parts, finish=None):
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
        if finish:
            candidate["finishReason"] = finish
        return {"candidates": [candidate], "modelVersion": "m", "responseId": "r1", "usageMetadata": {
            "promptTokenCount": 9, "candidatesTokenCount": 4, "thoughtsTokenCount": 3, "totalTokenCount": 16}}

    def replies(self, tools, prompt):
        if tools:
            part = {"functionCall": {"name": "get_weather", "args": {"city": "Paris"}}, "thoughtSignature": "SIGNED"}
            return [self.response([{"text": "hm", "thought": True}]), self.response([part], "STOP"),
                    self.response([{"text": "hm", "thought": True}, part], "STOP")]
        words = [{"text": "I heard: "}, {"text": prompt}]
        return [self.response(words[:1]), self.response(words[1:]), self.response([{"text": ""}], "STOP"),
                self.response(words, "STOP")]


class Anthropic(Dialect):
    base, path, stream_path, key = "/v1", "/v1/messages", "/v1/messages", "x-api-key"

    def prompt(self, asked):
        return asked["messages"][-1]["content"][0].get("text", "")

    def event(self, said, i):
        return f"event: {said[i]['type']}\n".encode() + super().event(said, i)

    def message(self, content, **more):
        return {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": content, **more}

    def replies(self, tools, prompt):
        usage = {"input_tokens": 5, "cache_read_input_tokens": 4, "output_tokens": 7}
        thinking = {"type": "thinking", "thinking": "hm", "signature": "SIGNED"}
        call = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Paris"}}
        blocks = [thinking, call] if tools else [{"type": "text", "text": "I heard: " + prompt}]
        events = [{"type": "message_start", "message": self.message([], usage=usage)}]
        for i, block in enumerate(blocks):
            deltas = {"thinking": [{"type": "thinking_delta", "thinking": "hm"},
                                   {"type": "signature_delta", "signature": "SIGNED"}],
                      "tool_use": [{"type": "input_json_delta", "partial_json": '{"city":'},
                                   {"type": "input_json_delta", "partial_json": ' "Paris"}'}],
                      "text": [{"type": "text_delta", "text": block.get("text")}]}[block["type"]]
            empty = {"thinking": {"thinking": "", "signature": ""}, "tool_use": {"input": {}}, "text": {"text": ""}}
            events.append({"type": "content_block_start", "index": i,
                           "content_block": {**block, **empty[block["type"]]}})
            events += [{"type": "content_block_delta", "index": i, "delta": delta} for delta in deltas]
            events.append({"type": "content_block_stop", "index": i})
        stop = "tool_use" if tools else "end_turn"
        events += [{"type": "message_delta", "delta": {"stop_reason": stop}, "usage": usage}, {"type": "message_stop"}]
        return [*events, self.message(blocks, stop_reason=stop, usage=usage)]


class Cohere(Dialect):
    base, path, stream_path, key = "/v2", "/v2/chat", "/v2/chat", "authorization"

    def prompt(self, asked):
        return asked["messages"][-1].get("content", "")

    def replies(self, tools, prompt):
        usage = {"billed_units": {"input_tokens": 9, "output_tokens": 7},
                 "tokens": {"input_tokens": 500, "output_tokens": 20}}
        function = {"name": "get_weather", "arguments": '{"city":"Paris"}'}
        call = {"id": "t1", "type": "function", "function": function}
        if tools:
            message = {"role": "assistant", "tool_plan": "I will look", "tool_calls": [call]}
            deltas = [("tool-plan-delta", {"tool_plan": "I will look"}),
                      ("tool-call-start", {"tool_calls": {**call, "function": {**function, "arguments": ""}}}),
                      ("tool-call-delta", {"tool_calls": {"function": {"arguments": function["arguments"]}}}),
                      ("tool-call-end", {})]
        else:
            message = {"role": "assistant", "content": [{"type": "text", "text": "I heard: " + prompt}]}
            deltas = [("content-start", {"content": {"type": "text", "text": ""}}),
                      ("content-delta", {"content": {"text": "I heard: "}}),
                      ("content-delta", {"content": {"text": prompt}}), ("content-end", {})]
        end = {"finish_reason": "TOOL_CALL" if tools else "COMPLETE", "usage": usage}
        events = [{"type": "message-start", "id": "c1", "delta": {"message": {"role": "assistant"}}}]
        events += [{"type": kind, "index": 0, "delta": {"message": delta}} for kind, delta in deltas]
        return [*events, {"type": "message-end", "delta": end}, {"id": "c1", "message": message, **end}]


class Ollama(Dialect):
    base, path, stream_path, key = "/api", "/api/chat", "/api/chat", "authorization"
    sse = False

    def prompt(self, asked):
        return asked["messages"][-1]["content"]

    def event(self, said, i):
        return json.dumps(said[i]).encode() + b"\n"

    def replies(self, tools, prompt):
        def line(**message):
            return {"model": "m", "created_at": "2026-01-01T00:00:00Z", "done": False,
                    "message": {"role": "assistant", "content": "", **message}}

        end = {"done": True, "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 7}
        if tools:
            calls = [{"function": {"name": "get_weather", "arguments": {"city": "Paris"}}}]
            return [line(thinking="hm"), line(tool_calls=calls), {**line(), **end},
                    {**line(thinking="hm", tool_calls=calls), **end}]
        return [line(content="I heard: "), line(content=prompt), {**line(), **end},
                {**line(content="I heard: " + prompt), **end}]


DIALECTS = {"gemini": Gemini, "anthropic": Anthropic, "cohere": Cohere, "ollama": Ollama}


@pytest.fixture(params=DIALECTS)
def native(request, scripted, start):
    """A proxy in front of a scripted provider of the dialect."""
    speaks = DIALECTS[request.param]()
    up = scripted(speaks.answer)
    speaks.up, speaks.name = up, request.param
    speaks.provider = {"dialect": request.param, "base_url": up.url.removesuffix("/v1") + speaks.base,
                       "api_key": "env:KEY_A", "models": {"m": {**MODEL, "price": PRICES["a"]}}}
    speaks.proxy = start({"a": up.url}, providers={"a": speaks.provider}, policy={"mode": "warn"})
    return speaks


def test_text_is_answered_whole_and_streamed(native):
    answer = native.proxy.chat("hello you")
    assert answer.status == 200, answer
    said = answer.json
    assert said["object"] == "chat.completion" and said["model"] == "m"
    assert said["choices"][0]["message"]["content"] == "I heard: hello you"
    assert said["choices"][0]["finish_reason"] == "stop"
    assert said["usage"]["prompt_tokens"] == 9 and said["usage"]["completion_tokens"] == 7
    head = native.up.requests[-1][0].decode()
    assert head.split()[1] == native.path
    assert f"{native.key}: " in head.lower() and key_of("a") in head
    stream = native.proxy.stream("hello you", stream_options={"include_usage": True})
    assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream", stream
    assert stream.content == "I heard: hello you" and stream.events[-1] == "[DONE]"
    assert json.loads(stream.events[-2])["usage"]["completion_tokens"] == 7
    assert native.up.requests[-1][0].decode().split()[1] == native.stream_path


def calls_of(stream):
    """What a client that joins the deltas by index has."""
    calls = {}
    for event in stream.events[:-1]:
        for choice in json.loads(event)["choices"]:
            for piece in choice["delta"].get("tool_calls") or []:
                call = calls.setdefault(piece["index"], {"function": {"arguments": ""}})
                call["function"]["arguments"] += piece["function"].pop("arguments", "")
                call["function"].update(piece.pop("function"))
                call.update(piece)
    return list(calls.values())


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_is_called_and_its_result_goes_back(native, streamed):
    answer = native.proxy.chat(messages=ASKED, tools=[TOOL], stream=streamed)
    assert answer.status == 200, answer
    calls = calls_of(answer) if streamed else answer.json["choices"][0]["message"]["tool_calls"]
    assert len(calls) == 1 and calls[0]["id"], calls
    assert calls[0]["function"]["name"] == "get_weather"
    assert json.loads(calls[0]["function"]["arguments"]) == {"city": "Paris"}
    calls[0].pop("index", None)
    said = {"role": "assistant", "content": None, "tool_calls": calls, **blocks_of(answer, streamed)}
    again = native.proxy.chat(messages=[*ASKED, said,
                                        {"role": "tool", "tool_call_id": calls[0]["id"], "content": "sunny"}])
    assert again.status == 200, again
    sent = native.up.requests[-1][1].decode()
    assert "sunny" in sent and "get_weather" in sent
    if native.name in ("gemini", "anthropic"):
        assert "SIGNED" in sent, "the thought's signature is lost on the way"


def blocks_of(answer, streamed):
    """The signed thoughts of the message, as a client that keeps what it does not know has them."""
    messages = ([choice["delta"] for event in answer.events[:-1] for choice in json.loads(event)["choices"]]
                if streamed else [answer.json["choices"][0]["message"]])
    blocks = [block for message in messages for block in message.get("thinking_blocks", [])]
    return {"thinking_blocks": blocks} if blocks else {}


def test_what_is_left_out_is_told(native):
    answer = native.proxy.chat(logit_bias={"1": 1}, store=False)
    assert answer.status == 200 and answer.headers["x-proviso-dropped"] == "logit_bias, store", answer
    assert "x-proviso-dropped" not in native.proxy.chat().headers
    assert "logit_bias" in native.proxy.stream(logit_bias={"1": 1}).headers["x-proviso-dropped"]


def test_what_cannot_be_carried_is_refused_and_nobody_is_asked(native):
    answer = native.proxy.chat(functions=[{"name": "f", "parameters": {}}])
    assert answer.status == 400 and "functions" in answer.error["message"], answer
    assert native.up.requests == []


def test_cases_are_asked_in_the_dialect(native, proviso):
    config = {"version": 1, "providers": {"a": native.provider}}
    (proviso.cwd / "proviso.yaml").write_text(json.dumps(config))
    asked = [word for case in ("CH-01", "CH-02", "ST-01", "US-01", "TS-03") for word in ("--case", case)]
    done = proviso("check", "a/m", *asked, "--profile", "smoke", "--matrix", "own.json", env=KEYS)
    made = cells(proviso.cwd / "own.json")
    assert {case for _, case, _ in made} == {"CH-01", "CH-02", "ST-01", "US-01", "TS-03"}, done
    assert all(cell["verdict"] == "pass" for cell in made.values()), done


def test_a_status_that_is_changed_is_told(scripted, start):
    """529 is no status that OpenAI's clients know: they get 503, and who looks at why sees what it was."""
    said = json.dumps({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
    up = scripted(lambda head, body, number: reply(said, status="529 Overloaded"))
    provider = {"dialect": "anthropic", "base_url": up.url, "api_key": "env:KEY_A",
                "models": {"m": {**MODEL, "price": PRICES["a"]}}}
    answer = start({"a": up.url}, providers={"a": provider}, policy={"mode": "warn"}).chat()
    assert answer.status in (502, 503) and "Overloaded" in answer.error["message"], answer
    assert answer.headers["x-proviso-upstream-status"] == "529", answer


def test_an_error_in_a_stream_keeps_the_providers_words_after_the_commit(scripted, start):
    """The client has text already: what ends its stream says why, in the provider's words, without the provider's key."""
    events = [
        {"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [],
                                              "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "half of "}},
        {"type": "error", "error": {"type": "overloaded_error", "message": f"Overloaded, {key_of('a')} must wait"}}]
    sent = [b"event: %s\ndata: %s\n\n" % (one["type"].encode(), json.dumps(one).encode()) for one in events]
    committed = threading.Event()

    def answer(connection):
        connection.sendall(SSE_HEAD + b"content-length: %d\r\n\r\n" % sum(map(len, sent)) + b"".join(sent[:3]))
        assert committed.wait(RUN_LIMIT_S)
        connection.sendall(sent[3])

    up = scripted(lambda head, request, number: answer)
    provider = {"dialect": "anthropic", "base_url": up.url, "api_key": "env:KEY_A",
                "models": {"m": {**MODEL, "price": PRICES["a"]}}}
    client = start({"a": up.url}, providers={"a": provider}, policy={"mode": "warn"}).connect()
    client.request("POST", "/v1/chat/completions", json.dumps({"model": "coder", "stream": True, "messages": [
        {"role": "user", "content": "hello"}]}), {"content-type": "application/json"})
    response = client.getresponse()
    committed.set()
    body = response.read().decode()
    last = json.loads(body.rstrip().rsplit("data: ", 1)[1])
    assert response.status == 200 and "half of " in body and "[DONE]" not in body
    assert last["error"]["code"] == "upstream_error" and "Overloaded, " in last["error"]["message"], last
    assert key_of("a") not in body


@pytest.mark.parametrize("version, base, path", [
    (None, "/openai/v1", "/openai/v1/chat/completions"),
    ("2024-10-21", "/openai", "/openai/deployments/m/chat/completions?api-version=2024-10-21")])
def test_azure_is_asked_at_its_own_paths(version, base, path, scripted, start):
    up = scripted(lambda head, body, number: reply(json.dumps(chat())))
    provider = {"dialect": "azure", "base_url": up.url.removesuffix("/v1") + base, "api_key": "env:KEY_A",
                "models": {"m": {**MODEL, "price": PRICES["a"]}}, **({"api_version": version} if version else {})}
    proxy = start({"a": up.url}, providers={"a": provider}, policy={"mode": "warn"})
    assert proxy.chat(logprobs=True).status == 200
    head, body = up.requests[0]
    assert head.decode().split()[1] == path
    assert f"api-key: {key_of('a')}" in head.decode() and b"authorization" not in head.lower()
    assert json.loads(body)["logprobs"] is True


@pytest.mark.parametrize("provider, words", [
    ({"dialect": "azure", "base_url": "https://r.openai.azure.com/openai"}, "api_version must be given"),
    ({"dialect": "azure", "base_url": "https://r.openai.azure.com/openai", "api_version": "a&b"}, "is a date"),
    ({"dialect": "openai", "base_url": "https://x/v1", "api_version": "2024-10-21"}, "only the dialect azure"),
    ({"dialect": "gemni", "base_url": "https://x/v1"}, "gemini")])
def test_a_config_that_no_dialect_fits_is_told(provider, words, proviso):
    (proviso.cwd / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"a": provider}}))
    done = proviso("validate")
    assert done.code == 2 and words in done.err, done


def test_signed_thoughts_go_back_to_who_signed_them_and_to_nobody_else(scripted, start):
    """A coding agent's turn is thought by Claude, and the next one is served by another: what only Claude can read stays
    out of it, and a third turn that goes back to Claude has it again."""
    said = {"id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "output": [
        {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
         "content": [{"type": "output_text", "text": "sunny it is", "annotations": []}]}],
        "usage": {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}
    claude, other = scripted(Anthropic().answer), scripted(lambda head, body, number: reply(json.dumps(said)))
    providers = {"a": {"dialect": "anthropic", "base_url": claude.url, "api_key": "env:KEY_A", "models": {"m": MODEL}},
                 "b": {"base_url": other.url, "api_key": "env:KEY_B", "models": {"m": MODEL}}}
    proxy = start({"a": claude.url, "b": other.url}, providers=providers, policy={"mode": "warn"})
    tool = {"type": "function", **TOOL["function"]}

    def ask(target, items):
        answer = proxy.send("POST", "/v1/responses", {"model": f"{target}/m", "input": items, "tools": [tool], "store": False})
        assert answer.status == 200, answer
        return answer

    items = [{"role": "user", "content": "weather in Paris?"}]
    first = ask("a", items).json["output"]
    assert [item["type"] for item in first] == ["reasoning", "function_call"] and first[0]["encrypted_content"]
    items += first + [{"type": "function_call_output", "call_id": first[1]["call_id"], "output": "sunny"}]
    second = ask("b", items)
    sent = json.loads(other.requests[-1][1])
    assert [item.get("type") for item in sent["input"]] == [None, "function_call", "function_call_output"]
    assert sent["input"][1]["call_id"] == "toolu_1"
    assert second.headers["x-proviso-dropped"] == "input.encrypted_content"
    items += second.json["output"] + [{"role": "user", "content": "and tomorrow?"}]
    ask("a", items)
    turn = json.loads(claude.requests[-1][1])["messages"][1]["content"]
    assert turn[0] == {"type": "thinking", "thinking": "hm", "signature": "SIGNED"} and turn[1]["id"] == "toolu_1"
