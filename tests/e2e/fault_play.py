"""Providers that fail in one way each: what they send, streamed and not, and what a client may see of it.

One script plays them all; the first part of the path says which one is asked, and whose cell of the table
(fault_table.py) it is."""
import json

from conftest import RUN_LIMIT_S, chat, reply
from proxy_rig import DONE, SSE_HEAD, chunk, sse, usage_chunk

ROLE = chunk({"role": "assistant", "content": ""})
TEXT = chunk({"content": "half of it"})
FINISH = chunk(finish="stop")
TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]


def call(arguments, **more):
    return chunk({"tool_calls": [{"index": 0, "function": {"arguments": arguments, **more.pop("f", {})}, **more}]})


CALL = call("", id="call_1", type="function", f={"name": "get_weather"})
ERROR = b'data: {"error":{"message":"out of memory","type":"server_error","param":null,"code":null}}\n\n'


def cut(body, promised=100):
    """Promises more than comes, and closes."""
    return lambda connection: connection.sendall(SSE_HEAD + b"content-length: %d\r\n\r\n" % (len(body) + promised) + body)


def hold(body):
    """Sends that, and then nothing; the line stays open."""
    def answer(connection):
        connection.sendall(SSE_HEAD + b"content-length: 100000\r\n\r\n" + body)
        connection.recv(1)
    return answer


def silent(connection):
    connection.recv(1)


def shut(connection):
    pass


def plain(body, promised=0, kind=b"application/json"):
    """A body that is not streamed; promised: what of it never comes."""
    head = b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\ncontent-length: %d\r\n\r\n" % (len(body) + promised)
    return (lambda connection: connection.sendall(head + body)) if promised else head + body


def plain_hold(body):
    def answer(connection):
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n" + body)
        connection.recv(1)
    return answer


WHOLE = json.dumps(chat("from a")).encode()
CALLED = json.dumps({**chat(None, "tool_calls"), "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
    "role": "assistant", "content": None, "tool_calls": [{"id": "call_1", "type": "function", "function": {
        "name": "get_weather", "arguments": '{"city":"Paris"}'}}]}}]}).encode()
HTML = b"<!DOCTYPE html><html><body><h1>502 Bad Gateway</h1></body></html>"
NO_UTF8 = WHOLE.replace(b"from a", b"from \xff\xfe a")
EMPTY = json.dumps(chat("")).encode()


def whole(head, request, number):
    """A provider that is well."""
    if json.loads(request).get("stream"):
        return sse(ROLE, chunk({"content": "from b"}), FINISH, usage_chunk(), DONE)
    return reply(chat("from b"))


# By name: what is sent, and the outcome in the ledger. `before`: nothing of it may be shown; `after`: something was.
BEFORE_STREAM = {
    "cut-at-once": (shut, "cut"),
    "cut-before-role": (cut(b""), "cut"),
    "cut-within-role": (cut(ROLE[:40]), "cut"),
    "cut-after-role": (cut(ROLE), "cut"),
    "cut-within-first-call": (cut(ROLE + CALL[:-30]), "cut"),
    "cut-after-finish-alone": (cut(ROLE + FINISH), "cut"),
    "cut-before-done-alone": (cut(ROLE + FINISH + usage_chunk()), "cut"),
    "end-without-finish-alone": (sse(ROLE), "cut"),
    "bad-json-first": (sse(ROLE[:-10] + b"\n\n", TEXT, FINISH, DONE), "malformed"),
    "bad-utf8-first": (sse(ROLE, chunk({"content": "x"}).replace(b'"x"', b'"\xff\xfe"'), FINISH, DONE), "malformed"),
    "html": (plain(HTML, kind=b"text/html"), "malformed"),
    "html-as-stream": (sse(HTML), "malformed"),
    "json-for-stream": (plain(WHOLE), "malformed"),
    "done-alone": (sse(DONE), "cut"),
    "nothing": (sse(), "malformed"),
    "empty-success": (sse(ROLE, FINISH, usage_chunk(), DONE), "malformed"),
    "error-first": (sse(ERROR), "error"),
    "error-after-role": (sse(ROLE, ERROR, DONE), "error"),
    "error-for-stream": (plain(ERROR[6:-2]), "error"),
    "status-500": (reply({"error": {"message": "no"}}, "500 Oops"), "error"),
    "status-408": (reply({"error": {"message": "no"}}, "408 Request Timeout"), "error"),
    "status-409": (reply({"error": {"message": "no"}}, "409 Conflict"), "error"),
    "status-504": (reply("", "504 Gateway Timeout"), "error"),
    "bad-http": (lambda connection: connection.sendall(b"HTTP/1.1 abc\r\n\r\n"), "malformed"),
}
# First what is shown, then, once the client has it, the rest; promised: what of it never comes.
AFTER_STREAM = {
    "cut-mid-content": (ROLE + TEXT, b"", 100, "cut"),
    "cut-mid-event": (ROLE + TEXT, TEXT[:50], 100, "cut"),
    "cut-mid-argument": (ROLE + CALL, call('{"ci'), 100, "cut"),
    "cut-after-finish": (ROLE + TEXT, FINISH, 100, "cut"),
    "cut-before-done": (ROLE + TEXT, FINISH + usage_chunk(), 100, "cut"),
    "cut-mid-done": (ROLE + TEXT, FINISH + usage_chunk() + DONE[:9], 7, "cut"),
    "end-without-finish": (ROLE + TEXT, b"", 0, "cut"),
    "end-mid-event": (ROLE + TEXT, TEXT[:50], 0, "cut"),
    "done-without-finish": (ROLE + TEXT, DONE, 0, "cut"),
    "bad-json-then-cut": (ROLE + TEXT, TEXT[:-10] + b"\n\n", 100, "cut"),
    "bad-json": (ROLE + TEXT, TEXT[:-10] + b"\n\n" + FINISH + DONE, 0, "malformed"),
    "bad-utf8": (ROLE + TEXT, TEXT.replace(b"half", b"h\xc3") + FINISH + DONE, 0, "malformed"),
    "html-in-stream": (ROLE + TEXT, HTML, 0, "cut"),
    "error-later": (ROLE + TEXT, ERROR, 0, "error"),
    "error-and-done": (ROLE + TEXT, ERROR + DONE, 0, "error"),
    "error-after-finish": (ROLE + TEXT, FINISH + ERROR + DONE, 0, "error"),
}


def in_two(first, rest, promised, shown):
    def answer(connection):
        head = SSE_HEAD + b"connection: close\r\ncontent-length: %d\r\n\r\n" % (len(first + rest) + promised)
        connection.sendall(head + first)
        assert shown.wait(RUN_LIMIT_S)
        connection.sendall(rest)
    return answer


BEFORE_PLAIN = {
    "cut-at-once": (shut, "cut"),
    "cut-before-body": (plain(b"", 100), "cut"),
    "cut-mid-body": (plain(WHOLE[:60], len(WHOLE) - 60), "cut"),
    "cut-mid-argument": (plain(CALLED[:CALLED.index(b"Paris")], 100), "cut"),
    "cut-before-last-byte": (plain(WHOLE[:-1], 1), "cut"),
    "cut-behind-the-end": (plain(WHOLE, 1), "cut"),
    "bad-json": (plain(WHOLE[:-20]), "malformed"),
    "bad-utf8": (plain(NO_UTF8), "malformed"),
    "html": (plain(HTML, kind=b"text/html"), "malformed"),
    "html-as-json": (plain(HTML), "malformed"),
    "stream-for-json": (sse(ROLE, TEXT, FINISH, DONE), "malformed"),
    "nothing": (plain(b""), "malformed"),
    "no-choices": (plain(b'{"object":"chat.completion","choices":[]}'), "malformed"),
    "empty-success": (plain(EMPTY), "malformed"),
    "error-object": (plain(ERROR[6:-2]), "error"),
    "status-500": (reply({"error": {"message": "no"}}, "500 Oops"), "error"),
    "status-408": (reply({"error": {"message": "no"}}, "408 Request Timeout"), "error"),
    "status-409": (reply({"error": {"message": "no"}}, "409 Conflict"), "error"),
    "status-504": (reply("", "504 Gateway Timeout"), "error"),
    "bad-http": (lambda connection: connection.sendall(b"HTTP/1.1 abc\r\n\r\n"), "malformed"),
}


# --- providers that speak Responses themselves -----------------------------------------------------------------


def said(kind, **more):
    said.number += 1
    return f"event: {kind}\n".encode() + b"data: " + json.dumps({"type": kind, "sequence_number": said.number, **more}).encode() + b"\n\n"


said.number = 0


def response(status, **more):
    return {"id": "resp_1", "object": "response", "created_at": 1760000000, "status": status, "model": "m", "output": [],
            "usage": None, "error": None, **more}


PROBLEM = {"code": "server_error", "message": "out of memory"}
BEGUN = (said("response.created", response=response("in_progress"))
         + said("response.in_progress", response=response("in_progress")))
ITEM = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
SPOKEN = (BEGUN + said("response.output_item.added", output_index=0, item=ITEM)
          + said("response.content_part.added", item_id="msg_1", output_index=0, content_index=0,
                 part={"type": "output_text", "text": "", "annotations": []})
          + said("response.output_text.delta", item_id="msg_1", output_index=0, content_index=0, delta="half of it"))
FAILED = said("response.failed", response=response("failed", error=PROBLEM))
TOLD = said("error", **PROBLEM, param=None)
DONE_ITEM = {**ITEM, "status": "completed", "content": [{"type": "output_text", "text": "from b", "annotations": []}]}
COMPLETED = response("completed", output=[DONE_ITEM], usage={
    "input_tokens": 10, "input_tokens_details": {"cached_tokens": 0}, "output_tokens": 2,
    "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 12})


def whole_native(head, request, number):
    if not json.loads(request).get("stream"):
        return reply(COMPLETED)
    return sse(SPOKEN.replace(b"half of it", b"from b"), said("response.output_text.done", item_id="msg_1", output_index=0,
                                                           content_index=0, text="from b"),
               said("response.output_item.done", output_index=0, item=DONE_ITEM), said("response.completed", response=COMPLETED))


NATIVE_BEFORE = {
    "native-failed-first": (sse(BEGUN, FAILED), "error"),
    "native-error-first": (sse(TOLD), "error"),
    "native-cut-first": (cut(BEGUN), "cut"),
    "native-ends-first": (sse(BEGUN), "cut"),
}
NATIVE_AFTER = {
    "native-failed-later": (SPOKEN, FAILED, 0, "error"),
    "native-error-later": (SPOKEN, TOLD, 0, "error"),
    "native-cut-later": (SPOKEN, b"", 100, "cut"),
    "native-ends-later": (SPOKEN, b"", 0, "cut"),
}
NATIVE_PLAIN = {
    "native-failed": (plain(json.dumps(response("failed", error=PROBLEM)).encode()), "error"),
    "native-error": (plain(json.dumps({"error": {**PROBLEM, "type": "server_error", "param": None}}).encode()), "error"),
    "native-cut": (plain(json.dumps(response("completed")).encode()[:50], 100), "cut"),
}

# What is odd and allowed, or odd and passed on as it is: the whole of it reaches the client.
ODD_STREAM = {
    "crlf": sse(ROLE, TEXT, FINISH, usage_chunk(), DONE).split(b"\r\n\r\n", 1)[1].replace(b"\n", b"\r\n"),
    "no-done": ROLE + TEXT + FINISH,
    "comments": b": hi\n\n" + ROLE + b": ping\n\n" + TEXT + FINISH + DONE,
    "whole-call": ROLE + call('{"city":"Paris"}', id="call_1", type="function", f={"name": "get_weather"})
                  + chunk(finish="tool_calls") + DONE,
    "one-character": ROLE + CALL + b"".join(call(letter) for letter in '{"city":"Paris"}') + chunk(finish="tool_calls") + DONE,
    "length-within-arguments": ROLE + CALL + call('{"ci') + chunk(finish="length") + DONE,
}
CUT_CALL = json.loads(CALLED)
CUT_CALL["choices"][0]["finish_reason"] = "length"
CUT_CALL["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] = '{"ci'
ODD_PLAIN = {"length-within-arguments": json.dumps(CUT_CALL).encode()}
