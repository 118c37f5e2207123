"""What needs a person is told, once, to whom the config names now; and what was decided is counted."""
import base64
import hmac
import json
import time

import pytest

from conftest import RUN_LIMIT_S, Proviso, chat, replace, reply
from proxy_rig import KEYS

SECRET = {"HOOK": "a-secret-of-twenty-four", "OTHER_HOOK": "another-one-of-some-length"}


class Ear:
    """Takes alerts, signed with that secret; `told` waits for so many to have come."""

    def __init__(self, scripted, secret="HOOK"):
        self.secret = secret
        self.server = scripted(lambda head, body, number: b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n")

    def config(self, *events):
        config = {"webhook": self.server.url + "/alerts", "secret": f"env:{self.secret}"}
        return {**config, "events": list(events)} if events else config

    def events(self):
        with self.server.lock:
            told = list(self.server.requests)
        for head, body in told:
            lines = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
            signed = f"{lines['webhook-id']}.{lines['webhook-timestamp']}.".encode() + body
            mac = hmac.new(SECRET[self.secret].encode(), signed, "sha256").digest()
            assert lines["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
        return [json.loads(body)["data"] for _, body in told]

    def told(self, proxy, count):
        while proxy.metric('alerts_total{result="sent"}') < count:
            assert proxy.process.poll() is None
        return self.events()


@pytest.fixture
def ear(scripted):
    return Ear(scripted)


def answer_well(head, body, number):
    return reply(chat())


def test_a_full_budget_is_told_once_and_again_under_another_limit(start, scripted, ear):
    budget = {"scope": {"team": "search"}, "limit_usd": "0.0000001", "per": "prepaid"}  # no day ends meanwhile
    proxy = start({"a": scripted(answer_well).url}, env=SECRET, alerts=ear.config("budget.hard"), budgets=[budget])
    team = {"x-proviso-team": "search"}
    for _ in range(3):
        assert proxy.chat(headers=team).status == 402
    assert ear.told(proxy, 1)[0]["budget"] == "team=search prepaid"
    assert ear.events()[0]["limit_pico_usd"] == 100000
    config = json.loads(proxy.config_path.read_text())
    config["budgets"][0]["limit_usd"] = "0.0000002"
    replace(proxy.config_path, json.dumps(config))
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat(headers=team).status == 402
    assert [event["limit_pico_usd"] for event in ear.told(proxy, 2)] == [100000, 200000]


def test_a_breaker_that_opens_is_told_once(start, scripted, ear):
    bad = scripted(lambda head, body, number: reply({"error": {"message": "no"}}, "500 No"))
    proxy = start({"a": bad.url, "b": scripted(answer_well).url}, env=SECRET, alerts=ear.config("breaker.opened"),
                  proxy={"breaker": {"min_requests": 3}})
    while "proxy.breaker_opened" not in proxy.log_path.read_text():
        assert proxy.chat().headers["x-proviso-target"] == "b/m"
    told = ear.told(proxy, 1)
    for _ in range(3):
        assert proxy.chat().status == 200
    assert ear.events() == told == [{"target": "a/m", "reason": told[0]["reason"]}]
    assert told[0]["reason"]


def aged(matrix, days):
    """The same matrix, asked so many days earlier than it was."""
    matrix = json.loads(matrix.read_text())
    for cell in matrix["cells"]:
        cell["tested_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - days * 86400))
    return json.dumps(matrix)


def test_a_matrix_that_has_grown_old_is_told_once_and_again_when_it_is_replaced_by_an_old_one(
        start, scripted, ear, matrix, tmp_path):
    old = tmp_path / "old.json"
    old.write_text(aged(matrix, 15))
    proxy = start({"a": scripted(answer_well).url}, env=SECRET, alerts=ear.config("matrix.stale"), proven=old)
    assert proxy.chat().status == 503
    told = ear.told(proxy, 1)[0]
    assert told["stale"] == told["passes"] > 100  # of a/m alone: b and c are not in this config
    assert proxy.metric("matrix_stale_cells") == told["stale"]
    replace(proxy.matrix_path, matrix.read_text())
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat().status == 200 and proxy.metric("matrix_stale_cells") == 0
    replace(proxy.matrix_path, aged(matrix, 16))
    while len(ear.events()) < 2:
        assert proxy.get("/livez").status == 200
    assert len(ear.events()) == 2


def test_a_reload_changes_who_is_told_what_and_what_it_is_signed_with(start, scripted, ear):
    other = Ear(scripted, "OTHER_HOOK")
    refused = {"scope": {"team": "search"}, "limit_usd": "0.0000001", "per": "prepaid"}
    proxy = start({"a": scripted(answer_well).url}, env=SECRET, alerts=ear.config("breaker.opened"), budgets=[refused])

    def reload(number, **change):
        config = json.loads(proxy.config_path.read_text())
        config["budgets"][0]["limit_usd"] = f"0.000000{number}"
        config.update(change)
        replace(proxy.config_path, json.dumps(config))
        while proxy.metric("reloads_total") + proxy.metric("reloads_failed_total") < number - 1:
            assert proxy.process.poll() is None
        assert proxy.chat(headers={"x-proviso-team": "search"}).status == 402

    assert proxy.chat(headers={"x-proviso-team": "search"}).status == 402
    reload(2, alerts=other.config())
    assert [event["limit_pico_usd"] for event in other.told(proxy, 1)] == [200000]
    # A secret that is not there: told as before, and said loudly.
    reload(3, alerts={**ear.config(), "secret": "env:NOT_THERE"})
    proxy.wait_for_log("proxy.alerts")
    assert [event["limit_pico_usd"] for event in other.told(proxy, 2)] == [200000, 300000]
    reload(4, alerts={})
    assert proxy.metric('alerts_total{result="sent"}') == 2 and ear.events() == []


def test_what_was_decided_is_counted_by_outcome(start, scripted):
    proxy = start({"a": scripted(answer_well).url}, policy={"mode": "warn"})
    decided = lambda outcome: proxy.metric(f'decisions_total{{outcome="{outcome}"}}')
    assert proxy.chat().status == 200
    assert proxy.chat("x", model="nobody").status == 404
    assert (decided("served"), decided("served_unproven"), decided("refused")) == (1, 0, 1)
    replace(proxy.matrix_path, json.dumps({**json.loads(proxy.matrix_path.read_text()), "cells": []}))
    proxy.wait_for_log("proxy.reloaded")
    assert proxy.chat().status == 200
    config = json.loads(proxy.config_path.read_text())
    config["policy"] = {"mode": "enforce"}
    replace(proxy.config_path, json.dumps(config))
    while proxy.metric("reloads_total") < 2:
        assert proxy.process.poll() is None
    assert proxy.chat().status == 503
    assert [decided(name) for name in ("served", "served_unproven", "no_proven_target", "refused")] == [1, 1, 1, 1]


def test_two_proxies_do_not_keep_one_file_of_live_evidence(start, scripted, proviso, tmp_path):
    url = scripted(answer_well).url
    proxy = start({"a": url})
    second = proviso("proxy", "--listen", "127.0.0.1:0", env=KEYS)
    assert second.code != 0 and second.out == "", second
    assert "another proxy keeps its live evidence there" in second.err and "proxy.live.path" in second.err, second
    # A reload into a file that is taken is refused as any mistake is.
    config = json.loads(proxy.config_path.read_text())
    (tmp_path / "other.yaml").write_text(json.dumps({**config, "proxy": {"live": {"path": "other.live.json"}}}))
    other = Proviso(tmp_path).start("proxy", "--listen", "127.0.0.1:0", "--config", "other.yaml", env=KEYS)
    assert other.stdout.readline().startswith("http://")
    replace(proxy.config_path, (tmp_path / "other.yaml").read_text())
    proxy.wait_for_log("proxy.reload_failed")
    assert proxy.chat().status == 200
    other.terminate()
    assert other.communicate(timeout=RUN_LIMIT_S)[1].find("Sanitizer") < 0 and other.returncode == 0
    proxy.process.send_signal(1)
    proxy.wait_for_log("proxy.reloaded")


def test_a_folder_that_cannot_be_written_to_stops_no_proxy(start, scripted):
    proxy = start({"a": scripted(answer_well).url}, proxy={"live": {"path": "nowhere/live.json"}})
    proxy.wait_for_log("proxy.live_lock")
    assert proxy.chat().status == 200
