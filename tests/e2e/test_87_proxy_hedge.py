"""A second target asked while the first is slow: one answer, two rows, and never more than the config allows."""
import csv
import io
import json
import socket
import threading

import pytest

from conftest import RUN_LIMIT_S, Proviso, chat, replace, reply
from proxy_rig import DONE, SSE_HEAD, chunk, config_of, sse, usage_chunk

LEDGER = {"ledger": {"path": "proxy.db"}}
ROLE = chunk({"role": "assistant", "content": ""})
GOOD = sse(ROLE, chunk({"content": "well"}), chunk(finish="stop"), usage_chunk(), DONE)


def hedged(names="ab", after="30ms", share=1, **more):
    return {"routes": {"coder": {"targets": [f"{name}/m" for name in names], "strategy": "ordered",
                                 "hedge": {"after": after, "share": share}, **more}}}


def rows(folder):
    done = Proviso(folder)("usage", "--format", "csv")
    assert done.code == 0, done
    return sorted(csv.DictReader(io.StringIO(done.out)), key=lambda row: (row["request_id"], int(row["attempt"])))


def settled(proxy):
    while proxy.metric("open_requests") > 0:
        pass


def well(head, body, number):
    return GOOD if json.loads(body).get("stream") else reply(chat("well"))


class Stuck:
    """A provider that answers when it may (or never), and knows whether somebody hung up."""

    def __init__(self, answer=None, first=b""):
        self.asked, self.go, self.cut = threading.Event(), threading.Event(), threading.Event()
        self.reply, self.first = answer, first

    def __call__(self, head, body, number):
        def later(connection):
            if self.first:
                connection.sendall(self.first)
            self.asked.set()
            connection.settimeout(0.01)
            while not self.go.is_set():
                try:
                    if not connection.recv(1):
                        self.cut.set()
                        return
                except TimeoutError:
                    pass
            answer = self.reply or (lambda *_: reply(chat("late"), extra="connection: close\r\n"))
            connection.sendall(answer(head, body, number))
        return later


@pytest.mark.parametrize("streamed", [False, True])
def test_while_the_first_is_slow_the_second_answers(start, scripted, tmp_path, streamed):
    slow, other, third = Stuck(), scripted(well), scripted(well)
    proxy = start({"a": scripted(slow).url, "b": other.url, "c": third.url}, **LEDGER, **hedged("abc"))
    answer = proxy.chat(stream=streamed)
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "b/m", answer
    assert answer.headers["x-proviso-attempts"] == "2"
    if streamed:
        assert answer.content == "well" and answer.events[-1] == "[DONE]"
    assert slow.cut.wait(RUN_LIMIT_S), "the slow one is still held"
    settled(proxy)
    first, second = rows(tmp_path)
    assert (first["target"], second["target"]) == ("a/m", "b/m")
    assert first["request_id"] == second["request_id"] == answer.headers["x-proviso-request-id"]
    assert (first["outcome"], first["fallback_reason"], first["client_disconnected"]) == ("client_gone", "hedge lost", "false")
    assert (second["outcome"], second["fallback_reason"], second["usage_source"]) == ("ok", "hedge", "reported")
    # Whoever works when we hang up is paid: for the prompt at least.
    assert first["usage_source"] == "estimated" and float(first["cost_usd"]) > 0
    assert proxy.metric("hedges_total") == proxy.metric("hedges_won_total") == 1
    assert proxy.metric("fallbacks_total") == 0 and not third.requests


def test_a_first_that_is_quick_is_alone(start, scripted, tmp_path):
    other = scripted(well)
    proxy = start({"a": scripted(well).url, "b": other.url}, **LEDGER, **hedged(after="60s"))
    for streamed in (False, True) * 3:
        assert proxy.chat(stream=streamed).headers["x-proviso-target"] == "a/m"
    assert not other.requests and proxy.metric("hedges_total") == 0 and len(rows(tmp_path)) == 6


@pytest.mark.parametrize("streamed", [False, True])
def test_the_first_may_still_answer_before_the_second(start, scripted, tmp_path, streamed):
    slow, stuck = Stuck(well), Stuck()
    proxy = start({"a": scripted(slow).url, "b": scripted(stuck).url}, **LEDGER, **hedged())
    answers = []
    client = threading.Thread(target=lambda: answers.append(proxy.chat(stream=streamed)))
    client.start()
    assert stuck.asked.wait(RUN_LIMIT_S)
    slow.go.set()
    client.join()
    assert answers[0].headers["x-proviso-target"] == "a/m" and answers[0].headers["x-proviso-attempts"] == "2", answers
    assert stuck.cut.wait(RUN_LIMIT_S)
    settled(proxy)
    first, second = rows(tmp_path)
    assert (first["outcome"], first["fallback_reason"]) == ("ok", "")
    assert (second["outcome"], second["fallback_reason"]) == ("client_gone", "hedge lost")
    assert proxy.metric("hedges_total") == 1 and proxy.metric("hedges_won_total") == 0


@pytest.mark.parametrize("fails", ["a", "b"])
def test_when_one_fails_the_other_goes_on_alone(start, scripted, tmp_path, fails):
    def broken(head, body, number):
        return reply({}, "500 Internal Server Error")

    first, second, third = Stuck(broken if fails == "a" else well), Stuck(broken if fails == "b" else well), scripted(well)
    proxy = start({"a": scripted(first).url, "b": scripted(second).url, "c": third.url}, **LEDGER, **hedged("abc"))
    answers = []
    client = threading.Thread(target=lambda: answers.append(proxy.chat()))
    client.start()
    assert first.asked.wait(RUN_LIMIT_S) and second.asked.wait(RUN_LIMIT_S)
    (first if fails == "a" else second).go.set()
    while proxy.metric(f'attempts_total{{target="{fails}/m",outcome="error"}}') == 0:
        pass
    (second if fails == "a" else first).go.set()
    client.join()
    assert answers[0].status == 200 and answers[0].headers["x-proviso-target"] == ("b/m" if fails == "a" else "a/m"), answers
    settled(proxy)
    assert sorted(row["outcome"] for row in rows(tmp_path)) == ["error", "ok"]
    assert not third.requests


def test_when_both_fail_the_next_is_asked_and_at_last_all_are_told(start, scripted, tmp_path):
    def broken(head, body, number):
        return reply({}, "500 Internal Server Error")

    first, second, third = Stuck(broken), Stuck(broken), scripted(broken)
    proxy = start({"a": scripted(first).url, "b": scripted(second).url, "c": third.url}, **LEDGER, **hedged("abc"))
    answers = []
    client = threading.Thread(target=lambda: answers.append(proxy.chat()))
    client.start()
    assert first.asked.wait(RUN_LIMIT_S) and second.asked.wait(RUN_LIMIT_S)
    second.go.set()
    while proxy.metric('attempts_total{target="b/m",outcome="error"}') == 0:
        pass
    first.go.set()
    client.join()
    assert answers[0].status == 502 and answers[0].error["message"].startswith("b/m: "), answers
    assert [a["target"] for a in answers[0].error["attempts"]] == ["b/m", "a/m", "c/m"]
    settled(proxy)
    assert [(row["attempt"], row["target"]) for row in rows(tmp_path)] == [("1", "a/m"), ("2", "b/m"), ("3", "c/m")]


def test_nothing_is_asked_twice_after_the_commit(start, scripted):
    stuck = Stuck(lambda *_: chunk(finish="stop") + DONE,
                  SSE_HEAD + b"transfer-encoding: identity\r\nconnection: close\r\n\r\n" + ROLE + chunk({"content": "x"}))
    other = scripted(well)
    proxy = start({"a": scripted(stuck).url, "b": other.url}, **hedged(after="2s"))
    answers = []
    client = threading.Thread(target=lambda: answers.append(proxy.stream()))
    client.start()
    assert stuck.asked.wait(RUN_LIMIT_S)
    threading.Event().wait(2.3)
    stuck.go.set()
    client.join()
    assert answers[0].headers["x-proviso-target"] == "a/m" and not other.requests, answers


def test_no_more_than_the_share_is_asked_twice(start, scripted):
    beside = [threading.Event() for _ in range(13)]

    def late(head, body, number):
        def answer(connection):
            # Every fourth one may be asked twice, and waits until it is; the others, long enough for it.
            assert beside[number].wait(RUN_LIMIT_S) if number % 4 == 0 else not beside[number].wait(0.1)
            connection.sendall(reply(chat("late"), extra="connection: close\r\n"))
        return answer

    def quick(head, body, number):
        beside[min(4 * number, 12)].set()
        return well(head, body, number)

    slow, other = scripted(late), scripted(quick)
    proxy = start({"a": slow.url, "b": other.url}, **hedged(after="10ms", share=0.25))
    for _ in range(12):
        assert proxy.chat().status == 200
    assert len(other.requests) == 3 == proxy.metric("hedges_total")


@pytest.mark.parametrize("streamed", [False, True])
def test_a_client_that_leaves_ends_both(start, scripted, tmp_path, streamed):
    first, second = Stuck(), Stuck()
    proxy = start({"a": scripted(first).url, "b": scripted(second).url}, **LEDGER, **hedged())
    body = json.dumps({"model": "coder", "stream": streamed, "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert first.asked.wait(RUN_LIMIT_S) and second.asked.wait(RUN_LIMIT_S)
    assert first.cut.wait(RUN_LIMIT_S) and second.cut.wait(RUN_LIMIT_S)
    settled(proxy)
    assert [(row["outcome"], row["client_disconnected"]) for row in rows(tmp_path)] == [("client_gone", "true")] * 2


def bound_of(proxy, target):
    said = proxy.send("POST", "/v1/proviso/explain", {"model": "coder", "max_tokens": 100,
                                                      "messages": [{"role": "user", "content": "hello"}]}).json
    return next(c["bound_usd"] for c in said["candidates"] if c["target"] == target)


@pytest.mark.parametrize("room", [False, True])
def test_both_are_reserved_or_the_second_is_not_asked(start, scripted, room):
    slow = Stuck(well)
    other = scripted(well)
    budget = {"budgets": [{"scope": {"team": "search"}, "limit_usd": "1", "per": "prepaid"}], **LEDGER}
    proxy = start({"a": scripted(slow).url, "b": other.url}, **budget, **hedged())
    limit = bound_of(proxy, "a/m") + bound_of(proxy, "b/m") * (1.01 if room else 0.99)
    config = json.loads(proxy.config_path.read_text())
    config["budgets"][0]["limit_usd"] = f"{limit:.12f}"
    replace(proxy.config_path, json.dumps(config))
    proxy.wait_for_log("proxy.reloaded")
    answers = []
    client = threading.Thread(target=lambda: answers.append(proxy.chat(max_tokens=100, headers={"x-proviso-team": "search"})))
    client.start()
    assert slow.asked.wait(RUN_LIMIT_S)
    if not room:
        threading.Event().wait(0.3)
        slow.go.set()
    client.join()
    assert answers[0].headers["x-proviso-target"] == ("b/m" if room else "a/m"), answers
    settled(proxy)
    left = proxy.metric('budget_left_usd{budget="team=search prepaid"}')
    # Settled to the truth: what both cost, and no more.
    spent = sum(float(row["cost_usd"]) for row in rows(proxy.folder))
    assert left == pytest.approx(limit - spent, abs=1e-11)
    assert len(other.requests) == room


def test_who_had_no_room_as_the_second_is_asked_once_the_first_has_failed(start, scripted):
    """Not asked beside the first is not asked at all: what the first had reserved is free again when it fails."""
    failing = Stuck(lambda *_: reply({}, "500 Internal Server Error", extra="connection: close\r\n"))
    other = scripted(well)
    budget = {"budgets": [{"scope": {"team": "search"}, "limit_usd": "1", "per": "prepaid"}], **LEDGER}
    proxy = start({"a": scripted(failing).url, "b": other.url}, **budget, **hedged(after="10ms"))
    config = json.loads(proxy.config_path.read_text())
    config["budgets"][0]["limit_usd"] = f"{bound_of(proxy, 'b/m') * 1.01:.12f}"
    replace(proxy.config_path, json.dumps(config))
    proxy.wait_for_log("proxy.reloaded")
    answers = []
    client = threading.Thread(target=lambda: answers.append(proxy.chat(max_tokens=100, headers={"x-proviso-team": "search"})))
    client.start()
    assert failing.asked.wait(RUN_LIMIT_S)
    threading.Event().wait(0.3)  # by then the second was wanted
    assert not other.requests
    failing.go.set()
    client.join()
    assert answers[0].status == 200 and answers[0].headers["x-proviso-target"] == "b/m", answers
    assert proxy.metric("hedges_total") == 0 and proxy.metric("fallbacks_total") == 1


def test_a_key_is_counted_once_and_free_again(start, scripted, tmp_path):
    slow = Stuck()
    proxy = start({"a": scripted(slow).url, "b": scripted(well).url}, keys={"store": "proxy.db"}, **LEDGER, **hedged())
    key = Proviso(tmp_path)("key", "create", "--name", "one", "--streams", "1").out.strip()
    headers = {"authorization": f"Bearer {key}"}
    answer = proxy.chat(headers=headers)
    for _ in range(3):
        settled(proxy)
        answer = proxy.chat(headers=headers)
        assert answer.status == 200 and answer.headers["x-proviso-target"] == "b/m", answer
    settled(proxy)
    assert {row["key_id"] for row in rows(tmp_path)} == {key.split("_")[1]}


def test_p95_is_what_the_matrix_has_seen_where_nothing_was_served_yet(start, scripted):
    slow = Stuck()
    proxy = start({"a": scripted(slow).url, "b": scripted(well).url}, **hedged(after="p95"))
    assert proxy.chat().headers["x-proviso-target"] == "b/m"


def test_p95_is_what_was_served_lately(start, scripted):
    """Twenty answers of 2 s: what takes a tenth of that is none of the slow, though the matrix has seen quicker ones."""
    usual_s = 2

    def answer(head, body, number):
        def later(connection):
            threading.Event().wait(usual_s if number <= 20 else usual_s / 10)
            connection.sendall(reply(chat("usual"), extra="connection: close\r\n"))
        return later

    slow, other = scripted(answer), scripted(well)
    proxy = start({"a": slow.url, "b": other.url}, **hedged(after="60s"))
    clients = [threading.Thread(target=proxy.chat) for _ in range(20)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()
    new = json.loads(proxy.config_path.read_text())
    new["routes"]["coder"]["hedge"]["after"] = "p95"
    replace(proxy.config_path, json.dumps(new))
    proxy.wait_for_log("proxy.reloaded")
    for _ in range(5):
        assert proxy.chat().headers["x-proviso-target"] == "a/m"
    assert not other.requests


@pytest.mark.parametrize("hedge, said", [({"after": "soon"}, "after is"), ({"after": "p95", "share": 0}, "share"),
                                         ({"after": "0s"}, "after is"), ({"share": 0.5}, "after"),
                                         ({"after": "p95", "shares": 1}, "shares")])
def test_a_hedge_that_is_wrong_is_said_with_its_place(proviso, hedge, said):
    config = config_of({"a": "http://127.0.0.1:9/v1", "b": "http://127.0.0.1:9/v1"})
    config["routes"]["coder"]["hedge"] = hedge
    (proviso.cwd / "proviso.yaml").write_text(json.dumps(config))
    done = proviso("validate")
    assert done.code == 2 and "proviso.yaml:1:" in done.err + done.out and said in done.err + done.out, done
