"""What providers are known to do otherwise (proviso-quirks(7)): every deviation that shows in bytes is named by its case
when the same behaviour, in bytes of our own, is read by `proviso inspect`."""
import json
import re

import pytest
from conftest import ROOT

PAGE = ROOT / "harness/cli/man/proviso-quirks.7"
KNOWN = ROOT.parent / "shared/QUIRKS.json"
USAGE = {"prompt_tokens": 21, "completion_tokens": 5, "total_tokens": 26}
STREAMED = {"model": "m", "messages": [{"role": "user", "content": "?"}], "stream": True,
            "stream_options": {"include_usage": True}}
PLAIN = {"model": "m", "messages": [{"role": "user", "content": "?"}]}
LEFT_OUT = object()


def chunk(delta, finish=None, index=0, **more):
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    choice = {key: value for key, value in choice.items() if value is not LEFT_OUT}
    return {"id": "c-7", "object": "chat.completion.chunk", "created": 1790000000, "model": "m", "choices": [choice]} | more


def usage_chunk(**more):
    return chunk({}) | {"choices": [], "usage": USAGE} | more


def sse(*events, done=True):
    lines = [event if isinstance(event, str) else "data: " + json.dumps(event, ensure_ascii=False) for event in events]
    return "\n\n".join(lines + (["data: [DONE]"] if done else [])) + "\n\n"


def call(id="call_00001", name="lookup", arguments='{"q": 1}', index=0, **more):
    one = {"index": index, "id": id, "type": "function", "function": {"name": name, "arguments": arguments}} | more
    one["function"] = {key: value for key, value in one["function"].items() if value is not LEFT_OUT}
    return {key: value for key, value in one.items() if value is not LEFT_OUT}


def calls(*made, **more):
    return chunk({"tool_calls": list(made)}, **more)


ROLE = chunk({"role": "assistant", "content": ""})
WORD = chunk({"content": "word"})
STOP = chunk({}, "stop")
CALLED = chunk({}, "tool_calls")
GOOD = (ROLE, WORD, STOP, usage_chunk())


def body(message=None, finish="stop", usage=USAGE, **more):
    message = {"role": "assistant", "content": "word"} if message is None else message
    choice = {"index": 0, "message": message, "finish_reason": finish}
    choice = {key: value for key, value in choice.items() if value is not LEFT_OUT}
    whole = {"id": "c-7", "object": "chat.completion", "created": 1790000000, "model": "m", "choices": [choice], "usage": usage}
    return json.dumps(whole | more)


# quirk id: the bytes, what was asked, and the case whose rule they break.
CAUGHT = {
    "anthropic-empty-args": (sse(ROLE, calls(call(arguments="")), CALLED, usage_chunk()), STREAMED, "TC-04"),
    "azure-async-filter-no-delta": (sse(ROLE, WORD, chunk(LEFT_OUT, content_filter_results={}), STOP, usage_chunk()), STREAMED, "ST-08"),
    "cerebras-flat-error": ('{"message": "no", "type": "invalid_request_error", "param": "messages", "code": "wrong"}', PLAIN, "ER-05"),
    "cohere-null-args": (body({"role": "assistant", "content": None, "tool_calls": [call(index=LEFT_OUT, arguments="null")]}, "tool_calls"), PLAIN, "TC-04"),
    "deepseek-insufficient-resource": (sse(ROLE, WORD, chunk({}, "insufficient_system_resource"), usage_chunk()), STREAMED, "FR-01"),
    "deepseek-usage-on-finish": (sse(ROLE, WORD, chunk({}, "stop", usage=USAGE)), STREAMED, "SU-01"),
    "fireworks-fault-body": ('{"fault": {"faultstring": "No such key", "detail": {"errorcode": "oauth.v2.Nope"}}}', PLAIN, "ER-05"),
    "gemini-compat-error-array": ('[{"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT"}}]', PLAIN, "ER-05"),
    "gemini-compat-finish-stop": (sse(ROLE, calls(call()), STOP, usage_chunk()), STREAMED, "TC-20"),
    "gemini-compat-no-index": (sse(ROLE, calls(call(index=LEFT_OUT)), CALLED, usage_chunk()), STREAMED, "TS-01"),
    "generic-fractional-created": (body(created=1790000000.5), PLAIN, "CH-01"),
    "generic-late-name": (sse(ROLE, calls(call(name=LEFT_OUT, arguments="")), calls(call(id=LEFT_OUT)), CALLED, usage_chunk()), STREAMED, "TS-03"),
    "generic-truncated-stream": (sse(ROLE, WORD, done=False), STREAMED, "ST-06"),
    "groq-stream-error-in-200": (sse(ROLE, {"error": {"message": "no call", "code": "tool_use_failed", "status_code": 400}}, done=False), STREAMED, "ER-05"),
    "groq-x-groq-usage": (sse(ROLE, WORD, chunk({}, "stop", x_groq={"id": "r", "usage": USAGE}, usage=USAGE)), STREAMED, "SU-01"),
    "litellm-error-swallowed": (sse(chunk({}, "stop")), STREAMED, "ST-04"),
    "litellm-finish-stop": (sse(ROLE, calls(call()), STOP, usage_chunk()), STREAMED, "TC-20"),
    "litellm-same-index": (sse(ROLE, calls(call(id="call_00001")), calls(call(id="call_00002", name="other")), CALLED, usage_chunk()), STREAMED, "TS-02"),
    "litellm-sse-when-not-asked": (sse(*GOOD), PLAIN, "HT-01"),
    "litellm-truncated-200": (sse(ROLE, WORD, done=False), STREAMED, "ST-06"),
    "litellm-usage-with-choices": (sse(ROLE, WORD, STOP, chunk({}, usage=USAGE)), STREAMED, "SU-01"),
    "mistral-422-detail": ('{"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "no"}]}', PLAIN, "ER-05"),
    "mistral-content-array": (sse(ROLE, chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}), WORD, STOP, usage_chunk()), STREAMED, "CH-02"),
    "mistral-incremental-empty-name": (sse(ROLE, calls(call(arguments='{"q":')), calls(call(id=LEFT_OUT, name="", arguments=" 1}")), CALLED, usage_chunk()), STREAMED, "TS-03"),
    "mistral-one-shot-no-index": (sse(ROLE, chunk({"tool_calls": [call(index=LEFT_OUT, type=LEFT_OUT)]}, "tool_calls", usage=USAGE)), STREAMED, "TS-01"),
    "moonshot-usage-in-choice": (sse(ROLE, WORD, chunk({}) | {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": USAGE}]}), STREAMED, "SU-01"),
    "openrouter-200-error-body": ('{"error": {"message": "upstream", "code": 502}, "user_id": "u"}', PLAIN, "ER-05"),
    "openrouter-double-finish": (sse(ROLE, WORD, STOP, chunk({}, "stop", usage=USAGE)), STREAMED, "ST-06"),
    "openrouter-midstream-error": (sse(ROLE, chunk({"content": ""}, "error", error={"code": 502, "message": "gone"}), done=False), STREAMED, "FR-01"),
    "perplexity-no-done": (sse(ROLE, WORD, STOP, usage_chunk(), done=False), STREAMED, "ST-02"),
    "perplexity-usage-each-chunk": (sse(chunk({"role": "assistant", "content": "wo"}, usage=USAGE), chunk({"role": "assistant", "content": "rd"}, "stop", usage=USAGE)), STREAMED, "SU-01"),
    "qwen-empty-id-continuation": (sse(ROLE, calls(call(arguments='{"q":')), calls(call(id="", name=LEFT_OUT, arguments=" 1}")), CALLED, usage_chunk()), STREAMED, "TS-03"),
    "qwen-missing-finish-key": (sse(ROLE, chunk({"content": "wo"}, LEFT_OUT), STOP, usage_chunk()), STREAMED, "ST-05"),
    "sglang-abort": (sse(ROLE, WORD, chunk({}, "abort"), usage_chunk()), STREAMED, "FR-01"),
    "sglang-double-finish": (sse(ROLE, calls(call()), CALLED, CALLED, usage_chunk()), STREAMED, "ST-06"),
    "sglang-missing-index": (sse(ROLE, calls(call(index=LEFT_OUT)), CALLED, usage_chunk()), STREAMED, "TS-01"),
    "together-error-string": ('{"error": "not a good request"}', PLAIN, "ER-05"),
    "together-finish-eos": (body(finish="eos"), PLAIN, "FR-01"),
    "vertex-compat-missing-message": (body(finish="length", usage={"prompt_tokens": 9, "total_tokens": 9}) .replace('"message": {"role": "assistant", "content": "word"}, ', ""), PLAIN, "CH-01"),
    "vllm-auto-unconstrained": (body({"role": "assistant", "content": None, "tool_calls": [call(index=LEFT_OUT, arguments='{"q": 1,')]}, "tool_calls"), PLAIN, "TC-04"),
    "vllm-midstream-error-done": (sse(ROLE, WORD, {"error": {"message": "died", "type": "InternalServerError", "code": 500}}), STREAMED, "ER-05"),
    "xai-error-200-json": ('{"code": "unavailable", "error": "The service is away"}', PLAIN, "ER-05"),
    "xai-no-finish-key": (sse(chunk({"role": "assistant", "reasoning_content": "First"}, LEFT_OUT), WORD, STOP, usage_chunk()), STREAMED, "ST-05"),
    "xai-reasoning-not-in-completion": (body(usage={"prompt_tokens": 21, "completion_tokens": 5, "total_tokens": 90, "completion_tokens_details": {"reasoning_tokens": 64}}), PLAIN, "US-02"),
    "llamacpp-jinja": (body({"role": "assistant", "content": '<tool_call>{"name": "lookup", "arguments": {"q": 1}}</tool_call>'}), PLAIN, "TC-21"),
    "anthropic-compat-tool-index-one": (sse(ROLE, WORD, calls(call(index=1)), CALLED, usage_chunk()), STREAMED, "TS-01"),
    "generic-empty-role": (sse(ROLE, chunk({"role": "", "content": "word"}), STOP, usage_chunk()), STREAMED, "ST-04"),
    "sglang-null-role": (sse(ROLE, chunk({"role": None, "content": "word", "tool_calls": None}), STOP, usage_chunk()), STREAMED, "ST-04"),
    "azure-foundry-sglang-shape": (sse(ROLE, chunk({"role": None, "content": "word", "tool_calls": None}) , STOP, usage_chunk(usage=USAGE | {"reasoning_tokens": 3})), STREAMED, "ST-04"),
    "openrouter-wrapped-upstream-error": (json.dumps({"error": {"message": "Provider returned error", "code": 400, "metadata": {"raw": '{"object":"error"}', "provider_name": "x"}}}), PLAIN, "ER-05"),
    "deepseek-blank-lines-body": ("\n\n\n" + body(), PLAIN, "HT-01"),
    "generic-partial-json-final": (sse(ROLE, calls(call(arguments="{}")), calls(call(id=LEFT_OUT, name=LEFT_OUT, type=LEFT_OUT, arguments='{"q": 1}')), CALLED, usage_chunk()), STREAMED, "TS-04"),
}

TWICE = 'event: message_start\ndata: {"type": "message_start", "message": {"id": "ID", "type": "message", "role": "assistant", "model": "c", "content": [], "usage": {"input_tokens": 4, "output_tokens": 1}}}\n\n'
CAUGHT["anthropic-dup-message-start"] = (TWICE.replace("ID", "m1") + TWICE.replace("ID", "m2") + 'event: message_stop\ndata: {"type": "message_stop"}\n\n', STREAMED, "ST-03")

# What differs and is allowed: it breaks no rule of its kind, and the answer is read whole.
ALLOWED = {
    "openai-usage-empty-choices": (sse(*GOOD), STREAMED),
    "openai-obfuscation-field": (sse(*[one | {"obfuscation": "x9"} for one in GOOD]), STREAMED),
    "openai-named-tool-finish-stop": (body({"role": "assistant", "content": None, "tool_calls": [call(index=LEFT_OUT)]}),
                                      PLAIN | {"tool_choice": {"type": "function", "function": {"name": "lookup"}}}),
    "azure-first-chunk-empty": (sse(chunk({}) | {"choices": [], "id": "", "model": "", "object": "", "created": 0,
                                                 "prompt_filter_results": []}, *GOOD), STREAMED),
    "deepseek-keepalive-comment": (sse(": wait", *GOOD), STREAMED),
    "openrouter-comments": (sse(GOOD[0], ": under way", *GOOD[1:]), STREAMED),
    "groq-reasoning-field": (sse(ROLE, chunk({"reasoning": "hm"}), WORD, STOP, usage_chunk()), STREAMED),
    "vllm-reasoning-rename": (sse(ROLE, chunk({"reasoning_content": "hm"}), WORD, STOP, usage_chunk()), STREAMED),
    "cerebras-json-and-call": (body({"role": "assistant", "content": '{"a": 1}', "tool_calls": [call(index=LEFT_OUT)]}, "tool_calls"), PLAIN),
}


def entries():
    """quirk id: the cases that its entry names; empty where it says why there is none."""
    out = {}
    for block in PAGE.read_text().split("\n.It Cm ")[1:]:
        name, _, text = block.partition("\n")
        named = re.search(r"^Case: (.+)\.$", text, re.M)
        assert named or "\nNo case: " in text, f"{name} names no case and does not say why"
        out[name] = named[1].split(", ") if named else []
    return out


def inspect(proviso, tmp_path, bytes_, asked):
    (tmp_path / "reply").write_text(bytes_)
    (tmp_path / "request.json").write_text(json.dumps(asked))
    done = proviso("inspect", "--request", "request.json", "reply")
    assert done.code == 0, done
    return json.loads(done.out)


@pytest.mark.parametrize("quirk", sorted(CAUGHT))
def test_a_deviation_on_the_wire_is_named_by_its_case(quirk, proviso, tmp_path):
    bytes_, asked, case = CAUGHT[quirk]
    assert case in entries()[quirk], "the page names another case"
    told = inspect(proviso, tmp_path, bytes_, asked)["violations"]
    assert case in {one["case"] for one in told}, told


@pytest.mark.parametrize("quirk", sorted(ALLOWED))
def test_what_is_allowed_breaks_nothing_and_is_read_whole(quirk, proviso, tmp_path):
    read = inspect(proviso, tmp_path, *ALLOWED[quirk])
    assert read["violations"] == [] and read["complete"], read


def test_a_good_stream_and_a_good_reply_violate_nothing(proviso, tmp_path):
    for bytes_, asked in ((sse(*GOOD), STREAMED), (body(), PLAIN)):
        assert inspect(proviso, tmp_path, bytes_, asked)["violations"] == []


def test_each_case_that_the_page_names_is_asked():
    suite = "".join(path.read_text() for path in (ROOT / "cases/core").glob("*.yaml"))
    asked = set(re.findall(r"^  - id: (\S+)", suite, re.M))
    named = {case for cases in entries().values() for case in cases}
    assert named and named <= asked, sorted(named - asked)


def test_the_page_holds_every_quirk_that_is_known():
    if not KNOWN.exists():
        pytest.skip(f"{KNOWN} is not there: the page was held against nothing")
    known = {quirk["id"] for quirk in json.loads(KNOWN.read_text())}
    told = set(entries())
    assert told == known, (sorted(known - told), sorted(told - known))
