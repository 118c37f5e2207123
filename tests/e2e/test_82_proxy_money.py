"""Keys, budgets and the ledger of the proxy: who may, for how much, and that every answer has its row."""
import csv
import http.client
import io
import json
import signal
import socket
import sqlite3
import threading
from fractions import Fraction

import pytest

from conftest import RUN_LIMIT_S, Proviso, chat, replace, reply
from proxy_rig import DONE, SSE_HEAD, chunk, config_of, cut_sse, sse, usage_chunk

LEDGER = {"ledger": {"path": "proxy.db"}}
ROLE = chunk({"role": "assistant", "content": ""})
GOOD = sse(ROLE, chunk({"content": "hi"}), chunk(finish="stop"), usage_chunk(), DONE)


def answer_well(head, body, number):
    return GOOD if json.loads(body).get("stream") else reply(chat())


def rows(folder, *arguments):
    """What `usage` says, one row an attempt."""
    done = Proviso(folder)("usage", "--format", "csv", *arguments)
    assert done.code == 0, done
    return list(csv.DictReader(io.StringIO(done.out)))


def make_key(folder, *arguments):
    done = Proviso(folder)("key", "create", *arguments)
    assert done.code == 0 and done.out.startswith("pv_"), done
    return done.out.strip()


# --- rows ------------------------------------------------------------------------------------------


def test_every_attempt_has_its_row(start, scripted, tmp_path):
    bad = scripted(lambda head, body, number: reply({}, "500 Internal Server Error"))
    good = scripted(answer_well)
    proxy = start({"a": bad.url, "b": good.url}, **LEDGER,
                  tasks=[{"name": "review", "risk": "high", "match": {"header": {"x-kind": "review"}}}],
                  routes={"coder": {"targets": ["a/m", "b/m"], "strategy": "ordered"}})
    answer = proxy.chat(headers={"x-proviso-workflow": "nightly", "x-proviso-team": "search", "x-kind": "review"})
    assert answer.status == 200, answer
    first, second = rows(tmp_path)
    assert first["request_id"] == second["request_id"] == answer.headers["x-proviso-request-id"]
    assert (first["attempt"], second["attempt"]) == ("1", "2")
    assert (first["target"], first["status"], first["outcome"]) == ("a/m", "500", "error")
    assert (second["target"], second["status"], second["outcome"]) == ("b/m", "200", "ok")
    assert first["cost_usd"] == "" and first["prompt_tokens"] == ""
    assert second["fallback_reason"] == "it failed" and first["fallback_reason"] == ""
    assert (second["prompt_tokens"], second["completion_tokens"], second["usage_source"]) == ("10", "2", "reported")
    assert float(second["cost_usd"]) == float(answer.headers["x-proviso-cost-usd"]) == pytest.approx(16e-6)
    assert second["cost_source"] == "computed" and second["finish_reason"] == "stop"
    assert (second["route"], second["requested_model"], second["task"], second["risk"]) == (
        "coder", "coder", "review", "high")
    assert (second["workflow"], second["team"], second["key_id"]) == ("nightly", "search", "")
    assert (second["dialect_in"], second["dialect_out"], second["shape"]) == ("openai", "openai", "chat")
    assert second["matrix"] == answer.headers["x-proviso-matrix"] and second["stream"] == "false"
    assert int(second["latency_ms"]) >= 0 and int(second["overhead_us"]) >= 0 and second["client_disconnected"] == "false"


def test_a_reported_cost_stands_beside_the_computed_one(start, scripted, tmp_path):
    """A provider that bills otherwise than its price list is seen only where both are kept."""
    said = chat()
    said["usage"] |= {"cost": 0.000123456789}
    proxy = start({"a": scripted(lambda head, body, number: reply(said)).url}, **LEDGER)
    answer = proxy.chat()
    assert answer.status == 200, answer
    row, = rows(tmp_path)
    assert (row["cost_usd"], row["cost_source"]) == ("0.000123456789", "reported")
    assert answer.headers["x-proviso-cost-usd"] == row["cost_usd"]
    assert row["computed_cost_usd"] == "0.0000016" and row["price_version"].startswith("config-")
    assert row["cost_difference_usd"] == "0.000121856789"
    shown = Proviso(tmp_path)("usage").out.splitlines()
    assert shown[0].split()[-2:] == ["USD", "reported-computed"]
    assert shown[1].split()[-2:] == shown[2].split()[-2:] == ["0.000123456789", "+0.000121856789"]
    said["usage"]["cost"] = 0.0000001  # less than its price, and nothing that a table has a plus for
    assert proxy.chat().status == 200
    assert [row["cost_difference_usd"] for row in rows(tmp_path)] == ["0.000121856789", "-0.0000015"]
    summed, = rows(tmp_path, "--by", "target")
    assert (summed["compared"], summed["cost_difference_usd"]) == ("2", "0.000120356789")


def test_whom_an_aggregator_asked_is_in_the_row(start, scripted, tmp_path):
    """Its price and its quality hang on who served; without a name nobody can tell a change from a fault."""
    said = [reply({**chat(), "provider": "DeepInfra"}), reply(chat(), extra="x-litellm-model-api-base: https://one.example\r\n"),
            sse(chunk({"role": "assistant", "content": "a"}, provider="Novita"), chunk(finish="stop"), DONE), reply(chat())]
    proxy = start({"a": scripted(lambda head, body, number: said[number - 1]).url}, **LEDGER)
    for streamed in (False, False, True, False):
        assert (proxy.stream() if streamed else proxy.chat()).status == 200
    assert [row["served_by"] for row in rows(tmp_path)] == ["DeepInfra", "https://one.example", "Novita", ""]
    assert {row["served_by"] for row in rows(tmp_path, "--by", "served_by")} == {"DeepInfra", "https://one.example", "Novita", ""}


def test_a_proxy_says_of_which_targets_it_knows_no_price(start, scripted):
    """At the start and when it changes, once; whoever reads the log knows why costs are empty."""
    proxy = start({"a": scripted(answer_well).url, "b": scripted(answer_well).url})
    config = json.loads(proxy.config_path.read_text())
    good = config["providers"]["a"]["models"]["m"]["price"]
    assert "proxy.price" not in proxy.log_path.read_text()

    def reload(price):
        config["providers"]["a"]["models"]["m"]["price"] = price
        before = proxy.log_path.read_text().count("proxy.reloaded")
        replace(proxy.config_path, json.dumps(config))
        while proxy.log_path.read_text().count("proxy.reloaded") == before:
            proxy.get("/livez")
        return [line for line in proxy.log_path.read_text().splitlines() if "proxy.price" in line]

    told = reload(good | {"until": "2001-01-01"})
    assert len(told) == 1 and "target=a/m: its price ran out on 2001-01-01: what it costs is unknown" in told[0]
    answer = proxy.chat()
    assert answer.headers["x-proviso-target"] == "a/m" and "x-proviso-cost-usd" not in answer.headers
    assert len(reload(good | {"until": "2001-01-01", "source": "again"})) == 1
    assert len(reload(good)) == 1 and proxy.chat().headers["x-proviso-cost-usd"]
    assert len(reload(good | {"review_by": "2001-01-01"})) == 2


def test_rows_are_seen_however_often_others_look(start, scripted, tmp_path):
    """A reader that closes must not take itself for the last one and throw the log of the writer away."""
    proxy = start({"a": scripted(answer_well).url}, **LEDGER)
    for number in range(1, 5):
        assert proxy.chat().status == 200
        assert len(rows(tmp_path)) == number
    proxy.process.kill()
    proxy.process.wait()
    proxy.process.returncode = 0  # as we wanted it
    assert len(rows(tmp_path)) == 4


def test_a_stream_has_its_row_before_its_last_bytes(start, scripted, tmp_path):
    proxy = start({"a": scripted(answer_well).url}, **LEDGER)
    for _ in range(20):
        answer = proxy.stream()
        assert answer.events[-1] == "[DONE]"
    assert [row["outcome"] for row in rows(tmp_path)] == ["ok"] * 20
    assert {row["stream"] for row in rows(tmp_path)} == {"true"}
    # Usage was asked for by the proxy alone, and counted.
    assert {row["completion_tokens"] for row in rows(tmp_path)} == {"2"}


@pytest.mark.parametrize("streamed", [False, True])
def test_whoever_saw_an_answer_finds_its_row_after_a_kill(start, scripted, tmp_path, streamed):
    proxy = start({"a": scripted(answer_well).url}, **LEDGER)
    seen, stop = [], threading.Event()

    def ask():
        while not stop.is_set():
            try:
                answer = proxy.chat(stream=streamed)
            except (OSError, http.client.HTTPException):
                return
            if answer.status == 200 and not answer.cut and (not streamed or b"[DONE]" in answer.body):
                seen.append(answer.headers["x-proviso-request-id"])

    clients = [threading.Thread(target=ask) for _ in range(8)]
    for client in clients:
        client.start()
    while len(seen) < 50:
        pass
    proxy.process.send_signal(signal.SIGKILL)
    stop.set()
    for client in clients:
        client.join()
    proxy.process.wait()
    proxy.process.returncode = 0  # as we wanted it
    written = [row["request_id"] for row in rows(tmp_path)]
    assert len(written) == len(set(written)), "a row twice"
    assert set(seen) <= set(written), f"{len(set(seen) - set(written))} answers without a row"


def test_what_broke_off_is_a_row_that_says_so(start, scripted, tmp_path):
    proxy = start({"a": scripted(lambda head, body, number: cut_sse(ROLE, chunk({"content": "x" * 400}))).url}, **LEDGER)
    proxy.stream()
    row, = rows(tmp_path)
    assert (row["outcome"], row["usage_source"], row["cost_source"]) == ("cut", "estimated", "estimated")
    assert int(row["completion_tokens"]) == 100 and float(row["cost_usd"]) > 0


@pytest.mark.parametrize("prompt", [-10, 10.5, "10", 10 ** 18, None])
def test_half_a_usage_is_completed_and_told_as_estimated(start, scripted, tmp_path, prompt):
    """Money that was paid is not left out, and a count that can't be one does not empty the budget."""
    told = {"prompt_tokens": prompt, "completion_tokens": 7}
    proxy = start({"a": scripted(lambda head, body, number: reply(chat(usage=told))).url}, **LEDGER,
                  budgets=[{"scope": {"provider": "a"}, "limit_usd": "1", "per": "day"}])
    answers = [proxy.chat(), proxy.chat()]
    assert [answer.status for answer in answers] == [200, 200], answers
    for answer, row in zip(answers, rows(tmp_path)):
        assert (row["usage_source"], row["cost_source"], row["computed_cost_usd"]) == ("estimated", "estimated", "")
        assert row["completion_tokens"] == "7" and 0 < int(row["prompt_tokens"]) < 20
        assert Fraction(row["cost_usd"]) == (int(row["prompt_tokens"]) * Fraction("0.10") + 7 * Fraction("0.30")) / 10 ** 6
        assert answer.headers["x-proviso-cost-usd"] == row["cost_usd"]


def test_a_client_that_left_is_a_row_too(start, scripted, tmp_path):
    asked, closed = threading.Event(), threading.Event()

    def answer(connection):
        connection.sendall(SSE_HEAD + b"content-length: 100000\r\n\r\n" + ROLE + chunk({"content": "abcd"}))
        asked.set()
        if not connection.recv(1):
            closed.set()

    proxy = start({"a": scripted(lambda head, body, number: answer).url}, **LEDGER)
    body = json.dumps({"model": "coder", "stream": True, "messages": [{"role": "user", "content": "hi"}]}).encode()
    with socket.create_connection(("127.0.0.1", proxy.port)) as connection:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        assert asked.wait(RUN_LIMIT_S) and connection.recv(100)
    assert closed.wait(RUN_LIMIT_S)
    while proxy.metric("open_requests") > 0:
        pass
    row, = rows(tmp_path)
    assert (row["outcome"], row["client_disconnected"]) == ("client_gone", "true")


def test_all_that_failed_has_its_rows(start, scripted, tmp_path):
    bad = scripted(lambda head, body, number: reply({}, "500 Internal Server Error"))
    proxy = start({"a": bad.url, "b": bad.url}, **LEDGER)
    assert proxy.chat().status == 502
    assert [(row["target"], row["outcome"], row["cost_usd"]) for row in rows(tmp_path)] == [
        ("a/m", "error", ""), ("b/m", "error", "")]


# --- budgets -----------------------------------------------------------------------------------------


def bounded(limit, **scope):
    return {"budgets": [{"scope": scope, "limit_usd": limit, "per": "prepaid"}], **LEDGER}


def test_fifty_at_once_on_a_budget_with_room_for_ten(start, scripted, tmp_path):
    go = threading.Event()

    def slow(head, body, number):
        def later(connection):
            go.wait(RUN_LIMIT_S)
            connection.sendall(reply(chat(), extra="connection: close\r\n"))
        return later

    proxy = start({"a": scripted(slow).url}, **bounded("1", team="search"))
    said = proxy.send("POST", "/v1/proviso/explain", {"model": "coder", "max_tokens": 100,
                                                      "messages": [{"role": "user", "content": "hello"}]}).json
    bound = said["candidates"][0]["bound_usd"]
    config = json.loads(proxy.config_path.read_text())
    config["budgets"][0]["limit_usd"] = f"{bound * 10.5:.12f}"
    replace(proxy.config_path, json.dumps(config))
    proxy.wait_for_log("proxy.reloaded")
    answers, refused = [], threading.Semaphore(0)

    def ask():
        answer = proxy.chat(max_tokens=100, headers={"x-proviso-team": "search"})
        answers.append(answer)
        if answer.status != 200:
            refused.release()

    clients = [threading.Thread(target=ask) for _ in range(50)]
    for client in clients:
        client.start()
    for _ in range(40):
        assert refused.acquire(timeout=RUN_LIMIT_S)
    go.set()
    for client in clients:
        client.join()
    statuses = sorted(a.status for a in answers)
    assert statuses == [200] * 10 + [402] * 40
    assert all(a.error["code"] == "budget_exceeded" for a in answers if a.status == 402)
    spent = sum(float(row["cost_usd"]) for row in rows(tmp_path))
    assert spent == pytest.approx(10 * (10 * 0.10 + 2 * 0.30) / 1e6)
    # Settled to the truth: there is room again.
    assert proxy.chat(max_tokens=100, headers={"x-proviso-team": "search"}).status == 200
    # Others are none of that budget's business.
    assert proxy.chat(max_tokens=100, headers={"x-proviso-team": "other"}).status == 200


def test_a_budget_survives_a_restart(start, scripted, tmp_path):
    url = scripted(answer_well).url
    first = start({"a": url}, **bounded("0.0005", team="search"))
    headers = {"x-proviso-team": "search"}
    while first.chat(max_tokens=100, headers=headers).status == 200:
        pass
    first.stop()
    second = start({"a": url}, **bounded("0.0005", team="search"))
    assert second.chat(max_tokens=100, headers=headers).error["code"] == "budget_exceeded"


def test_what_failed_costs_nothing(start, scripted):
    up = scripted(lambda head, body, number: reply({}, "500 Oops"))
    proxy = start({"a": up.url}, **bounded("0.001", team="search"))
    for _ in range(5):
        assert proxy.chat(max_tokens=100, headers={"x-proviso-team": "search"}).status == 502
    assert proxy.metric('budget_left_usd{budget="team=search prepaid"}') == 0.001


def test_a_targets_budget_sends_to_the_next_target(start, scripted):
    proxy = start({"a": scripted(answer_well).url, "b": scripted(answer_well).url},
                  **bounded("0.00000001", target="a/m"))
    assert proxy.chat(max_tokens=100).headers["x-proviso-target"] == "b/m"


def test_a_target_that_has_no_room_left_when_it_would_be_asked_again_is_passed_over(start, scripted):
    """It had room for the first attempt; another request was dearer than it may be, and took it."""
    dear = threading.Event()

    def answer(head, body, number):
        def limit(connection):
            assert dear.wait(RUN_LIMIT_S)
            connection.sendall(reply({}, "429 Too Many Requests", extra="retry-after: 0\r\nconnection: close\r\n"))

        if number == 1:
            return limit
        return reply(chat(usage={"prompt_tokens": 10, "completion_tokens": 900000, "total_tokens": 900010}))

    up, other = scripted(answer), scripted(answer_well)
    proxy = start({"a": up.url, "b": other.url}, **bounded("0.1", target="a/m"))
    answers = []
    client = threading.Thread(target=lambda: answers.append(proxy.chat(max_tokens=100)))
    client.start()
    while len(up.requests) < 1:
        pass
    assert proxy.chat(model="a/m", max_tokens=100).status == 200
    dear.set()
    client.join()
    assert answers[0].status == 200 and answers[0].headers["x-proviso-target"] == "b/m", answers[0]
    assert len(up.requests) == 2 and len(other.requests) == 1


def test_an_unknown_price_is_not_spent_from_a_budget(start, scripted):
    proxy = start({"a": scripted(answer_well).url}, **bounded("1", team="search"))
    config = json.loads(proxy.config_path.read_text())
    del config["providers"]["a"]["models"]["m"]["price"]
    replace(proxy.config_path, json.dumps(config))
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat().status == 200
    refused = proxy.chat(headers={"x-proviso-team": "search"})
    assert refused.status == 503 and "price" in refused.error["excluded"][0]["reason"], refused
    config["budgets"][0]["unpriced"] = "allow"
    replace(proxy.config_path, json.dumps(config))
    while proxy.chat(headers={"x-proviso-team": "search"}).status != 200:
        pass  # until it is read


# --- keys ----------------------------------------------------------------------------------------------


KEYED = {"keys": {"store": "proxy.db"}, "ledger": {"path": "proxy.db"}}


def bearer(key):
    return {"authorization": f"Bearer {key}"}


def test_keys_are_asked_for_and_scoped(start, scripted, tmp_path):
    up = scripted(answer_well)
    proxy = start({"a": up.url}, **KEYED)
    key = make_key(tmp_path, "--name", "one", "--team", "search", "--route", "coder", "--endpoint", "chat")
    for headers in ({}, bearer("nonsense"), bearer(key[:-1] + ("a" if key[-1] != "a" else "b"))):
        refused = proxy.chat(headers=headers)
        assert refused.status == 401 and refused.error["code"] == "invalid_api_key", refused
    assert proxy.get("/v1/models").status == 401
    answer = proxy.chat(headers=bearer(key))
    assert answer.status == 200, answer
    assert proxy.chat(headers={"x-api-key": key}).status == 200
    assert proxy.chat(headers=bearer(key), model="a/m").error["code"] == "not_allowed"
    assert proxy.send("POST", "/v1/embeddings", {"model": "coder", "input": "x"}, bearer(key)).status == 403
    assert proxy.chat(headers={**bearer(key), "x-proviso-team": "other"}).status == 403
    assert [m["id"] for m in proxy.send("GET", "/v1/models", headers=bearer(key)).json["data"]] == ["coder"]
    assert {row["key_id"] for row in rows(tmp_path)} == {key.split("_")[1]}
    assert {row["team"] for row in rows(tmp_path)} == {"search"}
    assert all(key.encode() not in head for head, _ in up.requests)
    assert key not in proxy.log_path.read_text()


def test_a_key_for_one_target_is_sent_to_no_other(start, scripted, tmp_path):
    proxy = start({"a": scripted(answer_well).url, "b": scripted(answer_well).url}, **KEYED)
    key = make_key(tmp_path, "--name", "one", "--target", "b/m")
    # What is told beforehand is what is done.
    body = {"model": "coder", "messages": [{"role": "user", "content": "hello"}]}
    said = proxy.send("POST", "/v1/proviso/explain", body, bearer(key)).json
    assert [c["target"] for c in said["candidates"]] == ["b/m"]
    assert [(e["target"], e["case"], e["reason"]) for e in said["excluded"]] == [("a/m", None, "this key may not use it")]
    refused = proxy.send("POST", "/v1/proviso/explain", {**body, "model": "a/m"}, bearer(key))
    assert refused.status == 403 and refused.error["code"] == "not_allowed", refused
    answer = proxy.chat(headers=bearer(key))
    assert answer.headers["x-proviso-target"] == "b/m"
    assert proxy.chat(headers=bearer(key), model="b/m").status == 200
    assert proxy.chat(headers=bearer(key), model="a/m").error["code"] == "not_allowed"


def test_a_revoked_key_is_out_at_once(start, scripted, tmp_path):
    proxy = start({"a": scripted(answer_well).url}, **KEYED)
    for turn in range(5):  # a proxy that asks from time to time would be late for one of them
        key = make_key(tmp_path, "--name", "one")
        assert proxy.chat(headers=bearer(key)).status == 200
        assert Proviso(tmp_path)("key", "revoke", key.split("_")[1]).code == 0
        assert proxy.chat(headers=bearer(key)).status == 401, turn
    assert proxy.chat(headers=bearer(key)).error["code"] == "invalid_api_key"


def test_a_key_has_its_rate_and_its_budget(start, scripted, tmp_path):
    proxy = start({"a": scripted(answer_well).url}, **KEYED)
    few = make_key(tmp_path, "--name", "few", "--requests-per-minute", "3")
    poor = make_key(tmp_path, "--name", "poor", "--budget", "0.00000001", "--per", "day")
    answers = [proxy.chat(headers=bearer(few)) for _ in range(5)]
    assert [a.status for a in answers] == [200] * 3 + [429] * 2
    assert answers[-1].error["code"] == "rate_limit_exceeded" and int(answers[-1].headers["retry-after"]) >= 1
    refused = proxy.chat(headers=bearer(poor), max_tokens=100)
    assert refused.status == 402 and refused.error["code"] == "budget_exceeded", refused


@pytest.mark.parametrize("config", ["none", "full"])
def test_a_key_says_what_is_kept_of_its_requests(start, scripted, tmp_path, config):
    """Whoever must not be written down is not, and whoever asked for it is, whatever the others do."""
    proxy = start({"a": scripted(answer_well).url}, **{**KEYED, "ledger": {"path": "proxy.db", "content": config}})
    keys = {kind: make_key(tmp_path, "--name", kind, *(["--content", kind] if kind != "config" else []))
            for kind in ("none", "redacted", "full", "config")}
    asked = {kind: proxy.chat("mail jo@example.org", headers=bearer(key)).headers["x-proviso-request-id"]
             for kind, key in keys.items()}
    proxy.stop()
    with sqlite3.connect(tmp_path / "proxy.db") as store:
        kept = {kind: store.execute("SELECT request, response FROM contents WHERE request_id=?", [asked[kind]]).fetchall()
                for kind in asked}
    assert kept["none"] == [] and len(kept["redacted"]) == len(kept["full"]) == 1
    assert b"jo@example.org" in kept["full"][0][0] and b"hello" in kept["full"][0][1]
    assert b"mail *" in kept["redacted"][0][0] and b"example.org" not in kept["redacted"][0][0]
    assert len(kept["config"]) == (config == "full")


def test_with_a_key_store_others_may_connect(start, scripted, tmp_path, proviso, matrix):
    (tmp_path / "proviso.yaml").write_text(json.dumps(config_of({"a": "http://127.0.0.1:9/v1"}, **KEYED)))
    process = proviso.start("proxy", "--listen", "0.0.0.0:0", "--matrix", matrix, env={"KEY_A": "x" * 20})
    assert process.stdout.readline().startswith("http://0.0.0.0:")
    process.send_signal(signal.SIGTERM)
    assert process.wait(RUN_LIMIT_S) == 0


# --- a ledger that can't be written ------------------------------------------------------------------------


def test_a_ledger_that_is_locked_refuses_and_loses_nothing(start, scripted, tmp_path):
    up = scripted(answer_well)
    proxy = start({"a": up.url}, **LEDGER)
    assert proxy.chat().status == 200
    other = sqlite3.connect(tmp_path / "proxy.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    plain, streamed = proxy.chat(), None
    assert plain.status == 503 and plain.error["code"] == "unavailable", plain
    assert proxy.get("/readyz").status == 503 and proxy.get("/livez").status == 200
    assert proxy.chat().status == 503 and len(up.requests) == 2, "spent what can't be booked"
    other.execute("ROLLBACK")
    other.close()
    while proxy.get("/readyz").status == 503:
        pass
    streamed = proxy.stream()
    assert streamed.events[-1] == "[DONE]"
    # What was answered while the disk was away is booked as well.
    assert [row["outcome"] for row in rows(tmp_path)] == ["ok"] * 3


def test_a_ledger_that_is_taken_away_is_told(start, scripted, tmp_path):
    proxy = start({"a": scripted(answer_well).url}, **LEDGER)
    assert proxy.chat().status == 200
    for name in ("proxy.db", "proxy.db-wal", "proxy.db-shm"):
        (tmp_path / name).unlink()
    assert proxy.chat().status == 200
    assert "path=proxy.db" in proxy.wait_for_log("ledger.gone")
    assert len(rows(tmp_path)) == 1


def test_a_second_proxy_on_the_same_ledger_is_refused(start, scripted, tmp_path, proviso):
    proxy = start({"a": scripted(answer_well).url}, **LEDGER)
    second = proviso("proxy", "--listen", "127.0.0.1:0", "--matrix", proxy.matrix_path,
                     env={"KEY_A": "x" * 20})
    assert second.code != 0 and second.out == "", second
