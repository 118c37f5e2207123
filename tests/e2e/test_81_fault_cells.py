"""The faults of GATEWAY.md's table on the wire, in every format of a client: before the commit another target
answers and the client sees one clean reply; after it the stream ends with an error and never as if it were whole.

One proxy has them all, each as a provider of its own; fault_table.py says which cell of the table is proven here."""
import concurrent.futures
import json
import os
import sqlite3
import threading
import urllib.parse

import pytest

from conftest import Scripted, chat, reply
from fault_play import (AFTER_STREAM, BEFORE_PLAIN, BEFORE_STREAM, DONE, FINISH, NATIVE_AFTER, NATIVE_BEFORE,
                        NATIVE_PLAIN, ODD_PLAIN, ODD_STREAM, ROLE, TEXT, TOOLS, WHOLE, hold, in_two, plain, plain_hold,
                        silent, whole, whole_native)
from proxy_rig import SHORT_FIRST, SHORT_IDLE, Answer, Proxy, config_of, sse, usage_chunk

STALLS = {"stall-first": silent, "stall-headers": hold(b""), "stall-after-role": hold(ROLE), "stall-mid": hold(ROLE + TEXT)}
STALLS_PLAIN = {"stall-first": silent, "stall-headers": plain_hold(b""), "stall-mid-body": plain_hold(WHOLE[:60])}
NATIVE = {*NATIVE_BEFORE, *NATIVE_AFTER, *NATIVE_PLAIN}
FAULTS = sorted({*BEFORE_STREAM, *AFTER_STREAM, *BEFORE_PLAIN, *ODD_STREAM, *ODD_PLAIN, *STALLS, *STALLS_PLAIN, *NATIVE})
SHOWN, EVER = {}, threading.Event()
EVER.set()
DIALECTS = ["chat", "messages", "responses"]
FUNCTION = TOOLS[0]["function"]
TOOLS_OF = {"chat": TOOLS, "messages": [{"name": FUNCTION["name"], "input_schema": FUNCTION["parameters"]}],
            "responses": [{"type": "function", **FUNCTION}]}
PATHS = {"chat": "/v1/chat/completions", "messages": "/v1/messages", "responses": "/v1/responses"}


def play(head, request, number):
    """The fault that the path names."""
    name = urllib.parse.urlsplit(head.split()[1].decode()).path.split("/")[1]
    asked = json.loads(request)
    words = asked["input"] if "input" in asked else asked["messages"][-1]["content"]
    words = words if isinstance(words, str) else words[0]["text"]
    if name == "b":
        return whole(head, request, number)
    if name == "native-b":
        return whole_native(head, request, number)
    if name == "sweep":
        return cut_after(*words.split()[1:], streamed=asked.get("stream"))
    if name in ODD_STREAM and asked.get("stream"):
        return sse(ODD_STREAM[name])
    later = {**AFTER_STREAM, **NATIVE_AFTER}
    if asked.get("stream") and name in later:
        return in_two(*later[name][:3], SHOWN.get(words, EVER))
    if asked.get("stream"):
        return STALLS.get(name) or {**BEFORE_STREAM, **NATIVE_BEFORE}[name][0]
    if name in ODD_PLAIN:
        return plain(ODD_PLAIN[name])
    return STALLS_PLAIN.get(name) or {**BEFORE_PLAIN, **NATIVE_PLAIN}[name][0]


def proven(matrix, names):
    """The cells of a/m for each of them; but for the natives none serves responses itself."""
    known = json.loads(matrix.read_text())
    cells = [cell for cell in known["cells"] if cell["target"] == "a/m"]
    known["cells"] = [{**cell, "target": f"{name}/m"} for name in names for cell in cells]
    for cell in known["cells"]:
        if cell["capability"] == "responses" and not cell["target"].startswith("native"):
            cell["verdict"] = "unsupported"
    return json.dumps(known)


class Table:
    """A proxy before a provider for each fault, and a good one behind each."""

    def __init__(self, folder, matrix, **settings):
        self.provider = Scripted(play)
        names = ["b", "native-b", "sweep", *FAULTS]
        root = self.provider.url.removesuffix("/v1")
        config = config_of({"b": f"{root}/b/v1"})
        model = config["providers"]["b"]
        config["providers"] = {name: {**model, "base_url": f"{root}/{name}/v1"} for name in names}
        config["routes"] = {name: {"targets": [f"{name}/m", "native-b/m" if name in NATIVE else "b/m"], "strategy": "ordered"}
                            for name in names[2:]}
        config["ledger"] = {"path": "proxy.db"}
        # Nobody is quarantined for what is played here.
        config["proxy"] = {"live": {"quarantine": False}, **settings}
        path = folder / "proven.json"
        path.write_text(proven(matrix, names))
        self.proxy = Proxy(folder, config, path, "--workers", "1")

    def body(self, dialect, model, streamed, words, tools):
        body = {"model": model, "stream": streamed}
        if dialect == "responses":
            body["input"] = words
        else:
            body["messages"] = [{"role": "user", "content": words}]
        if dialect == "messages":
            body["max_tokens"] = 100
        if tools:
            body["tools"] = TOOLS_OF[dialect]
        return body

    def ask(self, dialect, model, streamed, words="hello", tools=False):
        return self.proxy.send("POST", PATHS[dialect], self.body(dialect, model, streamed, words, tools))

    def watch(self, dialect, fault, tools):
        """A stream whose provider goes on when the client has seen the first of it."""
        words = f"{fault} {dialect}"
        SHOWN[words] = threading.Event()
        connection = self.proxy.connect()
        connection.request("POST", PATHS[dialect], json.dumps(self.body(dialect, fault, True, words, tools)),
                           {"content-type": "application/json"})
        response = connection.getresponse()
        got = b""
        while b"half of it" not in got and b"get_weather" not in got:
            more = response.read1()
            assert more, got
            got += more
        SHOWN[words].set()
        got += response.read()
        connection.close()
        return Answer(response.status, response.getheaders(), got)

    def rows(self, answer):
        with sqlite3.connect(self.proxy.folder / "proxy.db") as store:
            return store.execute("SELECT target, outcome FROM attempts WHERE request_id=? ORDER BY attempt",
                                 (answer.headers["x-proviso-request-id"],)).fetchall()

    def stop(self):
        self.proxy.stop()
        self.provider.stop()


@pytest.fixture(scope="module")
def table(tmp_path_factory, matrix):
    made = Table(tmp_path_factory.mktemp("faults"), matrix, breaker={"min_requests": 100000})
    yield made
    made.stop()


def ends_clean(dialect, streamed, answer):
    if answer.status != 200 or answer.cut:
        return False
    if not streamed:
        said = answer.json
        return {"chat": lambda: said["choices"][0]["finish_reason"] == "stop",
                "messages": lambda: said["type"] == "message" and said["stop_reason"] == "end_turn",
                "responses": lambda: said["status"] == "completed"}[dialect]()
    last = {"chat": b"data: [DONE]", "messages": b"event: message_stop", "responses": b"event: response.completed"}[dialect]
    return answer.body.count(last) == 1 and last in answer.body.rstrip().split(b"\n\n")[-1]


def ends_broken(dialect, answer):
    """The last event says that it failed, in the client's format, and nothing says that it ended well."""
    blocks = answer.body.rstrip().split(b"\n\n")
    said = json.loads(blocks[-1].split(b"data:", 1)[1])
    told = {"chat": lambda: "error" in said,
            "messages": lambda: blocks[-1].startswith(b"event: error") and said["type"] == "error",
            "responses": lambda: said["type"] in ("error", "response.failed")}[dialect]()
    ends = (b"[DONE]", b"message_stop", b"response.completed", b"response.output_item.done", b'"stop_reason":"')
    return told and not any(end in answer.body for end in ends)


def outcome_of(fault, streamed):
    """What the ledger calls it."""
    known = {**BEFORE_STREAM, **NATIVE_BEFORE} if streamed else {**BEFORE_PLAIN, **NATIVE_PLAIN}
    return known[fault][1]


def assert_booked(rows, fault, outcome):
    """The fault, then the good one. Where nothing at all came on a connection that was kept, once more in between."""
    assert rows[-1] == ("b/m", "ok") and set(rows[:-1]) == {(f"{fault}/m", outcome)}, rows
    assert len(rows) == 2 or (fault == "cut-at-once" and len(rows) == 3), rows


# --- before the commit -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", BEFORE_STREAM)
def test_before_the_commit_streamed(table, fault, dialect):
    """One clean stream, all of it of the second target, and both attempts in the books."""
    answer = table.ask(dialect, fault, True, tools=fault == "cut-within-first-call")
    assert ends_clean(dialect, True, answer), answer
    assert answer.headers["x-proviso-target"] == "b/m" and b"from b" in answer.body and b"half" not in answer.body
    assert_booked(table.rows(answer), fault, BEFORE_STREAM[fault][1])


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", BEFORE_PLAIN)
def test_before_the_commit_plain(table, fault, dialect):
    answer = table.ask(dialect, fault, False, tools=fault == "cut-mid-argument")
    assert ends_clean(dialect, False, answer), answer
    assert answer.headers["x-proviso-target"] == "b/m" and b"from b" in answer.body
    assert_booked(table.rows(answer), fault, BEFORE_PLAIN[fault][1])


@pytest.mark.parametrize("streamed", [True, False])
def test_without_another_target_no_failure_is_a_success(table, streamed):
    for fault in BEFORE_STREAM if streamed else BEFORE_PLAIN:
        for dialect in DIALECTS:
            answer = table.ask(dialect, f"{fault}/m", streamed)
            assert answer.status >= 500 and "error" in answer.json, (fault, dialect, answer)
            assert all(outcome != "ok" for _, outcome in table.rows(answer)), fault


@pytest.mark.parametrize("streamed, fault", [*((True, fault) for fault in NATIVE_BEFORE), *((False, fault) for fault in NATIVE_PLAIN)])
def test_before_the_commit_of_responses(table, streamed, fault):
    answer = table.ask("responses", fault, streamed)
    assert ends_clean("responses", streamed, answer) and answer.headers["x-proviso-target"] == "native-b/m", answer
    assert table.rows(answer) == [(f"{fault}/m", outcome_of(fault, streamed)), ("native-b/m", "ok")]
    assert b"from b" in answer.body and b"half" not in answer.body
    alone = table.ask("responses", f"{fault}/m", streamed)
    assert alone.status == 502 and alone.error["code"] == "upstream_error", alone


# --- after it ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", AFTER_STREAM)
def test_after_the_commit_streamed(table, fault, dialect):
    """No other target is asked: the stream ends with an error, and is booked as what it was."""
    answer = table.watch(dialect, fault, "argument" in fault)
    assert answer.status == 200 and answer.headers["x-proviso-target"] == f"{fault}/m", answer
    assert ends_broken(dialect, answer) and b"from b" not in answer.body, answer
    assert table.rows(answer) == [(f"{fault}/m", AFTER_STREAM[fault][3])]


@pytest.mark.parametrize("fault", NATIVE_AFTER)
def test_after_the_commit_of_responses(table, fault):
    answer = table.watch("responses", fault, False)
    assert ends_broken("responses", answer) and answer.headers["x-proviso-target"] == f"{fault}/m", answer
    assert table.rows(answer) == [(f"{fault}/m", NATIVE_AFTER[fault][3])]


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_a_limit_cut_is_never_a_normal_end(table, dialect, streamed):
    """Arguments that a limit of tokens broke off: whole as a reply, and told for what they are."""
    answer = table.ask(dialect, "length-within-arguments", streamed, tools=True)
    assert answer.status == 200 and not answer.cut, answer
    told = {"chat": b'"finish_reason": "length"', "messages": b'"stop_reason":"max_tokens"',
            "responses": b'"status":"incomplete"'}[dialect]
    assert told in answer.body and b"response.completed" not in answer.body, answer
    assert b'"finish_reason": "tool_calls"' not in answer.body and b'"stop_reason":"tool_use"' not in answer.body, answer
    with sqlite3.connect(table.proxy.folder / "proxy.db") as store:
        assert store.execute("SELECT outcome, finish_reason FROM attempts WHERE request_id=?",
                             (answer.headers["x-proviso-request-id"],)).fetchall() == [("ok", "length")]


# --- clocks ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hasty(request, tmp_path_factory, matrix):
    """One of the two clocks is short, the other never rings."""
    limits = (SHORT_FIRST if request.param == "first_event" else SHORT_IDLE)["timeouts"]
    made = Table(tmp_path_factory.mktemp("clocks"), matrix, breaker={"min_requests": 100000}, timeouts=limits)
    yield made
    made.stop()


# Which clock rings. What has begun by its bytes has not begun by its events.
RINGS = {(True, "stall-first"): "first_event", (True, "stall-headers"): "first_event", (True, "stall-after-role"): "idle",
         (False, "stall-first"): "first_event", (False, "stall-headers"): "first_event", (False, "stall-mid-body"): "idle"}


@pytest.mark.parametrize("hasty, streamed, fault", [(clock, *case) for case, clock in RINGS.items()], indirect=["hasty"])
def test_a_stall_before_the_commit_is_left_by_its_own_clock(hasty, streamed, fault):
    answer = hasty.ask("chat", fault, streamed)
    assert ends_clean("chat", streamed, answer) and answer.headers["x-proviso-target"] == "b/m", answer
    assert hasty.rows(answer) == [(f"{fault}/m", "timeout"), ("b/m", "ok")]
    alone = hasty.ask("chat", f"{fault}/m", streamed)
    assert alone.status == 504 and alone.error["code"] == "upstream_timeout", alone


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("hasty", ["idle"], indirect=True)
def test_a_stall_after_the_commit_ends_the_stream(hasty, dialect):
    answer = hasty.ask(dialect, "stall-mid", True)
    assert ends_broken(dialect, answer) and b"half of it" in answer.body, answer
    assert hasty.rows(answer) == [("stall-mid/m", "timeout")]


# --- the breaker -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [True, False])
def test_every_fault_counts_for_the_breaker(tmp_path, matrix, streamed):
    """Two of a kind open it, before the commit as after it, and the next request goes elsewhere at once."""
    table = Table(tmp_path, matrix, breaker={"min_requests": 2, "open": "1h"})
    try:
        for fault in {**BEFORE_STREAM, **AFTER_STREAM} if streamed else BEFORE_PLAIN:
            for _ in range(2):
                answer = table.watch("chat", fault, "argument" in fault) if streamed and fault in AFTER_STREAM else (
                    table.ask("chat", fault, streamed))
                assert table.rows(answer)[0][0] == f"{fault}/m", fault
        metrics = table.proxy.get("/metrics").body.decode()
        for fault in {**BEFORE_STREAM, **AFTER_STREAM} if streamed else BEFORE_PLAIN:
            assert f'proviso_breaker_state{{target="{fault}/m"}} 3\n' in metrics, fault
            assert table.rows(table.ask("chat", fault, streamed)) == [("b/m", "ok")], fault
    finally:
        table.stop()


def test_a_connection_that_was_kept_and_broke_is_asked_for_anew(start, scripted):
    """A provider closes what it kept open just as the next request leaves: nobody's fault, and no failure."""
    def answer(head, body, number):
        if number % 2 == 0:
            return lambda connection: None
        return reply(chat("well"))

    up = scripted(answer)
    proxy = start({"a": up.url}, "--workers", "1", ledger={"path": "proxy.db"}, proxy={"breaker": {"min_requests": 2}})
    assert proxy.chat().headers["x-proviso-attempts"] == "1"
    for _ in range(5):
        answer = proxy.chat()
        assert answer.status == 200 and answer.headers["x-proviso-attempts"] == "2", answer
    assert proxy.metric('breaker_state{target="a/m"}') == 0 and len(up.requests) == 11
    with sqlite3.connect(proxy.folder / "proxy.db") as store:
        assert sorted(store.execute("SELECT outcome, count(*) FROM attempts GROUP BY outcome")) == [("cut", 5), ("ok", 6)]


@pytest.mark.parametrize("fault", sorted({*ODD_STREAM} - {"length-within-arguments"}))
def test_what_is_odd_and_allowed_passes_as_it_came(table, fault):
    answer = table.ask("chat", fault, True, tools="c" in fault)
    assert answer.body.replace(usage_chunk().replace(b"\n", b"\r\n"), b"") == ODD_STREAM[fault].replace(
        usage_chunk().replace(b"\n", b"\r\n"), b""), answer
    assert table.rows(answer) == [(f"{fault}/m", "ok")]


# --- a cut after every single byte ---------------------------------------------------------------------------

SWEPT = [ROLE, TEXT, FINISH, usage_chunk(), DONE]
FRAMINGS = ["length", "chunked", "close"]


def cut_after(count, framing, streamed):
    body = b"".join(SWEPT) if streamed else WHOLE
    kind = b"text/event-stream" if streamed else b"application/json"
    part = body[:int(count)]

    def answer(connection):
        head = b"HTTP/1.1 200 OK\r\ncontent-type: " + kind + b"\r\n"
        if framing == "length":
            connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + part)
        elif framing == "close":
            connection.sendall(head + b"connection: close\r\n\r\n" + part)
        else:
            end = b"0\r\n\r\n" if len(part) == len(body) else b""
            connection.sendall(head + b"transfer-encoding: chunked\r\n\r\n" + (b"%x\r\n" % len(part) + part + b"\r\n" if part else b"") + end)
    return answer


def swept(size):
    """Every byte where FAULT_SWEEP says so; else those around the ends of events, and every seventh."""
    ends = [sum(len(event) for event in SWEPT[:count]) for count in range(len(SWEPT) + 1)] + [size]
    return [count for count in range(size + 1) if os.environ.get("FAULT_SWEEP") == "all" or count % 7 == 0
            or any(abs(count - end) <= 2 for end in ends)]


def judge_cut(table, count, framing, streamed):
    """None, or what is wrong."""
    size = len(b"".join(SWEPT)) if streamed else len(WHOLE)
    answer = table.ask("chat", "sweep", streamed, f"cut {count} {framing}")
    rows = table.rows(answer)
    ends = [len(ROLE + TEXT + FINISH), len(ROLE + TEXT + FINISH + usage_chunk()), size]
    # Without a length only the bytes themselves tell what is whole: the finish reason, the last brace. Of a piece of
    # an event behind it some is harmless; it is one or the other then.
    is_whole = count == size or (framing == "close" and streamed and count in ends)
    if framing == "close" and streamed and ends[0] < count and rows[0][1] == "ok":
        is_whole = True
    if is_whole:
        good = rows == [("sweep/m", "ok")] and answer.status == 200 and b"error" not in answer.body
    elif streamed and count >= len(ROLE + TEXT):
        good = ends_broken("chat", answer) and [target for target, _ in rows] == ["sweep/m"] and rows[0][1] != "ok"
    else:
        good = ends_clean("chat", streamed, answer) and b"from b" in answer.body and rows[0][1] != "ok" and rows[1] == ("b/m", "ok")
    return None if good else (count, framing, rows, answer)


@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize("framing", FRAMINGS)
def test_a_cut_after_any_byte_is_a_fallback_or_an_error(table, framing, streamed):
    size = len(b"".join(SWEPT)) if streamed else len(WHOLE)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        wrong = [said for said in pool.map(lambda count: judge_cut(table, count, framing, streamed), swept(size)) if said]
    assert not wrong, wrong[:3]
