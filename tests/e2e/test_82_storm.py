"""Storms: whatever happens to attempts side by side, a hard budget is never overshot and the books balance to the
last 10^-12 USD; and whoever saw a whole answer finds its one row after the proxy was killed."""
import collections
import concurrent.futures
import http.client
import json
import os
import random
import signal
import socket
import sqlite3
import threading
import time
from decimal import Decimal

import pytest

from conftest import RUN_LIMIT_S, chat, replace, reply
from proxy_rig import DONE, SSE_HEAD, chunk, config_of, cut_sse, sse, usage_chunk

ROLE = chunk({"role": "assistant", "content": ""})
GOOD = sse(ROLE, chunk({"content": "well"}), chunk(finish="stop"), usage_chunk(), DONE)
TEAM = {"x-proviso-team": "search"}
LEFT = 'budget_left_usd{budget="team=search prepaid"}'
PICO = Decimal(10) ** 12


def config(urls, limit):
    """Two targets at one price, the second asked where the first is slow or fails."""
    made = config_of(urls)
    for provider in made["providers"].values():
        provider["models"]["m"]["price"] = {"input": "0.123457", "output": "0.765433"}
    made["budgets"] = [{"scope": {"team": "search"}, "limit_usd": limit, "per": "prepaid"}]
    made["ledger"] = {"path": "proxy.db"}
    made["routes"]["coder"]["hedge"] = {"after": "20ms", "share": 1}
    # What fails here is meant to: no breaker gets in the way.
    made["proxy"] = {"breaker": {"min_requests": 100000}}
    return made


def body(streamed, number=0):
    return {"model": "coder", "max_tokens": 100, "stream": streamed,
            "messages": [{"role": "user", "content": f"hello {number}"}]}


def bytes_of(path, fields):
    sent = json.dumps(fields).encode()
    return (f"POST {path} HTTP/1.1\r\nhost: x\r\nx-proviso-team: search\r\ncontent-length: {len(sent)}\r\n\r\n").encode() + sent


def exact(proxy, name):
    """A gauge in whole 10^-12 USD."""
    for line in proxy.get("/metrics").body.decode().splitlines():
        if line.startswith(f"proviso_{name} "):
            return int(Decimal(line.rsplit(" ", 1)[1]) * PICO)
    raise AssertionError(name)


def settled(proxy):
    while proxy.metric("open_requests") > 0:
        assert proxy.process.poll() is None


def booked(folder, settled=True):
    with sqlite3.connect(folder / "proxy.db") as store:
        assert not settled or store.execute("SELECT count(*) FROM open_attempts").fetchone() == (0,)
        return store.execute("SELECT request_id, attempt, outcome, cost_usd, charged FROM attempts").fetchall()


class Moody:
    """A provider that does something else each time; until `go` it answers nobody."""

    def __init__(self, seed):
        self.go, self.asked, self.lock = threading.Event(), 0, threading.Lock()
        self.random = random.Random(seed)

    def __call__(self, head, request, number):
        with self.lock:
            self.asked += 1
            mood = self.random.choice(["well", "well", "well", "500", "500 with usage", "late", "cut", "cut late", "hangs up"])
        streamed = json.loads(request).get("stream")

        def answer(connection):
            assert self.go.wait(RUN_LIMIT_S)
            close = "connection: close\r\n"
            if mood == "500":
                connection.sendall(reply({"error": {"message": "no"}}, "500 No", extra=close))
            elif mood == "500 with usage":
                connection.sendall(reply({"error": {"message": "no"}, "usage": chat()["usage"]}, "500 No", extra=close))
            elif mood == "hangs up":
                return
            elif mood == "cut" and streamed:
                connection.sendall(SSE_HEAD + b"content-length: 9999\r\n\r\n" + ROLE)
            elif mood == "cut late" and streamed:
                cut_sse(ROLE, chunk({"content": "it breaks"}))(connection)
            else:
                if mood == "late":
                    time.sleep(0.05)  # the hedge is asked meanwhile
                connection.sendall(GOOD if streamed else reply(chat("well"), extra=close))
        return answer


@pytest.fixture
def storm(start, scripted):
    """A proxy with a budget with room for so many requests of the kind that `body` makes."""
    def begin(room):
        moods = Moody(1), Moody(2)
        urls = {"a": scripted(moods[0]).url, "b": scripted(moods[1]).url}
        made = config(urls, "1")
        proxy = start(urls, "--workers", "2", **made)
        said = proxy.send("POST", "/v1/proviso/explain", body(False)).json
        bounds = {round(candidate["bound_usd"] * 1e12) for candidate in said["candidates"]}
        assert len(bounds) == 1
        limit = int((bounds.pop() + 100) * (room + Decimal("0.5")))  # longer numbers of requests may cost more
        made["budgets"][0]["limit_usd"] = f"{limit / PICO:.12f}"
        replace(proxy.config_path, json.dumps(made))
        proxy.wait_for_log("proxy.reloaded")
        assert exact(proxy, LEFT) == limit
        return proxy, moods, limit
    return begin


def leave(proxy, number):
    """A client that asks and is gone, after as many bytes as chance has it."""
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(bytes_of("/v1/chat/completions", body(number % 2 == 0, number)))
        if number % 3:
            connection.settimeout(0.005 * (number % 7))
            try:
                connection.recv(1 + number)
            except (TimeoutError, BlockingIOError):
                pass


def test_fifty_at_once_with_streams_and_hedges_send_ten_at_most(storm):
    proxy, moods, limit = storm(10)
    answers = []
    ask = lambda number: answers.append(proxy.send("POST", "/v1/chat/completions", body(number % 2 == 0), TEAM))
    clients = [threading.Thread(target=ask, args=(number,)) for number in range(50)]
    for client in clients:
        client.start()
    # Those without room are told; whoever has some waits for its provider. Each hedge takes room, too.
    while sum(answer.status == 402 for answer in answers) < 40 or sum(mood.asked for mood in moods) < 10:
        assert all(client.is_alive() for client in clients) or answers
        assert exact(proxy, LEFT) >= 0
    assert sum(mood.asked for mood in moods) == 10
    for mood in moods:
        mood.go.set()
    for client in clients:
        client.join()
    settled(proxy)
    charged = sum(row[4] or 0 for row in booked(proxy.folder))
    assert exact(proxy, LEFT) == limit - charged and 0 < charged <= limit


def leave_while_it_waits(proxy, moods):
    """One client that is gone before its provider, or the one asked beside it, has said anything, whatever else
    chance brings."""
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(bytes_of("/v1/chat/completions", body(True)))
        while not all(mood.asked for mood in moods):
            time.sleep(0.01)
    while not any(outcome == "client_gone" for _, _, outcome, _, _ in booked(proxy.folder, settled=False)):
        time.sleep(0.01)


def test_the_books_balance_after_a_storm_and_a_restart(storm, start):
    proxy, moods, limit = storm(10)
    leave_while_it_waits(proxy, moods)
    for mood in moods:
        mood.go.set()
    lowest = limit

    def ask(number):
        if number % 4 == 3:
            leave(proxy, number)
            return None
        path = "/v1/messages" if number % 4 == 2 else "/v1/chat/completions"
        return proxy.send("POST", path, body(number % 2 == 0, number), TEAM)

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(ask, number) for number in range(600)]
        while not all(one.done() for one in asked):
            lowest = min(lowest, exact(proxy, LEFT))
    settled(proxy)
    statuses = [one.result().status for one in asked if one.result() is not None]
    rows = booked(proxy.folder)
    outcomes = {row[2] for row in rows}
    assert {"ok", "error", "cut", "client_gone"} <= outcomes, outcomes
    assert {200, 402} <= set(statuses), set(statuses)
    assert proxy.metric("hedges_total") > 0 and proxy.metric("fallbacks_total") > 0
    assert len({row[:2] for row in rows}) == len(rows)
    assert lowest >= 0
    left = limit - sum((row[4] if row[4] is not None else row[3]) or 0 for row in rows)
    assert exact(proxy, LEFT) == left >= 0
    urls = {name: provider["base_url"] for name, provider in json.loads(proxy.config_path.read_text())["providers"].items()}
    proxy.stop()
    assert exact(start(urls, **config(urls, f"{limit / PICO:.12f}")), LEFT) == left


def whole(answer, messages, streamed):
    """Whether the client saw an answer from its beginning to its end."""
    if answer.status != 200 or answer.cut:
        return False
    return not streamed or (b"event: message_stop" if messages else b"[DONE]") in answer.body


def ask_until_it_is_gone(proxy, rng, wanted):
    """Clients of all kinds; the proxy is killed after so many whole answers. What was seen whole: request, how."""
    seen, stop = {}, threading.Event()

    def ask(client):
        number = client
        while not stop.is_set():
            number += 16
            streamed, messages = number // 16 % 2 == 0, client % 4 == 0
            path = "/v1/messages" if messages else "/v1/chat/completions"
            try:
                if client % 8 == 5:
                    leave(proxy, number)
                    continue
                answer = proxy.send("POST", path, body(streamed, number), TEAM)
            except (OSError, http.client.HTTPException):
                continue
            if whole(answer, messages, streamed):
                seen[answer.headers["x-proviso-request-id"]] = (messages, streamed)

    clients = [threading.Thread(target=ask, args=(client,)) for client in range(16)]
    for client in clients:
        client.start()
    while len(seen) < wanted:
        assert proxy.process.poll() is None
        time.sleep(rng.random() / 500)
    proxy.process.send_signal(signal.SIGKILL)
    stop.set()
    for client in clients:
        client.join()
    proxy.process.wait()
    proxy.process.returncode = 0  # as we wanted it
    return seen


@pytest.mark.parametrize("hedged", [True, False])
def test_every_answer_that_was_seen_has_one_row_after_kills(start, scripted, hedged):
    """One ledger, killed again and again: `make kills` does it KILL_ROUNDS times with hedges and as often without."""
    limit, rng = 100 * 10**12, random.Random(hedged)
    moods = Moody(10 + hedged), Moody(20 + hedged)
    for mood in moods:
        mood.go.set()
    urls = {"a": scripted(moods[0]).url, "b": scripted(moods[1]).url}
    made = config(urls, "100")
    if not hedged:
        del made["routes"]["coder"]["hedge"]
    seen, recovered, rounds = {}, 0, int(os.environ.get("KILL_ROUNDS", "2"))
    proxy = start(urls, "--workers", "2", **made)
    for _ in range(rounds):
        seen.update(ask_until_it_is_gone(proxy, rng, rng.randint(20, 90)))
        rows = booked(proxy.folder, settled=False)
        good = collections.Counter(row[0] for row in rows if row[2] == "ok")
        assert len({row[:2] for row in rows}) == len(rows), "a row twice"
        missing = [request for request in seen if good[request] != 1]
        assert not missing, f"{len(missing)} of {len(seen)} answers without their one row"
        with sqlite3.connect(proxy.folder / "proxy.db") as store:
            open_ones, held = store.execute("SELECT count(*), coalesce(sum(charged), 0) FROM open_attempts").fetchone()
        # What was on its way is settled from the ledger at the next start, and nothing is booked twice.
        before = sum((row[4] if row[4] is not None else row[3]) or 0 for row in rows)
        proxy = start(urls, "--workers", "2", **made)
        after = booked(proxy.folder)
        assert len(after) == len(rows) + open_ones and len({row[:2] for row in after}) == len(after)
        assert exact(proxy, LEFT) == limit - before - held
        recovered += open_ones
    kinds = collections.Counter(seen.values())
    assert len(kinds) == 4 and recovered > 0, (kinds, recovered)
    print(f"\nkills: {rounds}, hedges {'on' if hedged else 'off'}: {len(seen)} answers seen whole (chat "
          f"{kinds[False, False]} plain, {kinds[False, True]} streamed; messages {kinds[True, False]} plain, "
          f"{kinds[True, True]} streamed), each with its one row of {len(after)}; {recovered} reservations recovered")
