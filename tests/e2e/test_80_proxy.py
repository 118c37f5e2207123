"""The proxy: who serves, what passes, what is said of it. Faults have test_81_proxy_faults.py."""
import json
import re
import signal
import threading
import time

import pytest

from conftest import ROOT, RUN_LIMIT_S, chat, replace, reply
from proxy_rig import DONE, KEYS, chunk, config_of, key_of, raw, sse, usage_chunk
def provider(sim, name, *arguments):
    return sim("--models", "m", "--api-key", key_of(name), *arguments).url


def good_stream(*words):
    return sse(chunk({"role": "assistant", "content": ""}), *(chunk({"content": word}) for word in words),
               chunk(finish="stop"), usage_chunk(), DONE)


# --- served ------------------------------------------------------------------------------------


def test_a_plain_request_is_relayed_with_what_was_decided(start, sim):
    proxy = start({"a": provider(sim, "a"), "b": provider(sim, "b")})
    answer = proxy.chat()
    assert answer.status == 200, answer
    assert answer.json["choices"][0]["message"]["content"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-proviso-target"] == "a/m"
    assert answer.headers["x-proviso-route"] == "coder"
    assert answer.headers["x-proviso-attempts"] == "1"
    # The moment first, then chance: the ledger's trees grow at their end alone, however many rows they hold.
    moment = re.fullmatch("req_([0-9a-f]{11})[0-9a-f]{16}", answer.headers["x-proviso-request-id"]).group(1)
    assert abs(int(moment, 16) / 1000 - time.time()) < 600
    assert len(answer.headers["x-proviso-matrix"]) == 12
    assert int(answer.headers["x-proviso-evidence"].split(";")[0]) > 3
    assert "x-proviso-unproven" not in answer.headers
    usage = answer.json["usage"]
    cost = (usage["prompt_tokens"] * 0.10 + usage["completion_tokens"] * 0.30) / 1e6
    assert float(answer.headers["x-proviso-cost-usd"]) == pytest.approx(cost)


def test_a_stream_is_relayed_and_ends_as_it_should(start, sim):
    proxy = start({"a": provider(sim, "a")})
    answer = proxy.stream()
    assert answer.status == 200 and not answer.cut, answer
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["x-proviso-target"] == "a/m"
    assert answer.content.startswith("This is a simulated reply")
    assert answer.events[-1] == "[DONE]"
    # Usage was not asked for: its chunk is taken out again.
    assert all(json.loads(e)["choices"] for e in answer.events[:-1])


def test_bytes_pass_as_they_are_but_for_the_model(start, scripted):
    up = scripted(lambda head, body, number: reply(json.dumps(chat(), indent=3)))
    proxy = start({"a": up.url})
    sent = b'{ "temperature":0.50,  "messages":[{"role":"user","content":"h\\u0065llo \xc3\xa9"}],\n"model" : "coder"}'
    answer = proxy.send("POST", "/v1/chat/completions", sent)
    assert answer.body == json.dumps(chat(), indent=3).encode()
    assert up.requests[0][1] == sent.replace(b'"coder"', b'"m"')


def test_usage_is_asked_for_and_its_chunk_taken_out(start, scripted):
    up = scripted(lambda head, body, number: good_stream("hi"))
    proxy = start({"a": up.url})
    answer = proxy.send("POST", "/v1/chat/completions",
                        b'{"model":"a/m","stream":true,"messages":[{"role":"user","content":"hello"}]}')
    assert up.requests[0][1] == (b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}],'
                                 b'"stream_options":{"include_usage":true}}')
    want = chunk({"role": "assistant", "content": ""}) + chunk({"content": "hi"}) + chunk(finish="stop") + DONE
    assert answer.body == want


def test_usage_behind_the_end_is_taken_out_too(start, scripted):
    up = scripted(lambda head, body, number: sse(chunk({"role": "assistant", "content": "hi"}), chunk(finish="stop"), DONE,
                                                 usage_chunk()))
    answer = start({"a": up.url}).stream()
    assert answer.body == chunk({"role": "assistant", "content": "hi"}) + chunk(finish="stop") + DONE


def test_usage_that_was_asked_for_comes_with_its_cost(start, scripted):
    up = scripted(lambda head, body, number: good_stream("hi"))
    proxy = start({"a": up.url})
    answer = proxy.stream(stream_options={"include_usage": True})
    usage = json.loads(answer.events[-2])["usage"]
    assert usage["cost"] == pytest.approx((10 * 0.10 + 2 * 0.30) / 1e6)
    assert answer.body == good_stream("hi").split(b"\r\n\r\n", 1)[1].replace(
        b'"total_tokens": 12}', b'"total_tokens": 12,"cost":0.0000016}')


def test_nothing_of_the_client_goes_up_that_is_not_listed(start, scripted):
    up = scripted(lambda head, body, number: reply(chat(), extra="set-cookie: s=1\r\nserver: Theirs/1\r\nx-mine: 2\r\n"
                                                                 "x-request-id: req-7\r\n"))
    proxy = start({"a": up.url})
    answer = proxy.chat(headers={"authorization": "Bearer client-secret", "x-api-key": "client-secret",
                                 "cookie": "a=b", "x-proviso-workflow": "w", "proxy-authorization": "Basic x",
                                 "traceparent": "00-1-2-01", "connection": "keep-alive, x-hop", "x-hop": "1"})
    head = up.requests[0][0].decode().lower()
    assert "client-secret" not in head and "cookie" not in head and "x-proviso" not in head and "x-hop" not in head
    assert "traceparent: 00-1-2-01" in head
    assert f"authorization: bearer {key_of('a')}" in head
    assert "set-cookie" not in answer.headers and "server" not in answer.headers and "x-mine" not in answer.headers
    assert answer.headers["x-request-id"] == "req-7"


@pytest.mark.parametrize("model", ["coder", "a/m", "m"])
def test_a_model_is_a_route_a_target_or_an_id_that_one_provider_serves(start, sim, model):
    proxy = start({"a": provider(sim, "a")})
    answer = proxy.chat(model=model)
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "a/m"
    assert ("x-proviso-route" in answer.headers) == (model == "coder")


def test_other_endpoints_pass_too(start, sim):
    # The suite has no gate case about /v1/completions: nothing can prove it.
    proxy = start({"a": provider(sim, "a")}, policy={"unproven": "allow"})
    embedded = proxy.send("POST", "/v1/embeddings", {"model": "coder", "input": "hello"})
    assert embedded.status == 200 and embedded.json["data"][0]["embedding"], embedded
    completed = proxy.send("POST", "/v1/completions", {"model": "coder", "prompt": "hello"})
    assert completed.status == 200 and completed.json["choices"][0]["text"], completed
    responded = proxy.send("POST", "/v1/responses", {"model": "coder", "input": "hello"})
    assert responded.status == 200 and responded.json["object"] == "response", responded
    streamed = proxy.send("POST", "/v1/responses", {"model": "coder", "input": "hello", "stream": True})
    assert streamed.status == 200 and b"event: response.completed" in streamed.body, streamed


def test_the_official_shape_of_a_models_list(start, sim):
    proxy = start({"a": provider(sim, "a")})
    assert [m["id"] for m in proxy.get("/v1/models").json["data"]] == ["coder", "a/m"]
    assert proxy.get("/v1/models/a/m").json["object"] == "model"
    assert proxy.get("/v1/models/coder").json["owned_by"] == "proviso"
    assert proxy.get("/v1/models/nobody").error["code"] == "model_not_found"
    # What a request may name is found: also the bare id of a model that one provider serves.
    assert proxy.get("/v1/models/m").json["owned_by"] == "a"


def test_an_id_that_two_providers_serve_names_neither(start, sim):
    proxy = start({"a": provider(sim, "a"), "b": provider(sim, "b")})
    assert proxy.get("/v1/models/m").error["code"] == "model_not_found"


# --- decided --------------------------------------------------------------------------------------


def flip(path, case, target="a/m", verdict="fail", variant=None):
    """One cell of a matrix made bad; the file is replaced as an editor would."""
    matrix = json.loads(path.read_text())
    hit = [c for c in matrix["cells"]
           if c["case"] == case and c["target"] == target and variant in (None, c["variant"])]
    assert hit, f"no cell {case} at {target}"
    for cell in hit:
        cell["verdict"] = verdict
    replace(path, json.dumps(matrix))


def test_a_flipped_gate_cell_keeps_a_kind_of_request_away_after_a_reload(start, sim):
    proxy = start({"a": provider(sim, "a"), "b": provider(sim, "b")})
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
    named = {"type": "function", "function": {"name": "f"}}
    assert proxy.chat(tools=tools, tool_choice=named).headers["x-proviso-target"] == "a/m"
    flip(proxy.matrix_path, "TC-10")
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat(tools=tools, tool_choice=named).headers["x-proviso-target"] == "b/m"
    # Other requests are none of that case's business.
    assert proxy.chat().headers["x-proviso-target"] == "a/m"


def test_without_proof_nothing_is_served_and_the_cells_are_named(start, sim):
    proxy = start({"a": provider(sim, "a")})
    flip(proxy.matrix_path, "CH-01")
    proxy.process.send_signal(signal.SIGHUP)
    proxy.wait_for_log("proxy.reloaded")
    answer = proxy.chat()
    assert answer.status == 503 and answer.error["code"] == "no_proven_target", answer
    assert {"target": "a/m", "case": "CH-01", "verdict": "fail"}.items() <= answer.error["excluded"][0].items()
    assert proxy.metric("unproven_total") == 1 and proxy.metric('exclusions_total{case="CH-01"}') == 1


def test_without_a_matrix_nothing_is_proven(start, sim):
    proxy = start({"a": provider(sim, "a")}, proven=None)
    assert proxy.chat().error["code"] == "no_proven_target"
    assert "nothing is proven" in proxy.log_path.read_text()


@pytest.mark.parametrize("mode, status", [("enforce", 503), ("warn", 200), ("shadow", 200)])
def test_modes(start, sim, mode, status):
    proxy = start({"a": provider(sim, "a")}, proven=None, policy={"mode": mode})
    answer = proxy.chat()
    assert answer.status == status, answer
    assert ("x-proviso-unproven" in answer.headers) == (mode == "warn")
    if mode == "shadow":
        assert "proxy.shadow" in proxy.log_path.read_text()


def test_an_unknown_field_is_served_and_named(start, sim):
    proxy = start({"a": provider(sim, "a")})
    answer = proxy.chat(**{"brand_new\r\nx-evil": 1})
    assert answer.status == 200 and "x-evil" not in answer.headers
    assert answer.headers["x-proviso-unproven"] == "field.brand_new\\r\\nx-evil"


def test_names_of_a_config_end_no_line(start, scripted):
    up = scripted(lambda head, body, number: reply(chat()))
    names = ("two\r\nx-evil: lines", "a\0b", "a\x1b[31mb", "a\x7fb")
    proxy = start({"a": up.url}, routes={name: {"targets": ["a/m"]} for name in names})
    for name in names:
        answer = proxy.chat(model=name)
        assert answer.status == 200 and "x-evil" not in answer.headers and "x-proviso-route" not in answer.headers, answer


def test_an_unknown_field_can_be_refused(start, sim):
    proxy = start({"a": provider(sim, "a")}, policy={"unknown_fields": "reject"})
    assert proxy.chat().status == 200
    answer = proxy.chat(brand_new=1)
    assert answer.status == 400 and answer.error["param"] == "brand_new", answer


def test_openrouters_wishes_are_obeyed_and_not_forwarded(start, scripted):
    ups = {name: scripted(lambda head, body, number: reply(chat())) for name in "ab"}
    proxy = start({name: up.url for name, up in ups.items()})
    assert proxy.chat(provider={"order": ["b"]}).headers["x-proviso-target"] == "b/m"
    assert proxy.chat(provider={"only": ["b/m"]}).headers["x-proviso-target"] == "b/m"
    assert proxy.chat(provider={"ignore": ["a"]}).headers["x-proviso-target"] == "b/m"
    assert proxy.chat(provider={"sort": "price"}).headers["x-proviso-target"] == "a/m"
    assert proxy.chat(provider={"max_price": {"prompt": 0.01}}).status == 503
    assert proxy.chat(provider={"sort": "colour"}).error["param"] == "provider"
    for up in ups.values():
        assert all(b"provider" not in body for _, body in up.requests)
    assert json.loads(ups["b"].requests[0][1])["messages"]


def test_headers_say_task_cost_and_quality(start, sim):
    proxy = start({"a": provider(sim, "a"), "b": provider(sim, "b")},
                  tasks=[{"name": "review", "risk": "high", "match": {"header": {"x-kind": "review"}}}])
    assert proxy.chat(headers={"x-kind": "review"}).headers["x-proviso-task"] == "review"
    assert proxy.chat(headers={"x-proviso-task": "review"}).headers["x-proviso-task"] == "review"
    assert proxy.chat(headers={"x-proviso-task": "other"}).error["code"] == "invalid_request"
    assert proxy.chat(headers={"x-proviso-max-cost": "0.0000001"}).error["code"] == "no_proven_target"
    assert proxy.chat(headers={"x-proviso-max-cost": "much"}).error["code"] == "invalid_request"
    assert proxy.chat(headers={"x-proviso-min-quality": "0.5"}).status == 200
    assert proxy.chat(headers={"x-proviso-min-quality": "2"}).error["code"] == "invalid_request"


def test_explain_says_what_would_be_done(start, sim):
    proxy = start({"a": provider(sim, "a"), "b": provider(sim, "b")})
    body = {"model": "coder", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
    said = proxy.send("POST", "/v1/proviso/explain", body).json
    assert said["shape"] == ["chat", "stream"] and said["mode"] == "enforce"
    assert [c["target"] for c in said["candidates"]] == ["a/m", "b/m"]
    assert proxy.metric('attempts_total{target="a/m",outcome="ok"}') == 0


# --- refused -----------------------------------------------------------------------------------------


def test_errors_are_openais_envelope(start, sim):
    proxy = start({"a": provider(sim, "a")}, proxy={"limits": {"body_bytes": "2k"}})
    cases = [
        (proxy.chat(model="nobody"), 404, "model_not_found"),
        (proxy.send("POST", "/v1/chat/completions", b"{"), 400, "invalid_request"),
        (proxy.send("POST", "/v1/chat/completions", b"[]"), 400, "invalid_request"),
        (proxy.send("POST", "/v1/chat/completions", {"messages": []}), 400, "invalid_request"),
        (proxy.send("POST", "/v1/nothing", {}), 404, "not_found"),
        (proxy.get("/v1/chat/completions"), 405, "method_not_allowed"),
        (proxy.send("POST", "/v1/models", {}), 405, "method_not_allowed"),
        (proxy.chat("x" * 4000), 413, "request_too_large"),
    ]
    for answer, status, code in cases:
        assert answer.status == status, answer
        assert set(answer.error) >= {"message", "type", "param", "code"} and answer.error["code"] == code, answer
    assert [cases[i][0].headers["allow"] for i in (5, 6)] == ["POST", "GET, HEAD"]
    # Anthropic's clients read theirs, whatever went wrong and however early.
    long = [{"role": "user", "content": "x" * 4000}]
    for claude, kind in (
            (proxy.send("POST", "/v1/messages", {"model": "coder", "max_tokens": 5, "messages": []}), "invalid_request_error"),
            (proxy.send("POST", "/v1/messages", {"model": "coder", "max_tokens": 5, "messages": long}), "request_too_large"),
            (proxy.get("/v1/messages"), "invalid_request_error"),
            (proxy.get("/v1/messages/batches"), "not_found_error")):
        assert claude.json["type"] == "error" and claude.error["type"] == kind, claude


def test_what_is_no_http_is_answered_as_an_error_too(start, sim):
    proxy = start({"a": provider(sim, "a")})
    got = raw(proxy.port, b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n"
                          b"transfer-encoding: chunked\r\n\r\n")
    head, body = got.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 400 ") and json.loads(body)["error"]["code"] == "invalid_request"


def test_without_a_key_store_only_loopback(proviso, tmp_path, matrix):
    (tmp_path / "proviso.yaml").write_text(json.dumps(config_of({"a": "http://127.0.0.1:9/v1"})))
    refused = proviso("proxy", "--listen", "0.0.0.0:0", "--matrix", matrix, env=KEYS)
    assert refused.code == 2 and "loopback only" in refused.err


def test_a_bad_config_does_not_start(proviso, tmp_path):
    (tmp_path / "proviso.yaml").write_text('{"version": 1, "providers": {"a": {"base_url": 5}}}')
    refused = proviso("proxy", "--listen", "127.0.0.1:0", env=KEYS)
    assert refused.code == 2 and "proviso.yaml:1:" in refused.err and refused.out == ""


# --- run --------------------------------------------------------------------------------------------


def test_a_bad_reload_changes_nothing_and_is_loud(start, sim):
    proxy = start({"a": provider(sim, "a")})
    good = proxy.config_path.read_text()
    replace(proxy.config_path, good.replace('"routes"', '"rutes"'))
    assert "last good" in proxy.wait_for_log("proxy.reload_failed")
    assert "did you mean" in proxy.log_path.read_text()
    assert proxy.chat().status == 200
    assert proxy.metric("reloads_failed_total") >= 1
    # Good, and in part for the next start only: that is said, too.
    replace(proxy.config_path, json.dumps({**json.loads(good), "ledger": {"path": "other.db"}}))
    assert "ledger.path is another one now" in proxy.wait_for_log("proxy.restart")
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat().status == 200 and not (proxy.folder / "other.db").exists()


def test_a_new_route_is_served_after_the_config_changed(start, sim):
    proxy = start({"a": provider(sim, "a")})
    config = json.loads(proxy.config_path.read_text())
    config["routes"]["writer"] = {"targets": ["a/m"]}
    assert proxy.chat(model="writer").status == 404
    proxy.config_path.write_text(json.dumps(config))
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat(model="writer").headers["x-proviso-route"] == "writer"


def test_draining_answers_what_is_under_way(start, scripted):
    asked, go = threading.Event(), threading.Event()

    def slow(connection):
        asked.set()
        go.wait(RUN_LIMIT_S)
        connection.sendall(reply(chat("at last")))

    proxy = start({"a": scripted(lambda head, body, number: slow).url})
    answers = []
    client = threading.Thread(target=lambda: answers.append(proxy.chat()))
    client.start()
    assert asked.wait(RUN_LIMIT_S)
    proxy.process.send_signal(signal.SIGTERM)
    with open(proxy.log_path) as log:
        while "proxy.draining" not in log.read():
            log.seek(0)
    go.set()
    client.join()
    proxy.process.wait(RUN_LIMIT_S)
    assert answers[0].json["choices"][0]["message"]["content"] == "at last"


def test_a_second_signal_cuts(start, scripted):
    asked, never = threading.Event(), threading.Event()

    def hang(connection):
        asked.set()
        never.wait(RUN_LIMIT_S)

    proxy = start({"a": scripted(lambda head, body, number: hang).url})
    failures = []

    def ask():
        try:
            proxy.chat()
        except OSError as gone:
            failures.append(gone)

    client = threading.Thread(target=ask)
    client.start()
    assert asked.wait(RUN_LIMIT_S)
    proxy.process.send_signal(signal.SIGTERM)
    with open(proxy.log_path) as log:
        while "proxy.draining" not in log.read():
            log.seek(0)
    proxy.stop()
    client.join()
    never.set()
    assert failures


def test_the_limit_of_connections_is_that_of_all_workers(start, sim):
    proxy = start({"a": provider(sim, "a")}, "--workers", "2", proxy={"limits": {"connections": 3}})
    held = []
    for _ in range(3):
        connection = proxy.connect()
        connection.request("GET", "/livez")
        assert connection.getresponse().read() == b"ok\n"
        held.append(connection)
    refused = proxy.get("/livez")
    assert refused.status == 503 and refused.error["code"] == "unavailable", refused
    for connection in held:
        connection.close()


def test_several_workers_share_a_port(start, sim):
    proxy = start({"a": provider(sim, "a")}, "--workers", "3")
    assert [proxy.chat().status for _ in range(20)] == [200] * 20
    assert proxy.metric('requests_total{endpoint="chat"}') == 20


def test_every_metric_stands_in_the_manual(start, sim, tmp_path):
    """What a dashboard can be built from is told, and nothing is told that is not there."""
    proxy = start({"a": provider(sim, "a")}, ledger={"path": "proxy.db"},
                  budgets=[{"scope": {"team": "search"}, "limit_usd": "1", "per": "day"}])
    assert proxy.chat().status == 200
    there = dict(re.findall(r"^# TYPE proviso_(\w+) (\w+)$", proxy.get("/metrics").body.decode(), re.M))
    page = (ROOT / "harness/cli/man/proviso-proxy.1").read_text()
    told = re.findall(r"^\.It Cm proviso_(\w+).*\n(\w+):", page.split(".Sh METRICS")[1].split(".Sh SIGNALS")[0], re.M)
    assert {name: kind.lower() for name, kind in told} == there and len(told) == len(there)


def test_probes_and_metrics(start, sim):
    proxy = start({"a": provider(sim, "a")})
    assert proxy.get("/livez").status == 200 and proxy.get("/readyz").body == b"ready\n"
    assert proxy.chat().status == 200
    assert proxy.metric('attempts_total{target="a/m",outcome="ok"}') == 1
    assert proxy.metric('tokens_total{target="a/m",kind="output"}') > 0
    assert proxy.metric('cost_usd_total{target="a/m"}') > 0
    # A client has its last byte before the proxy has put the request away.
    assert any(proxy.metric("open_requests") == 0 for _ in range(1000))
    assert proxy.metric('breaker_state{target="a/m"}') == 0
