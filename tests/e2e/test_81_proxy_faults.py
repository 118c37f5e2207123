"""The proxy against providers that fail: before the commit another target answers, after it the stream ends
with an error, and nothing that is not whole is ever shown as whole."""
import email.utils
import json
import socket
import threading
import time

import pytest

from conftest import RUN_LIMIT_S, chat, replace, reply
from proxy_rig import (DONE, SHORT_FIRST, SHORT_IDLE, SSE_HEAD, chunk, config_of, cut_sse, key_of, make_matrix, sse,
                       usage_chunk)

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}]
NAMED = {"type": "function", "function": {"name": "get_weather"}}
GOOD = sse(chunk({"role": "assistant", "content": ""}), chunk({"content": "from b"}), chunk(finish="stop"), usage_chunk(),
           DONE)
ROLE = chunk({"role": "assistant", "content": ""})


@pytest.fixture
def good_b(scripted):
    """A second provider that is well, streamed or not."""
    return scripted(lambda head, body, number: GOOD if json.loads(body).get("stream") else reply(chat("from b")))


def broken(sim, name, *faults):
    return sim("--models", "m", "--api-key", key_of(name), "--break", ",".join(faults)).url


def told(proxy, target, outcome):
    return proxy.metric(f'attempts_total{{target="{target}",outcome="{outcome}"}}')


# --- before the commit: another target answers ------------------------------------------------------

BEFORE_STREAM = [
    ("close-at-once", "cut"), ("cut-before-role", "cut"), ("empty-success", "malformed"), ("error-200", "error"),
    ("html-200", "malformed"), ("inband-error-first", "error"), ("json-on-stream", "malformed"),
    ("overload-503", "error"), ("storm-500", "error"), ("storm-429", "error"), ("quota-429", "refused"),
    ("pay-402", "refused"), ("deny-401", "refused"), ("retry-after-huge", "error"),
]


@pytest.mark.parametrize("fault, outcome", BEFORE_STREAM)
def test_before_the_commit_a_stream_comes_from_another_target(start, sim, good_b, fault, outcome):
    proxy = start({"a": broken(sim, "a", fault), "b": good_b.url})
    answer = proxy.stream()
    assert answer.status == 200 and not answer.cut and answer.content == "from b", answer
    assert answer.headers["x-proviso-target"] == "b/m"
    assert int(answer.headers["x-proviso-attempts"]) >= 2
    assert answer.events[-1] == "[DONE]"
    assert told(proxy, "a/m", outcome) >= 1 and told(proxy, "b/m", "ok") == 1
    assert proxy.metric("fallbacks_total") == 1


BEFORE_PLAIN = [
    ("close-at-once", "cut"), ("cut-mid-body", "cut"), ("empty-success", "malformed"), ("error-200", "error"),
    ("html-200", "malformed"), ("overload-503", "error"), ("storm-500", "error"), ("storm-429", "error"),
    ("quota-429", "refused"), ("pay-402", "refused"), ("deny-401", "refused"),
]


@pytest.mark.parametrize("fault, outcome", BEFORE_PLAIN)
def test_a_plain_answer_comes_from_another_target(start, sim, good_b, fault, outcome):
    proxy = start({"a": broken(sim, "a", fault), "b": good_b.url})
    answer = proxy.chat()
    assert answer.status == 200 and answer.json["choices"][0]["message"]["content"] == "from b", answer
    assert answer.headers["x-proviso-target"] == "b/m"
    assert told(proxy, "a/m", outcome) >= 1


@pytest.mark.parametrize("fault, streamed", [("stall-first", False), ("stall-first", True), ("stall-headers", True)])
def test_a_provider_that_says_nothing_is_left_for_another(start, sim, good_b, fault, streamed):
    proxy = start({"a": broken(sim, "a", fault), "b": good_b.url}, proxy=SHORT_FIRST)
    answer = proxy.chat(stream=streamed)
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "b/m", answer
    assert told(proxy, "a/m", "timeout") == 1


def test_nobody_listening_is_left_for_another(start, good_b):
    proxy = start({"a": "http://127.0.0.1:9/v1", "b": good_b.url})
    answer = proxy.chat()
    # Asked twice: no connection is worth a second try.
    assert answer.headers["x-proviso-target"] == "b/m" and answer.headers["x-proviso-attempts"] == "3", answer
    assert proxy.metric("retries_total") == 1


def test_comments_do_not_count_as_events(start, scripted, good_b):
    def comments(connection):
        connection.sendall(SSE_HEAD + b"transfer-encoding: chunked\r\n\r\n")
        try:
            while True:
                connection.sendall(b"9\r\n: ping..\n\r\n")
                connection.sendall(b"1\r\n\n\r\n")
                if not threading.Event().wait(0.02):
                    continue
        except OSError:
            return

    proxy = start({"a": scripted(lambda head, body, number: comments).url, "b": good_b.url}, proxy=SHORT_FIRST)
    answer = proxy.stream()
    assert answer.headers["x-proviso-target"] == "b/m", answer
    assert told(proxy, "a/m", "timeout") == 1


def test_a_role_alone_commits_nobody(start, scripted, good_b):
    proxy = start({"a": scripted(lambda head, body, number: cut_sse(ROLE)).url, "b": good_b.url})
    answer = proxy.stream()
    assert answer.content == "from b" and not answer.cut, answer


# --- after the commit: an error event, never a clean end ---------------------------------------------

AFTER = [
    ("cut-mid-content", "cut"), ("cut-mid-event", "cut"), ("cut-after-finish", "cut"), ("cut-before-done", "cut"),
    ("end-without-finish", "cut"), ("inband-error", "error"), ("inband-error-done", "error"),
    ("malformed-event", "malformed"),
]


@pytest.mark.parametrize("fault, outcome", AFTER)
def test_after_the_commit_a_stream_ends_with_an_error(start, sim, good_b, fault, outcome):
    proxy = start({"a": broken(sim, "a", fault), "b": good_b.url})
    answer = proxy.stream()
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "a/m", answer
    assert "[DONE]" not in answer.events
    last = json.loads(answer.events[-1])
    assert last["error"]["code"] == "upstream_error" and "a/m" in last["error"]["message"], answer
    for event in answer.events[:-1]:  # whole events only
        if fault != "malformed-event":
            json.loads(event)
    assert not good_b.requests
    assert told(proxy, "a/m", outcome) == 1 and told(proxy, "a/m", "ok") == 0
    assert proxy.metric("broken_streams_total") == 1


def test_arguments_of_a_call_that_break_off_are_no_end(start, sim, good_b):
    proxy = start({"a": broken(sim, "a", "cut-mid-argument"), "b": good_b.url})
    answer = proxy.stream("weather in Paris?", tools=TOOLS, tool_choice=NAMED)
    assert answer.headers["x-proviso-target"] == "a/m" and "[DONE]" not in answer.events, answer
    assert json.loads(answer.events[-1])["error"]["code"] == "upstream_error"


def test_a_stall_after_the_commit_is_a_timeout_and_no_fallback(start, sim, good_b):
    proxy = start({"a": broken(sim, "a", "stall-mid"), "b": good_b.url}, proxy=SHORT_IDLE)
    answer = proxy.stream()
    assert answer.headers["x-proviso-target"] == "a/m" and answer.content, answer
    error = json.loads(answer.events[-1])["error"]
    # No bytes and no event: both clocks run out at the same moment, and either may be the first to be looked at.
    assert error["code"] == "upstream_timeout", error
    assert error["message"].endswith(("no further event came in time", "nothing more came in time")), error
    assert not good_b.requests and told(proxy, "a/m", "timeout") == 1


def test_done_alone_proves_nothing(start, scripted):
    up = scripted(lambda head, body, number: sse(ROLE, chunk({"content": "half"}), DONE))
    answer = start({"a": up.url}).stream()
    assert "[DONE]" not in answer.events and "error" in json.loads(answer.events[-1]), answer


def test_a_finish_without_done_is_whole(start, scripted):
    up = scripted(lambda head, body, number: sse(ROLE, chunk({"content": "all"}), chunk(finish="stop")))
    answer = start({"a": up.url}).stream()
    assert answer.body == ROLE + chunk({"content": "all"}) + chunk(finish="stop")


# --- bytes that are odd and allowed ---------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["comments", "crlf", "filter-chunk-first", "stream-burst", "usage-every-chunk",
                                   "usage-with-choices", "usage-zero", "usage-absent", "tool-one-character"])
def test_odd_streams_pass(start, sim, fault):
    proxy = start({"a": broken(sim, "a", fault)})
    answer = proxy.stream(stream_options={"include_usage": True})
    assert answer.status == 200 and not answer.cut, answer
    assert answer.events[-1] == "[DONE]" and answer.content.startswith("This is a simulated reply"), answer
    assert told(proxy, "a/m", "ok") == 1


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_bytes_pass_the_same_however_they_are_cut(start, scripted, size):
    body = (b": hi\n\n" + ROLE + chunk({"content": "\u00e9\u20ac"}).replace(b"\n\n", b"\r\n\r\n") + b"event: x\ndata: {}\n\n"
            + chunk(finish="stop") + DONE)

    def pieces(connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(SSE_HEAD + b"content-length: %d\r\n\r\n" % len(body))
        for at in range(0, len(body), size):
            connection.sendall(body[at:at + size])

    answer = start({"a": scripted(lambda head, _, number: pieces).url}).stream()
    assert answer.body == body


# --- all fail ------------------------------------------------------------------------------------------


def test_when_all_fail_the_first_failure_is_told_with_the_attempts(start, sim):
    proxy = start({"a": broken(sim, "a", "storm-500"), "b": broken(sim, "b", "html-200")})
    for answer in (proxy.chat(), proxy.stream()):
        assert answer.status == 502 and answer.error["code"] == "upstream_error", answer
        assert answer.error["message"].startswith("a/m: ")
        assert [(a["target"], a["status"], a["outcome"]) for a in answer.error["attempts"]] == [
            ("a/m", 500, "error"), ("b/m", 200, "malformed")]
        assert answer.headers["x-proviso-attempts"] == "2" and "x-proviso-target" not in answer.headers


def test_a_timeout_of_all_is_504(start, sim):
    proxy = start({"a": broken(sim, "a", "stall-first")}, proxy=SHORT_FIRST)
    answer = proxy.chat()
    assert answer.status == 504 and answer.error["code"] == "upstream_timeout", answer


def test_a_limit_of_all_is_429_with_the_time_to_wait(start, sim):
    proxy = start({"a": broken(sim, "a", "retry-after-huge")})
    answer = proxy.chat()
    assert answer.status == 429 and answer.error["code"] == "rate_limit_exceeded", answer
    assert int(answer.headers["retry-after"]) == 3600
    assert proxy.metric("retries_total") == 0


def test_a_refused_key_is_ours_and_not_the_clients(start, sim):
    proxy = start({"a": broken(sim, "a", "deny-401")})
    answer = proxy.chat()
    assert answer.status == 502 and answer.error["code"] == "upstream_error", answer


@pytest.mark.parametrize("status", ["400 Bad Request", "422 Unprocessable Entity"])
@pytest.mark.parametrize("streamed", [False, True])
def test_what_a_provider_says_of_the_request_goes_to_the_client(start, scripted, good_b, status, streamed):
    body = {"error": {"message": "no such voice", "type": "invalid_request_error", "param": "voice", "code": None}}
    up = scripted(lambda head, asked, number: reply(body, status))
    proxy = start({"a": up.url, "b": good_b.url})
    answer = proxy.chat(stream=streamed)
    assert answer.status == int(status[:3]) and answer.json == body, answer
    assert not good_b.requests and len(up.requests) == 1


def test_too_long_for_one_goes_to_a_larger_one(start, scripted, good_b):
    body = {"error": {"message": "This model's maximum context length is 8192 tokens.", "type": "invalid_request_error",
                      "param": "messages", "code": "context_length_exceeded"}}
    up = scripted(lambda head, asked, number: reply(body, "400 Bad Request"))
    config = config_of({"a": up.url, "b": good_b.url})
    proxy = start({"a": up.url, "b": good_b.url})
    assert proxy.chat().status == 400  # b has no more room than a
    config["providers"]["b"]["models"]["m"]["context"] = 100000
    replace(proxy.config_path, json.dumps(config))
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat().headers["x-proviso-target"] == "b/m"


# --- waits and retries -------------------------------------------------------------------------------------


def test_a_short_pause_is_waited_for_once(start, scripted):
    def answer(head, body, number):
        if number == 1:
            return reply({"error": {"message": "slow down"}}, "429 Too Many Requests", extra="retry-after: 0\r\n")
        return reply(chat("second time"))

    up = scripted(answer)
    proxy = start({"a": up.url})
    said = proxy.chat()
    assert said.status == 200 and said.headers["x-proviso-attempts"] == "2", said
    assert proxy.metric("retries_total") == 1


def test_a_second_refusal_is_not_waited_for(start, scripted):
    up = scripted(lambda head, body, number: reply({"error": {"message": "slow down"}}, "429 Too Many Requests",
                                                   extra="retry-after: 0\r\n"))
    answer = start({"a": up.url}).chat()
    assert answer.status == 429 and len(up.requests) == 2, answer


@pytest.mark.parametrize("asked", [lambda: "-5", lambda: email.utils.formatdate(time.time() - 5, usegmt=True)])
def test_a_pause_that_is_over_is_no_pause(start, scripted, asked):
    def answer(head, body, number):
        if number == 1:
            return reply({}, "503 Service Unavailable", extra=f"retry-after: {asked()}\r\n")
        return reply(chat("again"))

    said = start({"a": scripted(answer).url}).chat()
    assert said.status == 200 and said.headers["x-proviso-attempts"] == "2", said


def test_retries_have_a_budget(start, scripted):
    up = scripted(lambda head, body, number: reply({}, "503 Service Unavailable", extra="retry-after: 0\r\n"))
    proxy = start({"a": up.url}, proxy={"breaker": {"min_requests": 1000}})
    for _ in range(30):
        assert proxy.chat().status == 502
    # Ten at once, and one more for every ten requests.
    assert 10 <= proxy.metric("retries_total") <= 13


# --- health -------------------------------------------------------------------------------------------------


def test_a_breaker_opens_and_others_are_asked_first(start, scripted, good_b):
    up = scripted(lambda head, body, number: reply({}, "500 Internal Server Error"))
    proxy = start({"a": up.url, "b": good_b.url}, proxy={"breaker": {"min_requests": 5, "open": "1h"}})
    for _ in range(20):
        assert proxy.chat().headers["x-proviso-target"] == "b/m"
    assert len(up.requests) == 5
    assert proxy.metric('breaker_state{target="a/m"}') == 3


def test_an_open_breaker_does_not_make_the_last_target_unproven(start, scripted):
    up = scripted(lambda head, body, number: reply({}, "500 Internal Server Error"))
    proxy = start({"a": up.url}, proxy={"breaker": {"min_requests": 2, "open": "1h"}})
    assert [proxy.chat().status for _ in range(4)] == [502] * 4
    assert len(up.requests) == 4
    assert "proxy.unhealthy" in proxy.log_path.read_text()


def test_broken_streams_open_the_breaker(start, scripted, good_b):
    up = scripted(lambda head, body, number: cut_sse(ROLE, chunk({"content": "x"})))
    proxy = start({"a": up.url, "b": good_b.url}, proxy={"breaker": {"min_requests": 3, "open": "1h"}})
    targets = [proxy.stream().headers["x-proviso-target"] for _ in range(6)]
    assert targets == ["a/m"] * 3 + ["b/m"] * 3


def test_a_probe_closes_the_breaker_again(start, scripted, good_b):
    well = threading.Event()
    up = scripted(lambda head, body, number: reply(chat("well")) if well.is_set() else reply({}, "500 Oops"))
    proxy = start({"a": up.url, "b": good_b.url}, proxy={"breaker": {"min_requests": 2, "open": "50ms"}})
    for _ in range(3):
        proxy.chat()
    assert proxy.metric('breaker_state{target="a/m"}') in (1, 3)
    well.set()
    while proxy.chat().headers["x-proviso-target"] == "b/m":
        pass
    assert proxy.metric('breaker_state{target="a/m"}') == 0


def test_only_the_refused_key_is_out(start, sim, good_b):
    proxy = start({"a": broken(sim, "a", "deny-401"), "b": good_b.url})
    assert proxy.chat().headers["x-proviso-attempts"] == "2"
    assert proxy.chat().headers["x-proviso-attempts"] == "1"
    assert proxy.metric('breaker_state{target="a/m"}') == 4
    assert proxy.metric('breaker_state{target="b/m"}') == 0


# --- what the matrix has seen ---------------------------------------------------------------------------


@pytest.mark.parametrize("fault, kind", [
    ("TS-01", {"stream": True, "tools": TOOLS}),
    ("TS-02", {"stream": True, "tools": TOOLS, "parallel_tool_calls": True}),
    ("ignore-tool-choice", {"tools": TOOLS, "tool_choice": NAMED}),
    ("ignore-schema", {"response_format": {"type": "json_schema", "json_schema": {
        "name": "x", "strict": True, "schema": {"type": "object", "properties": {"a": {"type": "string"}},
                                                "required": ["a"], "additionalProperties": False}}}}),
])
def test_what_check_found_wrong_is_not_asked_of_that_target(tmp_path, start, good_b, sim, fault, kind):
    """From the fault to the route: the same provider that fails the case never gets such a request."""
    folder = tmp_path / "checked"
    folder.mkdir()
    matrix = make_matrix(folder, a=fault)
    proxy = start({"a": broken(sim, "a", fault), "b": good_b.url})
    replace(proxy.matrix_path, matrix.read_bytes())
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat(**kind).headers["x-proviso-target"] == "b/m"
    alone = proxy.chat(**{**kind, "model": "a/m"})
    assert alone.status == 503 and alone.error["code"] == "no_proven_target", alone
    assert all(e["target"] == "a/m" and e["case"] for e in alone.error["excluded"])
    # What has nothing to do with it is served.
    assert proxy.chat().headers["x-proviso-target"] == "a/m"


# --- clients ---------------------------------------------------------------------------------------------------


def ask_and_leave(proxy, wait_for, streamed=True):
    """Asks, waits for an event, and closes."""
    body = json.dumps({"model": "coder", "stream": streamed, "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        wait_for(connection)


@pytest.mark.parametrize("phase", ["before the head", "before the commit", "after the commit", "plain"])
def test_a_client_that_leaves_ends_the_attempt(start, scripted, phase):
    asked, closed = threading.Event(), threading.Event()

    def answer(connection):
        if phase != "before the head" and phase != "plain":
            connection.sendall(SSE_HEAD + b"content-length: 100000\r\n\r\n" + ROLE)
        if phase == "after the commit":
            connection.sendall(chunk({"content": "x"}))
        asked.set()
        if not connection.recv(1):
            closed.set()

    proxy = start({"a": scripted(lambda head, body, number: answer).url})

    def wait(connection):
        assert asked.wait(RUN_LIMIT_S)
        if phase == "after the commit":
            assert connection.recv(65536)

    ask_and_leave(proxy, wait, phase != "plain")
    assert closed.wait(RUN_LIMIT_S), "the provider is still held"
    while proxy.metric("open_requests") > 0:
        pass
    assert told(proxy, "a/m", "client_gone") == 1
    assert proxy.metric("client_gone_total") == 1 and proxy.metric("open_streams") == 0


def test_a_slow_client_holds_the_provider_back(start, scripted):
    sent, full = [], threading.Event()
    piece = chunk({"content": "x" * 60000})

    def flood(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
        connection.sendall(SSE_HEAD + b"transfer-encoding: chunked\r\n\r\n")
        frame = b"%x\r\n" % len(piece) + piece + b"\r\n"
        connection.settimeout(1)
        try:
            for _ in range(1000):  # 60 MB, if somebody took them
                connection.sendall(frame)
                sent.append(1)
        except OSError:
            pass
        full.set()

    proxy = start({"a": scripted(lambda head, body, number: flood).url})
    ask_and_leave(proxy, lambda connection: (connection.recv(1000), full.wait(RUN_LIMIT_S)))
    assert 0 < len(sent) < 400, f"{len(sent)} pieces of 60 kB were taken for a client that reads nothing"


def test_a_client_that_reads_slowly_gets_every_byte(start, scripted):
    body = ROLE + b"".join(chunk({"content": f"{n}:" + "x" * 20000}) for n in range(300)) + chunk(finish="stop") + DONE

    def flood(connection):
        connection.sendall(SSE_HEAD + b"content-length: %d\r\n\r\n" % len(body) + body)

    proxy = start({"a": scripted(lambda head, asked, number: flood).url})
    asked = json.dumps({"model": "coder", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.connect(("127.0.0.1", proxy.port))
        connection.sendall(b"POST /v1/chat/completions HTTP/1.0\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(asked) + asked)
        got = b""
        while True:
            more = connection.recv(4096)
            if not more:
                break
            got += more
    assert got.split(b"\r\n\r\n", 1)[1] == body


def test_many_at_once(start, sim):
    proxy = start({"a": broken(sim, "a", "storm-500%20"), "b": sim("--models", "m", "--api-key", key_of("b")).url},
                  proxy={"breaker": {"min_requests": 1000}})
    answers = []

    def ask(number):
        answers.append(proxy.chat(f"hello {number}", stream=number % 2 == 0))

    clients = [threading.Thread(target=ask, args=(n,)) for n in range(60)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    assert [a.status for a in answers] == [200] * 60
    assert len({a.headers["x-proviso-request-id"] for a in answers}) == 60
    # A client has its last byte before the proxy has put the request away: each answer gives it a turn.
    assert any(proxy.metric("open_requests") == 0 for _ in range(1000))
