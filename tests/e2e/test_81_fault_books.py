"""Faults in what a provider counts, in when it wants to be asked again, and in how often it says no: what is booked,
what is waited for, who is left out; and clients that leave while their answer is written."""
import email.utils
import json
import socket
import sqlite3
import time

import pytest

from conftest import Scripted, chat, reply
from proxy_rig import DONE, PRICES, Proxy, chunk, config_of, sse, usage_chunk

ROLE = chunk({"role": "assistant", "content": ""})
TEXT = chunk({"content": "abcd" * 10})
FINISH = chunk(finish="stop")
WORDS = "abcd" * 10


def used(prompt, completion, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **more}


def alone(usage):
    return b"data: " + json.dumps({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "m",
                                   "choices": [], "usage": usage}).encode() + b"\n\n"


CACHED = {"prompt_tokens_details": {"cached_tokens": 4000}}
# What is reported, streamed and plain; and what is booked: tokens (None: estimated) and where they come from.
COUNTED = {
    "as it should be": ([ROLE, TEXT, FINISH, alone(used(1000, 500)), DONE], used(1000, 500), (1000, 500), "reported"),
    "absent": ([ROLE, TEXT, FINISH, DONE], None, None, "estimated"),
    "with every chunk": ([chunk({"role": "assistant", "content": ""}, usage=used(1000, 0)),
                          chunk({"content": WORDS}, usage=used(1000, 250)), chunk(finish="stop", usage=used(1000, 500)), DONE],
                         used(1000, 500), (1000, 500), "reported"),
    "beside choices": ([ROLE, TEXT, chunk(finish="stop", usage=used(1000, 500)), DONE], used(1000, 500), (1000, 500), "reported"),
    "twice": ([ROLE, TEXT, FINISH, alone(used(1000, 250)), alone(used(1000, 500)), DONE], used(1000, 500), (1000, 500), "reported"),
    "nothing": ([ROLE, TEXT, FINISH, alone(used(0, 0)), DONE], used(0, 0), None, "estimated"),
    # Whoever counts so counts them apart: all of both was read, and is paid.
    "more cached than there is": ([ROLE, TEXT, FINISH, alone(used(1000, 500, **CACHED)), DONE], used(1000, 500, **CACHED),
                                  (1000, 500), "reported"),
}


def play(head, request, number):
    asked = json.loads(request)
    stream, plain, _, _ = COUNTED[asked["messages"][0]["content"]]
    if asked.get("stream"):
        return sse(*stream)
    body = chat(WORDS, usage=plain)
    return reply({name: value for name, value in body.items() if value is not None})


@pytest.fixture(scope="module")
def counting(tmp_path_factory, matrix):
    provider = Scripted(play)
    proxy = Proxy(tmp_path_factory.mktemp("counting"), config_of({"a": provider.url}, ledger={"path": "proxy.db"},
                                                                 proxy={"live": {"quarantine": False}}), matrix)
    yield proxy
    proxy.stop()
    provider.stop()


def booked(proxy, answer=None):
    with sqlite3.connect(proxy.folder / "proxy.db") as store:
        store.row_factory = sqlite3.Row
        where, what = ("WHERE request_id=?", (answer.headers["x-proviso-request-id"],)) if answer else ("", ())
        return store.execute(f"SELECT * FROM attempts {where} ORDER BY started_at, attempt", what).fetchall()


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("fault", COUNTED)
def test_what_is_counted_wrongly_is_booked_rightly_or_called_an_estimate(counting, fault, streamed):
    """Where the provider reports, to the last 10^-12 USD; where it does not, the row says that it is a guess."""
    answer = counting.chat(fault, stream=streamed)
    assert answer.status == 200, answer
    row, = booked(counting, answer)
    tokens, source = COUNTED[fault][2:]
    assert (row["outcome"], row["usage_source"]) == ("ok", source), dict(row)
    if tokens is None:
        assert row["cost_source"] == "estimated" and row["cost_usd"] > 0 and row["completion_tokens"] > 0, dict(row)
        return
    assert (row["prompt_tokens"], row["completion_tokens"]) == tokens, dict(row)
    # Per million tokens: 10^-12 USD a token and 10^-6 USD of price.
    prompt = tokens[0] + (4000 if "cached" in fault else 0)
    assert row["cost_usd"] == sum(round(float(PRICES["a"][kind]) * 1e6) * count for kind, count in (
        ("input", prompt), ("output", tokens[1]))), dict(row)


@pytest.mark.parametrize("streamed", [True, False])
def test_an_attempt_that_failed_before_the_commit_is_charged_for_what_it_reports(start, scripted, streamed):
    """It failed, but it counted: the money is gone, and the budget says so."""
    fails = scripted(lambda head, body, number: sse(ROLE, alone(used(1000, 0)), chunk(), b'data: {"error":{"message":"no"}}\n\n')
                     if streamed else reply(chat("", usage=used(1000, 0))))
    good = scripted(lambda head, body, number: sse(ROLE, TEXT, FINISH, usage_chunk(), DONE) if streamed else reply(chat()))
    proxy = start({"a": fails.url, "b": good.url}, ledger={"path": "proxy.db"},
                  budgets=[{"scope": {"team": "search"}, "limit_usd": "1", "per": "prepaid"}])
    answer = proxy.chat(stream=streamed, headers={"x-proviso-team": "search"})
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "b/m", answer
    while proxy.metric("open_requests") > 0:
        pass
    first, second = booked(proxy, answer)
    assert (first["outcome"], second["outcome"]) == ("error" if streamed else "malformed", "ok")
    assert first["prompt_tokens"] == 1000 and first["usage_source"] == "reported", dict(first)
    spent = sum((row["charged"] if row["charged"] is not None else row["cost_usd"]) or 0 for row in (first, second))
    assert first["cost_usd"] == 1000 * 100_000 and spent >= first["cost_usd"]
    assert round(proxy.metric('budget_left_usd{budget="team=search prepaid"}') * 1e12) == 10**12 - spent


# --- when to ask again ----------------------------------------------------------------------------------------


def over(seconds):
    return email.utils.formatdate(time.time() + seconds, usegmt=True)


# What is asked for, and whether the same target is asked once more for it.
PAUSES = {"seconds": (lambda: "0", True), "negative": (lambda: "-5", True), "past date": (lambda: over(-30), True),
          "date": (lambda: over(3600), False), "huge": (lambda: "8640000", False), "no number": (lambda: "soon", True)}


@pytest.mark.parametrize("status", ["429 Too Many Requests", "503 Service Unavailable"])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("pause", PAUSES)
def test_a_pause_is_waited_for_where_it_is_short(start, scripted, pause, streamed, status):
    asked, again = PAUSES[pause]
    whole = sse(ROLE, TEXT, FINISH, usage_chunk(), DONE) if streamed else reply(chat())
    up = scripted(lambda head, body, number: whole if number > 1 else reply({"error": {"message": "slow down"}}, status,
                                                                            extra=f"retry-after: {asked()}\r\n"))
    other = scripted(lambda head, body, number: whole)
    proxy = start({"a": up.url, "b": other.url})
    answer = proxy.chat(stream=streamed)
    assert answer.status == 200 and answer.headers["x-proviso-target"] == ("a/m" if again else "b/m"), answer
    assert len(up.requests) == (2 if again else 1) and proxy.metric("retries_total") == again
    # Whoever asked for a long one is left alone for as long.
    proxy.chat(stream=streamed)
    assert len(up.requests) == (3 if again else 1)


@pytest.mark.parametrize("streamed", [True, False])
def test_the_latest_answer_says_how_long_to_wait(start, scripted, streamed):
    """At first no time at all, then an hour: the client is told of the hour."""
    up = scripted(lambda head, body, number: reply({"error": {"message": "slow down"}}, "429 Too Many Requests",
                                                   extra=f"retry-after: {0 if number == 1 else 1800}\r\n"))
    answer = start({"a": up.url}).chat(stream=streamed)
    assert answer.status == 429 and len(up.requests) == 2 and answer.headers["retry-after"] == "1800", answer


# --- storms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("status", ["429 Too Many Requests", "500 Internal Server Error"])
def test_a_storm_opens_the_breaker_within_its_window(start, scripted, status, streamed):
    """25 in a row, by the breaker's own defaults: 20 are enough, and no client has noticed any of them."""
    up = scripted(lambda head, body, number: reply({"error": {"message": "no"}}, status, extra="retry-after: 0\r\n"))
    good = scripted(lambda head, body, number: sse(ROLE, TEXT, FINISH, usage_chunk(), DONE) if streamed else reply(chat()))
    proxy = start({"a": up.url, "b": good.url})
    answers = [proxy.chat(stream=streamed) for _ in range(25)]
    assert {(answer.status, answer.headers["x-proviso-target"]) for answer in answers} == {(200, "b/m")}
    assert proxy.metric('breaker_state{target="a/m"}') == 3 and proxy.metric('breaker_state{target="b/m"}') == 0
    # A retry of the same request may come when it is already open.
    assert 20 <= len(up.requests) <= 21 and len(good.requests) == 25


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("status", ["401 Unauthorized", "402 Payment Required", "403 Forbidden"])
def test_a_refused_key_is_the_only_one_that_is_out(start, scripted, status, streamed):
    up = scripted(lambda head, body, number: reply({"error": {"message": "no"}}, status))
    good = scripted(lambda head, body, number: sse(ROLE, TEXT, FINISH, usage_chunk(), DONE) if streamed else reply(chat()))
    proxy = start({"a": up.url, "b": good.url})
    answers = [proxy.chat(stream=streamed) for _ in range(4)]
    assert {(answer.status, answer.headers["x-proviso-target"]) for answer in answers} == {(200, "b/m")}
    assert len(up.requests) == 1
    assert proxy.metric('breaker_state{target="a/m"}') == 4 and proxy.metric('breaker_state{target="b/m"}') == 0


# --- a client that leaves while its answer is written ----------------------------------------------------------


@pytest.mark.parametrize("policy", ["cancel", "drain"])
def test_a_client_that_leaves_a_plain_answer_halfway_is_booked_as_answered(start, scripted, policy):
    """The answer was whole and is paid: its row is there before its first byte leaves, whoever reads it."""
    proxy = start({"a": scripted(lambda head, body, number: reply(chat("x" * 8_000_000))).url}, ledger={"path": "proxy.db"},
                  proxy={"client_gone": policy})
    body = json.dumps({"model": "coder", "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        connection.connect(("127.0.0.1", proxy.port))
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        row, = booked(proxy)
        assert (row["outcome"], row["usage_source"], row["completion_tokens"]) == ("ok", "reported", 2)
    while proxy.metric("open_requests") > 0:
        pass
    row, = booked(proxy)
    assert row["outcome"] == "ok" and row["cost_usd"] > 0
