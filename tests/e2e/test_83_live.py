"""Live evidence: what passes is held against what was proven, and a target that changed for the worse loses
the requests that the broken cell speaks for, until it is asked again."""
import base64
import hashlib
import hmac
import json
import subprocess
import time

from conftest import PROVISO, RUN_LIMIT_S, chat, environment, reply
from proxy_rig import DONE, KEYS, chunk, config_of, key_of, sse, usage_chunk

TOOLS = [{"type": "function", "function": {"name": "get_weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
    "additionalProperties": False}}}]
CALL = {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "get_weather"}}}


def provider(sim, name, *arguments):
    return sim("--models", "m", "--api-key", key_of(name), *arguments)


def exchange_for(sim, old, name, *arguments):
    """Another simulator takes the place of that one, at the same address: it has changed overnight."""
    port = old.port
    old.process.terminate()
    old.process.wait(timeout=RUN_LIMIT_S)
    return provider(sim, name, "--listen", f"127.0.0.1:{port}", *arguments)


def target_of(answer):
    assert answer.status == 200, answer
    return answer.headers["x-proviso-target"]


def excluded(proxy, **fields):
    """(target, case, verdict) as the proxy explains a request, which must be what the command says."""
    body = {"model": "coder", "messages": [{"role": "user", "content": "hello"}], **fields}
    told = proxy.send("POST", "/v1/proviso/explain", body).json
    (proxy.folder / "request.json").write_text(json.dumps(body))
    said = subprocess.run([PROVISO, "explain", "request.json"], cwd=proxy.folder, env=environment(**KEYS),
                          capture_output=True, text=True, timeout=RUN_LIMIT_S)
    said = json.loads(said.stdout)
    pick = lambda decision: [(e["target"], e["case"], e["verdict"]) for e in decision["excluded"]]
    assert pick(told) == pick(said)
    assert [c["target"] for c in told["candidates"]] == [c["target"] for c in said["candidates"]]
    return pick(told)


def quarantine(proxy, words, **fields):
    """Asks until the quarantine is in the log; who answered on the way."""
    asked = 0
    while words not in proxy.log_path.read_text():
        assert asked < 5000, proxy.log_path.read_text()
        proxy.stream(f"hello {asked}", **fields)
        asked += 1
    proxy.wait_for_log(words)
    return asked


def test_a_target_that_breaks_what_it_was_proven_for_loses_those_requests_alone(start, sim):
    a = provider(sim, "a")
    proxy = start({"a": a.url, "b": provider(sim, "b").url})
    for _ in range(20):
        assert target_of(proxy.stream(**CALL)) == "a/m"
    assert not (proxy.folder / "proviso-matrix.live.json").exists()
    exchange_for(sim, a, "a", "--break", "TS-01")
    assert quarantine(proxy, "proxy.quarantined", **CALL) >= 3
    # What that cell speaks for goes elsewhere; all else stays.
    assert target_of(proxy.stream(**CALL)) == "b/m"
    assert target_of(proxy.chat(**CALL)) == "a/m"
    assert target_of(proxy.stream()) == "a/m"
    assert excluded(proxy, stream=True, **CALL) == [("a/m", "TS-01", "quarantined")]
    assert excluded(proxy, stream=True) == []
    assert proxy.metric('quarantined_cells{target="a/m"}') == 1
    assert proxy.metric('live_violations_total{case="TS-01"}') >= 3
    # The cell itself says so, too, to whoever looks it up.
    cell = [PROVISO, "explain", "--target", "a/m", "--case", "TS-01"]
    shown = subprocess.run(cell, cwd=proxy.folder, env=environment(), capture_output=True, text=True, timeout=RUN_LIMIT_S)
    assert "\nnow       quarantined: broke its rule in live traffic, 3 of " in shown.stdout, shown
    shown = subprocess.run([*cell, "-f", "json"], cwd=proxy.folder, env=environment(), capture_output=True, timeout=RUN_LIMIT_S)
    assert json.loads(shown.stdout)["quarantine"].startswith("broke its rule")
    # A restart does not forget.
    record = json.loads((proxy.folder / "proviso-matrix.live.json").read_text())["cells"]
    assert [(cell["target"], cell["case"], cell["variant"], cell["cause"]) for cell in record] == [
        ("a/m", "TS-01", "stream", "traffic")]
    proxy.stop()
    again = start({"a": a.url, "b": proxy_url(proxy, "b")})
    assert target_of(again.stream(**CALL)) == "b/m"


def proxy_url(proxy, name):
    return json.loads(proxy.config_path.read_text())["providers"][name]["base_url"]


FORMAT = {"response_format": {"type": "json_schema", "json_schema": {"name": "place", "strict": True, "schema": {
    "type": "object", "properties": {"city": {"type": "string"}, "country": {"type": "string"}},
    "required": ["city", "country"], "additionalProperties": False}}}}


def answering(make):
    """A provider whose answers are made of the request."""
    def answer(head, body, number):
        request = json.loads(body)
        made = make(request)
        if not request.get("stream"):
            return reply(chat(made) if isinstance(made, str) else made)
        return sse(chunk({"role": "assistant", "content": ""}), chunk({"content": made[:9]}), chunk({"content": made[9:]}),
                   chunk(finish="stop"), usage_chunk(), DONE)
    return answer


def test_answers_are_held_against_the_schema_that_the_request_brought(start, scripted, sim):
    bad = scripted(answering(lambda request: '{"city": "Paris"}'))
    proxy = start({"a": bad.url, "b": provider(sim, "b").url})
    # The same request says the same thing, however often it is sent: no client can do this alone by retrying.
    for _ in range(20):
        assert target_of(proxy.chat("again", **FORMAT)) == "a/m"
    assert "proxy.quarantined" not in proxy.log_path.read_text()
    number = 0
    while target_of(proxy.chat(f"hello {number}", **FORMAT)) == "a/m":
        number += 1
        assert number < 5000
    assert number >= 5  # and the one above: six in a row
    proxy.wait_for_log("proxy.quarantined")  # in force at once, on disk before it is told
    assert ("a/m", "JS-01", "quarantined") in excluded(proxy, **FORMAT)
    assert target_of(proxy.chat()) == "a/m"


def test_what_a_client_wished_for_is_no_fault_of_the_target(start, scripted, sim):
    torn = scripted(answering(lambda request: '{"city": "Par'))
    proxy = start({"a": torn.url, "b": provider(sim, "b").url})
    loose = json.loads(json.dumps(FORMAT).replace('"strict": true', '"strict": false'))
    strange = json.loads(json.dumps(FORMAT).replace('"additionalProperties"', '"x-own"'))
    for number in range(12):
        for fields in ({"max_tokens": 2, **FORMAT}, {"stop": ["i"], **FORMAT}, loose, strange):
            assert target_of(proxy.chat(f"hello {number}", **fields)) == "a/m"
            assert target_of(proxy.stream(f"hello {number}", **fields)) == "a/m"
    assert "proxy.quarantined" not in proxy.log_path.read_text()
    assert 'case="JS-01"' not in proxy.get("/metrics").body.decode()


def test_usage_that_the_proxy_asks_for_itself_is_held_against_its_cell(start, scripted, sim):
    """Accounting rests on it: a target that stops to send usage loses the requests that ask for it."""
    from proxy_rig import DONE, chunk, sse
    mute = scripted(lambda head, body, number: sse(chunk({"role": "assistant", "content": ""}), chunk({"content": "hi"}),
                                                   chunk(finish="stop"), DONE))
    proxy = start({"a": mute.url, "b": provider(sim, "b").url})
    for number in range(40):
        assert proxy.stream(f"hello {number}").status == 200
    # Who watches has its own thread, and tells of it when the disk has it.
    deadline = time.monotonic() + RUN_LIMIT_S
    while proxy.metric("quarantines_total") == 0:
        assert time.monotonic() < deadline, "nobody noticed"
    assert "case=SU-01~stream" in proxy.log_path.read_text()
    assert target_of(proxy.stream(stream_options={"include_usage": True})) == "b/m"
    assert target_of(proxy.stream()) == "a/m"  # and is no longer asked for it


def test_a_new_check_brings_it_back(start, sim, proviso):
    a = provider(sim, "a")
    proxy = start({"a": a.url, "b": provider(sim, "b").url})
    a = exchange_for(sim, a, "a", "--break", "TS-01")
    quarantine(proxy, "proxy.quarantined", **CALL)
    assert target_of(proxy.stream(**CALL)) == "b/m"
    # Asked while it is still broken it fails, and the matrix itself says so.
    asking = ["check", "a/m", "--case", "TS-01"]
    done = subprocess.run([PROVISO, *asking], cwd=proxy.folder, env=environment(**KEYS), capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    proxy.wait_for_log("proxy.reloaded")
    assert excluded(proxy, stream=True, **CALL) == [("a/m", "TS-01", "fail")]
    exchange_for(sim, a, "a")
    done = subprocess.run([PROVISO, *asking], cwd=proxy.folder, env=environment(**KEYS), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    while target_of(proxy.stream(**CALL)) != "a/m":
        assert proxy.process.poll() is None
    assert excluded(proxy, stream=True, **CALL) == []


def test_live_evidence_can_be_switched_off_and_a_broken_file_is_said(start, sim, proviso):
    a = provider(sim, "a", "--break", "TS-01")
    proxy = start({"a": a.url, "b": provider(sim, "b").url}, proxy={"live": {"quarantine": False, "path": "seen.json"}})
    for number in range(12):
        assert target_of(proxy.stream(f"hello {number}", **CALL)) == "a/m"
    (proxy.folder / "seen.json").write_text('{"proviso_live": 1, "cells": [{"target": 7}]}')
    done = proviso("explain", "-", stdin=json.dumps({"model": "coder", "messages": []}), env=KEYS)
    assert done.code == 2 and "seen.json:1:" in done.err


ALWAYS = {"per_day_usd": "5", "per_day_requests": 100000, "interval": "100ms"}


def spent(proxy):
    return json.loads((proxy.folder / "proviso-matrix.live.json").read_text())["probes"]


def test_probes_find_what_no_client_asked_for_and_bring_it_back(start, sim):
    a = provider(sim, "a", "--break", "TS-01")
    urls = {"a": a.url, "b": provider(sim, "b").url}
    proxy = start(urls, proxy={"probes": ALWAYS})
    line = proxy.wait_for_log("case=TS-01~stream cause=probe")
    assert "target=a/m" in line
    run = line.split("run=")[1].split(":")[0].strip('"')
    assert (proxy.folder / run / "journal.jsonl").exists() and list((proxy.folder / run / "evidence").iterdir())
    assert target_of(proxy.stream(**CALL)) == "b/m"
    assert ("a/m", "TS-01", "quarantined") in excluded(proxy, stream=True, **CALL)
    assert proxy.metric('probes_total{result="passed"}') > 0
    exchange_for(sim, a, "a")
    proxy.wait_for_log("proxy.released")
    assert target_of(proxy.stream(**CALL)) == "a/m"
    matrix = proxy.matrix_path.read_bytes()
    proxy.stop()
    # Runs that passed leave nothing; what was spent is known, and the matrix was never touched.
    assert proxy.matrix_path.read_bytes() == matrix
    kept = list((proxy.folder / "proviso-probes").iterdir())
    assert (proxy.folder / run) in kept
    assert 0 < float(spent(proxy)["usd"]) < 5 and spent(proxy)["requests"] > 3


def test_however_much_is_in_quarantine_what_still_serves_is_asked_too(start, sim):
    """A target that has lost many cells takes every other probe at most: the rest must not grow stale for it."""
    a = provider(sim, "a", "--break", "TS-01,TS-02,TS-03,TS-04")
    proxy = start({"a": a.url, "b": provider(sim, "b").url}, proxy={"probes": ALWAYS})

    def probed(result):
        return proxy.metric(f'probes_total{{result="{result}"}}')

    while proxy.log_path.read_text().count("proxy.quarantined") < 4:
        probed("failed")
    passed, failed = probed("passed"), probed("failed")
    while probed("passed") + probed("failed") < passed + failed + 8:
        pass
    assert probed("passed") >= passed + 3, proxy.log_path.read_text()


def test_probes_keep_to_their_caps_over_a_restart(start, sim):
    urls = {"a": provider(sim, "a").url}
    proxy = start(urls, proxy={"probes": {**ALWAYS, "per_day_requests": 30}})
    while proxy.metric('probes_total{result="passed"}') < 4:
        assert proxy.process.poll() is None
    proxy.stop()
    before = spent(proxy)
    assert 0 < before["requests"] <= 30
    again = start(urls, proxy={"probes": {**ALWAYS, "per_day_requests": int(before["requests"])}})
    for _ in range(300):
        again.get("/livez")
    passed = again.metric('probes_total{result="passed"}')
    again.stop()
    # The caps are a day's: where one began meanwhile they were right to ask.
    if spent(again)["day"] == before["day"]:
        assert passed == 0 and spent(again)["requests"] == before["requests"]


def test_a_clock_that_was_set_back_opens_no_cap_of_probes(start, sim, tmp_path):
    """What was charged on a day that is still to come counts until a later one begins."""
    seen = {"proviso_live": 1, "probes": {"day": "2099-01-01T00:00:00Z", "usd": "0", "requests": 30}, "cells": []}
    (tmp_path / "proviso-matrix.live.json").write_text(json.dumps(seen))
    proxy = start({"a": provider(sim, "a").url}, proxy={"probes": {**ALWAYS, "per_day_requests": 30}})
    for _ in range(300):
        proxy.get("/livez")
    assert proxy.metric('probes_total{result="passed"}') == 0
    proxy.stop()
    assert spent(proxy)["requests"] == 30
    # A day that is over counts no more.
    seen["probes"]["day"] = "2020-01-01T00:00:00Z"
    (tmp_path / "proviso-matrix.live.json").write_text(json.dumps(seen))
    again = start({"a": provider(sim, "a").url}, proxy={"probes": {**ALWAYS, "per_day_requests": 30}})
    while again.metric('probes_total{result="passed"}') == 0:
        assert again.process.poll() is None


SECRET = b"a secret of twenty-four"


def test_a_quarantine_is_told_signed_and_again_until_it_is_taken(start, sim, scripted):
    told = scripted(lambda head, body, number: b"HTTP/1.1 %s\r\ncontent-length: 0\r\n\r\n" % (
        b"500 Not now" if number == 1 else b"204 No Content"))
    a = provider(sim, "a", "--break", "TS-01")
    proxy = start({"a": a.url, "b": provider(sim, "b").url}, env={"HOOK": "whsec_" + base64.b64encode(SECRET).decode()},
                  alerts={"webhook": told.url + "/alerts", "secret": "env:HOOK"})
    quarantine(proxy, "proxy.quarantined", **CALL)
    while proxy.metric('alerts_total{result="sent"}') < 1:
        assert proxy.process.poll() is None
    assert len(told.requests) == 2
    ids = set()
    for head, body in told.requests:
        lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        signed = ".".join([lines["webhook-id"], lines["webhook-timestamp"], body.decode()]).encode()
        mac = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        assert lines["webhook-signature"] == "v1," + mac
        ids.add(lines["webhook-id"])
        event = json.loads(body)
        assert event["type"] == "target.quarantined"
        assert event["data"] == {"target": "a/m", "case": "TS-01", "variant": "stream"}
    assert len(ids) == 1
    assert "whsec_" not in proxy.log_path.read_text()


def test_alerts_leave_this_machine_by_https_and_signed(proviso, tmp_path):
    config = config_of({"a": "http://127.0.0.1:1/v1"}, alerts={"webhook": "http://example.com/x", "events": ["all"]})
    (tmp_path / "proviso.yaml").write_text(json.dumps(config))
    done = proviso("validate")
    assert done.code == 2
    assert "https://" in done.out + done.err and "secret" in done.out + done.err and '"all"' in done.out + done.err
