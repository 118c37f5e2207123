"""Recorded replies of Anthropic, Gemini, Cohere and Ollama, read in their native dialects: what `inspect` says of each is
held against its oracle (events, errors) and against what a few lines here read from the same bytes (text, thoughts,
calls, counts). The recordings lie beside the repository and not in it: without them nothing is compared, and the test
says so."""
import hashlib
import json

import pytest

from conftest import SHARED

FOLDER = SHARED / "corpora/recorded"
DIALECTS = {"anthropic.messages": "anthropic", "gemini.generateContent": "gemini", "cohere.chat": "cohere", "ollama.chat": "ollama"}
AT_LEAST = {"anthropic": 12, "gemini": 10, "cohere": 7, "ollama": 3}


class Said:
    """What a reply says, put together without any of Proviso's code."""

    def __init__(self):
        self.text, self.thoughts, self.calls, self.usage, self.reason = "", "", [], {}, None

    def call(self, name, arguments):
        self.calls.append((name, arguments if isinstance(arguments, str) else json.dumps(arguments)))

    def more(self, piece):
        name, arguments = self.calls[-1]
        self.calls[-1] = (name, arguments + piece)


def anthropic(said, value):
    kind = value.get("type")
    if kind in ("message", "message_start"):
        message = value.get("message", value)
        said.usage.update({k: v for k, v in (message.get("usage") or {}).items() if v is not None})
        said.reason = message.get("stop_reason")
        for block in message["content"]:
            anthropic(said, {"type": "content_block_start", "content_block": block, "whole": True})
    elif kind == "content_block_start":
        block = said.block = value["content_block"]
        said.text += block.get("text", "")
        said.thoughts += block.get("thinking", "")
        if block["type"] == "tool_use":
            said.call(block["name"], block["input"] if value.get("whole") else "")
    elif kind == "content_block_delta":
        said.text += value["delta"].get("text", "")
        said.thoughts += value["delta"].get("thinking", "")
        if "partial_json" in value["delta"] and said.block["type"] == "tool_use":  # and not of a tool of theirs
            said.more(value["delta"]["partial_json"])
    elif kind == "message_delta":
        said.reason = value["delta"]["stop_reason"]
        said.usage.update({k: v for k, v in (value.get("usage") or {}).items() if v is not None})


def gemini(said, value):
    for candidate in value.get("candidates", []):
        for part in candidate.get("content", {}).get("parts", []):
            if "functionCall" in part:
                said.call(part["functionCall"]["name"], part["functionCall"].get("args") or {})
            elif part.get("thought"):
                said.thoughts += part["text"]
            else:
                said.text += part.get("text", "")
        said.reason = candidate.get("finishReason", said.reason)
    said.usage = value.get("usageMetadata", said.usage)


def cohere(said, value):
    kind = value.get("type")
    message = value["message"] if kind is None else (value.get("delta") or {}).get("message") or {}
    content, calls = message.get("content") or [], message.get("tool_calls") or []
    if "tool_plan" in message:
        said.thoughts += message["tool_plan"]
    for part in content if isinstance(content, list) else [content]:
        said.text += part.get("text", "")
        said.thoughts += part.get("thinking", "")
    for call in calls if isinstance(calls, list) else [calls]:
        function = call.get("function", {})
        if kind == "tool-call-delta":
            said.more(function["arguments"])
        else:
            said.call(function["name"], function["arguments"])
    end = value if kind is None else value.get("delta") or {}
    said.reason = end.get("finish_reason", said.reason)
    said.usage = end.get("usage", said.usage)


def ollama(said, value):
    message = value.get("message", {})
    said.text += message.get("content", "")
    said.thoughts += message.get("thinking", "")
    for call in message.get("tool_calls", []):
        said.call(call["function"]["name"], call["function"]["arguments"])
    said.reason = value.get("done_reason", said.reason)
    said.usage = value


READ = {"anthropic": anthropic, "gemini": gemini, "cohere": cohere, "ollama": ollama}


def counts(dialect, usage):
    """(input, output) as they are billed."""
    if dialect == "anthropic":
        cached = usage.get("cache_read_input_tokens", 0) + usage.get("cache_creation_input_tokens", 0)
        return usage["input_tokens"] + cached, usage["output_tokens"]
    if dialect == "gemini":
        return (usage["promptTokenCount"] + usage.get("toolUsePromptTokenCount", 0),
                usage.get("candidatesTokenCount", 0) + usage.get("thoughtsTokenCount", 0))
    if dialect == "cohere":
        billed = usage.get("billed_units") or usage["tokens"]
        return billed["input_tokens"], billed["output_tokens"]
    return usage["prompt_eval_count"], usage["eval_count"]


FINISH = {"anthropic": {"end_turn": "stop", "stop_sequence": "stop", "tool_use": "tool_calls", "max_tokens": "length"},
          "gemini": {"STOP": "stop", "MAX_TOKENS": "length", 1: "stop"},  # 1: its own clients have words as numbers
          "cohere": {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "TOOL_CALL": "tool_calls", "MAX_TOKENS": "length"},
          "ollama": {"stop": "stop", "length": "length"}}


def values_of(path):
    body = path.read_text()
    if path.suffix == ".json":
        return [json.loads(body)]
    if path.suffix == ".ndjson":
        return [json.loads(line) for line in body.splitlines()]
    return [json.loads(line[5:]) for line in body.replace("\r", "").split("\n") if line.startswith("data:") and "[DONE]" not in line]


def arguments_of(text):
    """As values: the spelling is the dialect's. "null" is how Cohere says that there are none."""
    return json.loads(text or "{}") or {}


def hold(path, dialect, expect, shown):
    error, sse = expect.get("error"), expect.get("sse")
    if error:
        assert [said["message"] for said in shown["errors"]] == [error["message"]], path
        assert not shown["complete"]
        return 2
    if sse:
        assert (shown["events"], shown["comments"]) == (sse["events"], sse["comments"]), path
    said = Said()
    for value in values_of(path):
        READ[dialect](said, value)
    choice = shown["choices"][0]
    want = FINISH[dialect][said.reason]
    assert shown["complete"] and shown["errors"] == [], path
    assert hashlib.sha256(said.text.encode()).hexdigest() == hashlib.sha256((choice["content"] or "").encode()).hexdigest(), path
    assert (choice["reasoning"] or "") == said.thoughts, path
    assert [(call["name"], arguments_of(call["arguments"])) for call in choice["tool_calls"]] == \
        [(name, arguments_of(text)) for name, text in said.calls], path
    assert choice["finish_reason"] == ("tool_calls" if said.calls and want == "stop" else want), path
    assert (shown["usage"]["input"], shown["usage"]["output"]) == counts(dialect, said.usage), path
    return 7 + len(said.calls)


def test_native_replies_say_what_their_bytes_say(proviso):
    if not FOLDER.is_dir():
        pytest.skip(f"no recordings at {FOLDER}: nothing was compared")
    seen, facts = dict.fromkeys(AT_LEAST, 0), 0
    for meta in sorted(FOLDER.glob("*/*.meta.json")):
        dialect = DIALECTS.get(json.loads(meta.read_text())["api"])
        if dialect is None:
            continue
        name = meta.name.removesuffix(".meta.json")
        (path,) = [meta.with_name(f"{name}.response.{end}") for end in ("json", "sse", "ndjson")
                   if meta.with_name(f"{name}.response.{end}").exists()]
        done = proviso("inspect", "--dialect", dialect, str(path))
        assert done.code == 0, done
        facts += hold(path, dialect, json.loads(meta.with_name(name + ".expect.json").read_text()), json.loads(done.out))
        seen[dialect] += 1
    print(seen, facts, "facts")
    assert all(seen[dialect] >= least for dialect, least in AT_LEAST.items()), seen
