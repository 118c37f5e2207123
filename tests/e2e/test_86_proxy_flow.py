"""What flows and what is held back: clients that leave, clocks apart, what is asked again and what is not."""
import csv
import io
import json
import signal
import socket
import threading

import pytest

from conftest import RUN_LIMIT_S, Proviso, chat, reply
from proxy_rig import DONE, SHORT_IDLE, SSE_HEAD, chunk, config_of, make_matrix, sse, usage_chunk

LEDGER = {"ledger": {"path": "proxy.db"}}
ROLE = chunk({"role": "assistant", "content": ""})
REST = chunk({"content": "abcd"}) + chunk(finish="stop") + usage_chunk(100, 50) + DONE
GOOD = sse(ROLE, REST)


def rows(folder):
    done = Proviso(folder)("usage", "--format", "csv")
    assert done.code == 0, done
    return list(csv.DictReader(io.StringIO(done.out)))


def settled(proxy):
    while proxy.metric("open_requests") > 0:
        pass


def well(head, body, number):
    return GOOD if json.loads(body).get("stream") else reply(chat("well"))


# --- a client that leaves --------------------------------------------------------------------------------


class Leaver:
    """A client that asks, waits for `phase`, and is gone; the provider behind it goes on when told, or is hung up on."""

    def __init__(self, phase, hung_up_on=False):
        self.phase, self.streamed, self.patience_s = phase, not phase.startswith("plain"), 60 if hung_up_on else 0.05
        self.asked, self.gone, self.cut, self.read = (threading.Event() for _ in range(4))

    def answer(self, connection):
        rest = REST if self.streamed else reply(chat("well"), extra="connection: close\r\n")
        if self.streamed and self.phase != "before the head":
            connection.sendall(SSE_HEAD + b"content-length: %d\r\n\r\n" % (len(ROLE) + len(rest)) + ROLE)
        if self.phase == "after the commit":
            connection.sendall(rest[:len(chunk({"content": "abcd"}))])
            rest = rest[len(chunk({"content": "abcd"})):]
        self.asked.set()
        assert self.gone.wait(RUN_LIMIT_S)
        connection.settimeout(self.patience_s)
        try:
            # Whoever hangs up does it before it reads more.
            while not self.read.is_set():
                if not connection.recv(1):
                    self.cut.set()
                    return
        except TimeoutError:
            pass
        if self.streamed and self.phase == "before the head":
            rest = SSE_HEAD + b"content-length: %d\r\n\r\n" % (len(ROLE) + len(rest)) + ROLE + rest
        connection.sendall(rest)
        self.read.set()

    def leave(self, proxy):
        body = json.dumps({"model": "coder", "stream": self.streamed,
                           "messages": [{"role": "user", "content": "hi"}]}).encode()
        with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
            connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body)
                               + body)
            assert self.asked.wait(RUN_LIMIT_S)
            if self.phase == "after the commit":
                assert connection.recv(65536)
        while proxy.metric("client_gone_total") == 0:
            pass
        self.gone.set()
        settled(proxy)


PHASES = ["before the head", "before the commit", "after the commit", "plain"]


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("where", ["proxy", "route"])
def test_drained_a_provider_is_read_to_its_end_and_its_usage_is_in_the_row(start, scripted, tmp_path, phase, where):
    leaver = Leaver(phase)
    up = scripted(lambda head, body, number: leaver.answer)
    drain = {"proxy": {"client_gone": "drain"}} if where == "proxy" else {
        "routes": {"coder": {"targets": ["a/m"], "client_gone": "drain"}}}
    proxy = start({"a": up.url}, **LEDGER, **drain)
    leaver.leave(proxy)
    assert leaver.read.is_set() and not leaver.cut.is_set(), "the provider was cut off"
    row, = rows(tmp_path)
    assert (row["outcome"], row["client_disconnected"], row["usage_source"]) == ("ok", "true", "reported"), row
    tokens = ("100", "50") if leaver.streamed else ("10", "2")
    assert (row["prompt_tokens"], row["completion_tokens"], row["finish_reason"]) == (*tokens, "stop")
    assert float(row["cost_usd"]) > 0 and row["baseline_cost_usd"] == row["cost_usd"]
    assert proxy.metric("drained_total") == 1 and proxy.metric("open_streams") == 0
    assert len(up.requests) == 1


@pytest.mark.parametrize("phase", PHASES)
def test_cancelled_a_provider_is_cut_off_and_the_row_says_why(start, scripted, tmp_path, phase):
    leaver = Leaver(phase, hung_up_on=True)
    up = scripted(lambda head, body, number: leaver.answer)
    proxy = start({"a": up.url}, **LEDGER, proxy={"client_gone": "drain"},
                  routes={"coder": {"targets": ["a/m"], "client_gone": "cancel"}})
    leaver.leave(proxy)
    assert leaver.cut.wait(RUN_LIMIT_S), "the provider is still held"
    row, = rows(tmp_path)
    assert (row["outcome"], row["client_disconnected"]) == ("client_gone", "true")
    # It was at work when we hung up: the prompt at least is paid.
    assert row["usage_source"] == "estimated" and float(row["cost_usd"]) > 0
    assert int(row["completion_tokens"]) == (1 if phase == "after the commit" else 0)
    assert proxy.metric("drained_total") == 0 and len(up.requests) == 1


def test_nobody_falls_back_for_a_client_that_has_left(start, scripted, tmp_path):
    asked, go = threading.Event(), threading.Event()

    def fails(connection):
        asked.set()
        assert go.wait(RUN_LIMIT_S)
        connection.sendall(reply({}, "500 Internal Server Error"))

    other = scripted(well)
    proxy = start({"a": scripted(lambda head, body, number: fails).url, "b": other.url}, **LEDGER,
                  proxy={"client_gone": "drain"})
    leaver = Leaver("plain")
    leaver.asked = asked
    leaver.gone = go
    leaver.leave(proxy)
    row, = rows(tmp_path)
    assert (row["outcome"], row["status"], row["client_disconnected"]) == ("error", "500", "true")
    assert not other.requests


def test_a_client_that_leaves_after_the_end_changes_nothing(start, scripted, tmp_path):
    proxy = start({"a": scripted(well).url}, **LEDGER, proxy={"client_gone": "drain"})
    body = json.dumps({"model": "coder", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        got = b""
        while b"[DONE]" not in got:
            got += connection.recv(65536)
    settled(proxy)
    row, = rows(tmp_path)
    assert (row["outcome"], row["client_disconnected"]) == ("ok", "false")
    assert proxy.metric("drained_total") == 0


def test_a_drained_provider_that_stalls_is_left_in_time(start, scripted, tmp_path):
    leaver = Leaver("after the commit")
    leaver.read.set()  # it sends no more, and looks for no end

    def stalls(connection):
        connection.sendall(SSE_HEAD + b"content-length: 100000\r\n\r\n" + ROLE + chunk({"content": "abcd"}))
        leaver.asked.set()
        connection.recv(1)

    proxy = start({"a": scripted(lambda head, body, number: stalls).url}, **LEDGER,
                  proxy={"client_gone": "drain", **SHORT_IDLE})
    leaver.leave(proxy)
    row, = rows(tmp_path)
    assert (row["outcome"], row["client_disconnected"]) == ("timeout", "true")


def test_a_second_signal_ends_what_is_drained(start, scripted):
    leaver = Leaver("after the commit")
    proxy = start({"a": scripted(lambda head, body, number: leaver.answer).url}, proxy={"client_gone": "drain"})
    body = json.dumps({"model": "coder", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert leaver.asked.wait(RUN_LIMIT_S) and connection.recv(65536)
    while proxy.metric("drained_total") == 0:
        pass
    proxy.process.send_signal(signal.SIGTERM)
    while "proxy.draining" not in proxy.log_path.read_text():
        pass
    proxy.stop()
    leaver.gone.set()


def test_a_second_signal_ends_what_would_be_drained_then(start, scripted):
    """The client is there until the end: that it is cut off by us is no reason to read on for it."""
    def holds(connection):
        connection.sendall(SSE_HEAD + b"content-length: 100000\r\n\r\n" + ROLE + chunk({"content": "abcd"}))
        connection.recv(1)

    proxy = start({"a": scripted(lambda head, body, number: holds).url}, proxy={
        "client_gone": "drain", "timeouts": {"first_event": "1h", "idle": "1h", "total": "2h"}})
    body = json.dumps({"model": "coder", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(65536)
        proxy.process.send_signal(signal.SIGTERM)
        while "proxy.draining" not in proxy.log_path.read_text():
            pass
        proxy.stop()  # while the provider holds its line


# --- clocks apart ----------------------------------------------------------------------------------------


def pings(first):
    """`first`, then comments for ever."""
    def answer(connection):
        connection.sendall(SSE_HEAD + b"transfer-encoding: chunked\r\n\r\n")
        if first:
            connection.sendall(b"%x\r\n" % len(first) + first + b"\r\n")
        try:
            while not threading.Event().wait(0.02):
                connection.sendall(b"9\r\n: ping..\n\r\n1\r\n\n\r\n")
        except OSError:
            return
    return answer


def test_comments_between_events_keep_no_stream_alive(start, scripted, tmp_path):
    proxy = start({"a": scripted(lambda head, body, number: pings(ROLE + chunk({"content": "abcd"}))).url}, **LEDGER,
                  proxy=SHORT_IDLE)
    answer = proxy.stream()
    assert "error" in json.loads(answer.events[-1]) and "[DONE]" not in answer.events, answer
    error = json.loads(answer.events[-1])["error"]
    assert error["code"] == "upstream_timeout", error
    assert error["message"].endswith("no further event came in time"), "the clock of all is another one"
    row, = rows(tmp_path)
    assert row["outcome"] == "timeout"


def test_the_clock_of_all_ends_a_stream_of_events_that_never_ends(start, scripted, tmp_path):
    def chatter(connection):
        connection.sendall(SSE_HEAD + b"transfer-encoding: chunked\r\n\r\n")
        event = chunk({"content": "x"})
        try:
            while not threading.Event().wait(0.02):
                connection.sendall(b"%x\r\n" % len(event) + event + b"\r\n")
        except OSError:
            return

    proxy = start({"a": scripted(lambda head, body, number: chatter).url}, **LEDGER,
                  proxy={"timeouts": {"first_event": "60s", "idle": "60s", "total": "3s"}})
    answer = proxy.stream()
    assert json.loads(answer.events[-1])["error"]["code"] == "upstream_timeout", answer
    assert rows(tmp_path)[0]["outcome"] == "timeout"


def test_the_first_event_and_the_next_have_clocks_of_their_own(start, scripted):
    """What is slow to begin may still be quick, and the other way round."""
    def slow_start(connection):
        threading.Event().wait(0.6)
        connection.sendall(GOOD)

    up = scripted(lambda head, body, number: slow_start)
    proxy = start({"a": up.url}, proxy={"timeouts": {"first_event": "60s", "idle": "500ms"}})
    assert proxy.stream().events[-1] == "[DONE]"


# --- what is asked again, and what is not ------------------------------------------------------------------

FINAL = ["400 Bad Request", "401 Unauthorized", "402 Payment Required", "403 Forbidden", "404 Not Found",
         "405 Method Not Allowed", "422 Unprocessable Entity", "500 Internal Server Error", "501 Not Implemented",
         "502 Bad Gateway", "504 Gateway Timeout"]


@pytest.mark.parametrize("status", FINAL)
def test_no_status_but_429_and_503_is_asked_again(start, scripted, status):
    up = scripted(lambda head, body, number: reply({"error": {"message": "no"}}, status, extra="retry-after: 0\r\n"))
    proxy = start({"a": up.url})
    answer = proxy.chat()
    assert answer.status >= 400 and len(up.requests) == 1, answer
    assert proxy.metric("retries_total") == 0


def overloaded(start, scripted, **urls):
    """A provider whose breaker opens at its first failure, and how to begin with it and others behind it."""
    up = scripted(lambda head, body, number: reply({}, "503 Service Unavailable", extra="retry-after: 0\r\n"))
    proxy = {"breaker": {"min_requests": 1, "open": "1h"}}
    return up, lambda **more: start({"a": up.url, **urls}, proxy={**proxy, **more})


def test_what_opened_its_breaker_is_asked_again_only_where_no_other_is_left(start, scripted):
    other = scripted(well)
    up, begin = overloaded(start, scripted, b=other.url)
    answer = begin().chat()
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "b/m", answer
    assert len(up.requests) == 1 and len(other.requests) == 1


@pytest.mark.parametrize("unhealthy, asked", [("serve", 2), ("reject", 1)])
def test_what_opened_its_breaker_and_is_alone_is_asked_again_unless_that_is_refused(start, scripted, unhealthy, asked):
    up, begin = overloaded(start, scripted)
    answer = begin(unhealthy=unhealthy).chat()
    assert answer.status >= 500 and len(answer.error["attempts"]) == asked, answer
    assert len(up.requests) == asked


@pytest.mark.parametrize("status", ["401 Unauthorized", "402 Payment Required", "403 Forbidden"])
def test_a_refused_key_takes_out_its_provider_and_no_other(start, scripted, status):
    up, other = scripted(lambda head, body, number: reply({"error": {"message": "no"}}, status)), scripted(well)
    proxy = start({"a": up.url, "b": other.url})
    for _ in range(3):
        assert proxy.chat().headers["x-proviso-target"] == "b/m"
    assert len(up.requests) == 1 and len(other.requests) == 3
    assert proxy.metric('breaker_state{target="a/m"}') == 4 and proxy.metric('breaker_state{target="b/m"}') == 0


def test_an_endpoint_that_a_server_lacks_opens_no_breaker(start, scripted):
    """501: the next target is asked, and what the server does offer goes on."""
    def answer(head, body, number):
        if b"/embeddings" in head.split(b"\r\n")[0]:
            return reply({"error": {"message": "no such thing here"}}, "501 Not Implemented")
        return well(head, body, number)

    up = scripted(answer)
    proxy = start({"a": up.url}, proxy={"breaker": {"min_requests": 2, "open": "1h"}}, policy={"mode": "warn"})
    for _ in range(5):
        assert proxy.send("POST", "/v1/embeddings", {"model": "coder", "input": "x"}).status == 502
    assert proxy.metric('breaker_state{target="a/m"}') == 0
    assert proxy.chat().status == 200


# --- the limits of a provider --------------------------------------------------------------------------------


def limited(urls, limits, **sections):
    """A config whose provider a has limits."""
    providers = config_of(urls)["providers"]
    providers["a"]["limits"] = limits
    return {"providers": providers, **sections}


def held(go):
    """A provider that answers nobody before it may."""
    def answer(head, body, number):
        def later(connection):
            assert go.wait(RUN_LIMIT_S)
            connection.sendall(reply(chat("held"), extra="connection: close\r\n"))
        return later
    return answer


def test_a_provider_at_its_limit_is_passed_over_and_free_again_afterwards(start, scripted):
    go = threading.Event()
    slow, other = scripted(held(go)), scripted(well)
    urls = {"a": slow.url, "b": other.url}
    proxy = start(urls, "--workers", "2", **limited(urls, {"concurrency": 2}))
    answers = []
    clients = [threading.Thread(target=lambda: answers.append(proxy.chat())) for _ in range(2)]
    for client in clients:
        client.start()
    while len(slow.requests) < 2:
        pass
    for _ in range(5):
        assert proxy.chat().headers["x-proviso-target"] == "b/m"
    assert len(slow.requests) == 2 and proxy.metric("upstream_limited_total") == 5
    go.set()
    for client in clients:
        client.join()
    assert [a.headers["x-proviso-target"] for a in answers] == ["a/m"] * 2
    assert proxy.chat().headers["x-proviso-target"] == "a/m"


def test_where_no_other_is_left_a_request_waits_for_a_short_while(start, scripted):
    go = threading.Event()
    slow = scripted(held(go))
    urls = {"a": slow.url}
    proxy = start(urls, **limited(urls, {"concurrency": 1}, proxy={"timeouts": {"queue": "60s"}}))
    answers = []
    clients = [threading.Thread(target=lambda: answers.append(proxy.chat())) for _ in range(4)]
    for client in clients:
        client.start()
    while proxy.metric("upstream_limited_total") < 3 or not slow.requests:
        pass
    assert len(slow.requests) == 1
    go.set()
    for client in clients:
        client.join()
    assert [a.status for a in answers] == [200] * 4
    assert {a.headers["x-proviso-attempts"] for a in answers} == {"1"}


@pytest.mark.parametrize("limits, said", [({"requests_per_minute": 2}, "requests per minute"),
                                          ({"tokens_per_minute": 50}, "tokens per minute")])
def test_a_limit_by_the_minute_is_429_with_the_time_to_wait(start, scripted, limits, said):
    up = scripted(lambda head, body, number: reply(chat(
        "well", usage={"prompt_tokens": 10, "completion_tokens": 15, "total_tokens": 25})))
    urls = {"a": up.url}
    proxy = start(urls, **limited(urls, limits))
    assert [proxy.chat(max_tokens=5).status for _ in range(2)] == [200] * 2
    refused = proxy.chat(max_tokens=30)
    assert refused.status == 429 and refused.error["code"] == "rate_limit_exceeded", refused
    assert said in refused.error["message"] and "provider a" in refused.error["message"]
    assert 2 < int(refused.headers["retry-after"]) <= 60
    assert len(up.requests) == 2


def test_a_client_that_leaves_the_queue_is_asked_for_nowhere(start, scripted, tmp_path):
    go = threading.Event()
    slow = scripted(held(go))
    urls = {"a": slow.url}
    proxy = start(urls, **LEDGER, **limited(urls, {"concurrency": 1}, proxy={"timeouts": {"queue": "60s"}}))
    first = threading.Thread(target=proxy.chat)
    first.start()
    while not slow.requests:
        pass
    body = json.dumps({"model": "coder", "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        while proxy.metric("upstream_limited_total") == 0:
            pass
    while proxy.metric("client_gone_total") == 0:
        pass
    go.set()
    first.join()
    settled(proxy)
    assert len(slow.requests) == 1 and len(rows(tmp_path)) == 1


def test_what_the_catalogue_says_of_limits_holds_back_no_traffic(start, scripted):
    """Without a word in the config the runner asks four at once; traffic is not for us to hold back."""
    go = threading.Event()
    slow = scripted(held(go))
    proxy = start({"a": slow.url})
    clients = [threading.Thread(target=proxy.chat) for _ in range(8)]
    for client in clients:
        client.start()
    while len(slow.requests) < 8:
        pass
    go.set()
    for client in clients:
        client.join()


# --- reasons to fall back that are none of a provider's failures --------------------------------------------------

FILTERED = sse(ROLE, chunk(finish="content_filter"), usage_chunk(), DONE)
AZURE = {"error": {"message": "The response was filtered.", "type": None, "param": "prompt", "code": "content_filter"}}
ON_FILTER = {"routes": {"coder": {"targets": ["a/m", "b/m"], "strategy": "ordered", "fallback_on": ["content_filter"]}}}


def filters(kind):
    def answer(head, body, number):
        if kind == "status":
            return reply(AZURE, "400 Bad Request")
        return FILTERED if json.loads(body).get("stream") else reply(chat("", "content_filter"))
    return answer


@pytest.mark.parametrize("kind", ["status", "finish"])
@pytest.mark.parametrize("streamed", [False, True])
def test_what_a_filter_keeps_back_goes_on_where_the_route_says_so(start, scripted, tmp_path, kind, streamed):
    up, other = scripted(filters(kind)), scripted(well)
    proxy = start({"a": up.url, "b": other.url}, **LEDGER, **ON_FILTER)
    answer = proxy.chat(stream=streamed)
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "b/m", answer
    first, second = rows(tmp_path)
    assert (first["outcome"], second["outcome"]) == ("refused", "ok")
    assert "content filter" in second["fallback_reason"]
    # Whoever filters has read the prompt, and is paid for it.
    assert (first["prompt_tokens"] == "10") == (kind == "finish")
    assert proxy.metric('breaker_state{target="a/m"}') == 0


@pytest.mark.parametrize("kind", ["status", "finish"])
@pytest.mark.parametrize("streamed", [False, True])
def test_without_that_word_the_filter_has_the_last_one(start, scripted, kind, streamed):
    other = scripted(well)
    proxy = start({"a": scripted(filters(kind)).url, "b": other.url})
    answer = proxy.chat(stream=streamed)
    assert not other.requests and b"content_filter" in answer.body, answer


@pytest.mark.parametrize("streamed", [False, True])
def test_where_all_filter_the_client_sees_it(start, scripted, streamed):
    proxy = start({"a": scripted(filters("finish")).url, "b": scripted(filters("finish")).url}, **ON_FILTER)
    answer = proxy.chat(stream=streamed)
    assert answer.status == 200, answer
    if streamed:
        assert answer.headers["content-type"] == "text/event-stream"
        assert answer.body == ROLE + chunk(finish="content_filter") + DONE  # the usage was asked for by the proxy alone
    else:
        assert answer.json["choices"][0]["finish_reason"] == "content_filter"


def test_a_filter_outweighs_a_failure(start, scripted):
    broken = scripted(lambda head, body, number: reply({}, "500 Oops"))
    proxy = start({"a": broken.url, "b": scripted(filters("status")).url}, **ON_FILTER)
    answer = proxy.chat()
    assert answer.status == 400 and answer.json == AZURE, answer


def test_a_filter_in_the_middle_of_a_stream_is_its_end(start, scripted):
    body = sse(ROLE, chunk({"content": "half"}), chunk(finish="content_filter"), DONE)
    other = scripted(well)
    proxy = start({"a": scripted(lambda head, asked, number: body).url, "b": other.url}, **ON_FILTER)
    answer = proxy.stream()
    assert answer.headers["x-proviso-target"] == "a/m" and answer.events[-1] == "[DONE]", answer
    assert not other.requests


def test_a_conversation_falls_back_only_to_who_takes_its_tool_ids(tmp_path, start, scripted):
    """TR-03: a target that refuses foreign tool ids is no second choice for a conversation that holds some."""
    folder = tmp_path / "checked"
    folder.mkdir()
    matrix = make_matrix(folder, b="TR-03")
    failing = scripted(lambda head, body, number: reply({}, "500 Oops"))
    picky, third = scripted(well), scripted(well)
    proxy = start({"a": failing.url, "b": picky.url, "c": third.url}, proven=matrix)
    tools = [{"type": "function", "function": {"name": "get_x", "parameters": {"type": "object", "properties": {}}}}]
    history = [{"role": "user", "content": "x?"},
               {"role": "assistant", "content": None, "tool_calls": [
                   {"id": "call_Zb3kQ9wXv7Lr2TnPc8JdM5yH", "type": "function",
                    "function": {"name": "get_x", "arguments": "{}"}}]},
               {"role": "tool", "tool_call_id": "call_Zb3kQ9wXv7Lr2TnPc8JdM5yH", "content": "1"}]
    answer = proxy.send("POST", "/v1/chat/completions", {"model": "coder", "messages": history, "tools": tools})
    assert answer.headers["x-proviso-target"] == "c/m" and not picky.requests, answer
    assert proxy.chat().headers["x-proviso-target"] == "b/m"


def test_a_reason_that_is_none_is_said_with_its_place(proviso):
    config = config_of({"a": "http://127.0.0.1:9/v1"})
    config["routes"]["coder"]["fallback_on"] = ["content_filters"]
    (proviso.cwd / "proviso.yaml").write_text(json.dumps(config))
    done = proviso("validate")
    assert done.code == 2 and "proviso.yaml:1:" in done.err + done.out and "content_filters" in done.err + done.out, done


# --- an endpoint of its own ---------------------------------------------------------------------------------------

TEXT = {"id": "cmpl-1", "object": "text_completion", "created": 1760000000, "model": "m",
        "choices": [{"index": 0, "text": " green", "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}}


def test_legacy_completions_are_served_where_they_are_proven_and_only_there(start, scripted, tmp_path):
    """CP-02: who answers chat is not thereby proven for /v1/completions; who goes on from a prompt is."""
    def answer(head, body, number):
        assert head.startswith(b"POST /v1/completions ")
        return reply(TEXT)

    folder = tmp_path / "checked"
    folder.mkdir()
    matrix = make_matrix(folder, a="CP-02")
    lost, well_known = scripted(answer), scripted(answer)
    proxy = start({"a": lost.url, "b": well_known.url}, proven=matrix)
    body = {"model": "coder", "prompt": "red, orange, yellow,", "max_tokens": 8}
    said = proxy.send("POST", "/v1/completions", body)
    assert said.status == 200 and said.json == TEXT and said.headers["x-proviso-target"] == "b/m", said
    refused = proxy.send("POST", "/v1/completions", {**body, "model": "a/m"})
    assert refused.status == 503 and refused.error["excluded"][0]["case"] == "CP-02", refused
    assert not lost.requests


# --- where nobody is well ----------------------------------------------------------------------------------------


def sick(start, scripted, **settings):
    up = scripted(lambda head, body, number: reply({}, "500 Internal Server Error") if number <= 2 else well(head, body, number))
    paused = scripted(lambda head, body, number: reply({}, "429 Too Many Requests", extra="retry-after: 1800\r\n"))
    proxy = start({"a": up.url, "b": paused.url}, proxy={"breaker": {"min_requests": 2, "open": "1h"}, **settings})
    for _ in range(2):
        assert proxy.chat().status == 502
    return proxy, up, paused


@pytest.mark.parametrize("streamed", [False, True])
def test_where_nobody_is_well_the_least_bad_one_serves_and_that_is_said(start, scripted, streamed):
    proxy, up, paused = sick(start, scripted)
    answer = proxy.chat(stream=streamed)
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "a/m", answer
    assert answer.headers["x-proviso-unhealthy"] == "open"
    assert "proxy.unhealthy" in proxy.log_path.read_text()
    # Whoever is well is not said to be anything else.
    proxy.stop()
    assert "x-proviso-unhealthy" not in start({"a": scripted(well).url}).chat().headers


@pytest.mark.parametrize("streamed", [False, True])
def test_where_nobody_is_well_a_request_may_be_refused_instead(start, scripted, streamed):
    proxy, up, paused = sick(start, scripted, unhealthy="reject")
    asked = len(up.requests), len(paused.requests)
    answer = proxy.chat(stream=streamed)
    assert answer.status == 503 and answer.error["code"] == "unavailable", answer
    assert "a/m is open" in answer.error["message"] and "b/m is held" in answer.error["message"]
    assert 1700 < int(answer.headers["retry-after"]) <= 1800
    assert (len(up.requests), len(paused.requests)) == asked
