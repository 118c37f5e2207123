"""Virtual keys and usage, through the commands: what is printed, kept, refused."""
import json
import re
import sqlite3
import stat
import zlib

import pytest

PROVIDERS = "version: 1\nproviders: {lab: {base_url: 'http://127.0.0.1:1/v1'}}\n"
CONFIG = PROVIDERS + "keys: {store: k.db}\nledger: {path: k.db}\n"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def desk(proviso):
    (proviso.cwd / "proviso.yaml").write_text(CONFIG)
    return proviso


def create(desk, *more):
    done = desk("key", "create", "--name", "ci", *more)
    assert done.code == 0 and done.err == "", done
    return done.out.removesuffix("\n")


def listed(desk):
    done = desk("key", "list", "--format", "json")
    assert done.code == 0, done
    return json.loads(done.out)


def test_a_key_is_printed_once_and_only_its_hash_is_kept(desk):
    key = create(desk)
    assert re.fullmatch(r"pv_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}", key)
    crc, tail = zlib.crc32(key[:-6].encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        tail = DIGITS[digit] + tail
    assert key.endswith(tail)
    assert create(desk) != key
    secret = key[12:44].encode()
    for path in desk.cwd.iterdir():
        if path.name != "proviso.yaml":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert secret not in path.read_bytes(), path
    assert key not in desk("key", "list").out and secret.decode() not in desk("key", "list", "--format", "json").out


def test_what_a_key_may_do_is_listed(desk):
    key = create(desk, "--team", "search", "--team", "ads*", "--route", "coder", "--target", "lab/*", "--endpoint", "chat",
                 "--requests-per-minute", "60", "--tokens-per-minute", "1000", "--streams", "4",
                 "--budget", "12.5", "--per", "month", "--expires", "2999-12-31")
    [said] = listed(desk)
    assert said["id"] == key[3:11]
    assert {name: said[name] for name in ("name", "state", "teams", "routes", "targets", "endpoints", "requests_per_minute",
                                          "tokens_per_minute", "streams", "per", "expires_at", "revoked_at")} == {
        "name": "ci", "state": "active", "teams": ["search", "ads*"], "routes": ["coder"], "targets": ["lab/*"],
        "endpoints": ["chat"], "requests_per_minute": 60, "tokens_per_minute": 1000, "streams": 4, "per": "month",
        "expires_at": "3000-01-01T00:00:00.000Z", "revoked_at": None}
    assert float(said["budget_usd"]) == 12.5
    assert key[3:11] in desk("key", "list").out


def test_rotate_and_revoke(desk):
    old = create(desk)
    done = desk("key", "rotate", old[3:11], "--overlap", "24h")
    assert done.code == 0 and done.out[3:11] == old[3:11] and done.out.strip() != old
    [said] = listed(desk)
    assert said["rotated_at"] < said["overlap_until"] and said["state"] == "active"
    assert desk("key", "revoke", old[3:11]).code == 0
    [said] = listed(desk)
    assert said["state"] == "revoked"
    assert desk("key", "revoke", old[3:11]).code == 0
    assert listed(desk) == [said]  # the first time counts
    done = desk("key", "rotate", old[3:11])
    assert done.code == 2 and "revoked" in done.err and done.out == ""


@pytest.mark.parametrize("arguments, says", [
    ((), "want one of create, list, rotate, revoke"),
    (("make",), '"make" is none of'),
    (("create",), "wants --name"),
    (("create", "--name", ""), "--name wants 1 to"),
    (("create", "--name", "a\nb"), "--name wants 1 to"),
    (("create", "--name", "a", "b"), "options only"),
    (("create", "--name", "a", "--overlap", "1h"), "--overlap does not belong to create"),
    (("list", "--budget", "1"), "--budget does not belong to list"),
    (("revoke", "--name", "x", "abcdefgh"), "--name does not belong to revoke"),
    (("create", "--name", "a", "--budget", "1"), "belong together"),
    (("create", "--name", "a", "--per", "day"), "belong together"),
    (("create", "--name", "a", "--per", "year", "--budget", "1"), "hour, day, week, month, prepaid"),
    (("create", "--name", "a", "--endpoint", "chats"), "--endpoint is"),
    (("create", "--name", "a", "--expires", "2020-01-01"), "over already"),
    (("create", "--name", "a", "--expires", "soon"), "want a day"),
    (("create", "--name", "a", "--requests-per-minute", "0"), "a number from 1"),
    (("rotate",), "wants the ID"),
    (("revoke", "pv_abcdefgh"), "public part"),
    (("revoke", "abcdefgh"), "there is no key abcdefgh"),
])
def test_wrong_usage_is_told(desk, arguments, says):
    done = desk("key", *arguments)
    assert done.code == 2 and says in done.err and done.out == "", done
    if says != "there is no key abcdefgh" and "public part" not in says:
        assert not (desk.cwd / "k.db").exists()


def test_the_environment_gives_only_what_belongs_to_the_verb(desk):
    done = desk("key", "list", env={"PROVISO_NAME": "x", "PROVISO_FORMAT": "json"})
    assert done.code == 0 and json.loads(done.out) == []


def test_another_pepper_and_a_lost_one_are_told(desk):
    create(desk)
    (desk.cwd / "k.db.pepper").unlink()
    done = desk("key", "list")
    assert done.code == 2 and "k.db.pepper is gone" in done.err
    (desk.cwd / "proviso.yaml").write_text(CONFIG.replace("k.db}\nledger", "k.db, pepper: env:PEPPER}\nledger"))
    done = desk("key", "list", env={"PEPPER": "something-else"})
    assert done.code == 2 and "another pepper" in done.err and "something-else" not in done.err


def test_a_store_that_is_none(desk):
    (desk.cwd / "k.db").write_text("no database, but longer than its header would be" * 100)
    done = desk("key", "list")
    assert done.code == 2 and "k.db" in done.err
    (desk.cwd / "k.db").unlink()
    other = sqlite3.connect(desk.cwd / "k.db")
    other.execute("CREATE TABLE mine(a)")
    other.close()
    done = desk("key", "list")
    assert done.code == 2 and "none of Proviso" in done.err
    (desk.cwd / "proviso.yaml").write_text(PROVIDERS)
    done = desk("key", "list")
    assert done.code == 2 and "names no key store" in done.err
