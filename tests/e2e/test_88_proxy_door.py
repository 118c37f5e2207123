"""How often an address may ask before its key is looked at, and whose address it is."""
import json

import pytest

from conftest import Proviso, chat, replace, reply
from proxy_rig import config_of

KEYED = {"keys": {"store": "proxy.db"}}


def limited(per_minute, *trusted):
    return {"proxy": {"limits": {"requests_per_minute": per_minute}, "trusted_proxies": list(trusted)}}


def well(head, body, number):
    return reply(chat("well"))


def test_an_address_that_asks_too_often_is_told_when_it_may_again(start, scripted):
    up = scripted(well)
    proxy = start({"a": up.url}, "--workers", "2", **limited(5))
    assert [proxy.chat().status for _ in range(5)] == [200] * 5
    refused = proxy.chat()
    assert refused.status == 429 and refused.error["code"] == "rate_limit_exceeded", refused
    assert 1 <= int(refused.headers["retry-after"]) <= 12 and len(up.requests) == 5
    # Every path is behind the same door, each in its dialect ...
    assert proxy.get("/v1/models").status == proxy.get("/nothing").status == 429
    assert proxy.send("POST", "/v1/proviso/explain", {}).status == 429
    said = proxy.send("POST", "/v1/messages", {})
    assert said.status == 429 and said.json["type"] == "error" and said.error["type"] == "rate_limit_error", said
    # ... but for those who look after it.
    assert proxy.get("/livez").status == proxy.get("/readyz").status == 200
    assert proxy.metric("turned_away_total") == 5


def test_without_a_limit_nobody_is_turned_away(start, scripted):
    proxy = start({"a": scripted(well).url}, **KEYED)
    for _ in range(100):
        assert proxy.get("/v1/models").status == 401


def test_who_has_no_good_key_is_turned_away_sooner(start, scripted, tmp_path):
    proxy = start({"a": scripted(well).url}, **KEYED, **limited(8))
    statuses = [proxy.chat(headers={"authorization": "Bearer nonsense"}).status for _ in range(4)]
    # One at the cost of ten is more than the minute has, and it was let in; the next may come after a quarter of a minute.
    assert statuses == [401] + [429] * 3
    assert int(proxy.get("/v1/models").headers["retry-after"]) >= 1


def test_behind_a_trusted_proxy_each_client_is_counted_for_itself(start, scripted):
    proxy = start({"a": scripted(well).url}, **limited(2, "127.0.0.0/8", "10.1.0.0/16"))

    def ask(forwarded):
        return proxy.chat(headers={"x-forwarded-for": forwarded}).status

    assert [ask("9.9.9.9") for _ in range(3)] == [200, 200, 429]
    assert ask("9.9.9.8") == 200
    # What the client itself has written in front of it is nobody's word.
    assert ask("9.9.9.7, 9.9.9.9, 10.1.2.3") == 429


def test_whoever_is_not_trusted_hides_behind_no_header(start, scripted):
    proxy = start({"a": scripted(well).url}, **limited(2, "10.0.0.0/8"))
    assert [proxy.chat(headers={"x-forwarded-for": f"9.9.9.{n}"}).status for n in range(3)] == [200, 200, 429]


def test_a_reload_changes_the_limit_and_whom_it_trusts(start, scripted):
    proxy = start({"a": scripted(well).url}, **limited(1))
    assert [proxy.chat().status for _ in range(2)] == [200, 429]
    config = json.loads(proxy.config_path.read_text())
    config["proxy"]["trusted_proxies"] = ["127.0.0.1"]
    replace(proxy.config_path, json.dumps(config))
    log = open(proxy.log_path)
    while "proxy.reloaded" not in log.read():
        proxy.get("/livez")
    assert proxy.chat(headers={"x-forwarded-for": "9.9.9.9"}).status == 200
    assert proxy.chat().status == 429


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "proxy.lan", "10.0.0.1:80"])
def test_what_is_no_address_is_said_with_its_place(tmp_path, wrong):
    config = config_of({"a": "http://127.0.0.1:9/v1"}, **limited(1, "10.0.0.1", wrong))
    (tmp_path / "proviso.yaml").write_text(json.dumps(config))
    done = Proviso(tmp_path)("validate")
    assert done.code == 2 and wrong in done.err + done.out and "proviso.yaml:1:" in done.err + done.out, done
