"""Keys that stand in Vault: read by its published API, kept while it is away, changed when they are changed there."""
import json
import os
import threading

import pytest

from conftest import chat, reply
from proxy_rig import MODEL, PRICES

KEY, NEXT = "sk-vault-unit-first-4711", "sk-vault-unit-second-4711"
TOKEN, ROLE, SECRET_ID = "hvs.unit-token-4711", "role-unit-4711", "secret-id-unit-4711"


class Vault:
    """KV version 2 below secret/, tokens, AppRole: as HashiCorp's API documentation has them."""

    def __init__(self, scripted):
        self.key, self.version, self.status, self.raw = KEY, 1, 200, None
        self.tokens, self.lease, self.renewable, self.logins, self.renewals = {TOKEN}, 3600, True, 0, 0
        self.silent, self.asked, self.may_answer = False, threading.Event(), threading.Event()
        self.server = scripted(self.answer)
        self.address = self.server.url.removesuffix("/v1")

    def errors(self, status, *words):
        return reply(json.dumps({"errors": list(words)}), f"{status} No")

    def auth(self, token):
        return reply(json.dumps({"auth": {"client_token": token, "lease_duration": self.lease, "renewable": self.renewable}}))

    def answer(self, head, body, number):
        lines = head.decode().split("\r\n")
        method, path, _ = lines[0].split()
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:])}
        if self.silent:
            self.asked.set()
            self.may_answer.wait()
        if self.raw is not None:
            return self.raw
        if self.status == 503:
            return self.errors(503, "Vault is sealed")
        if (method, path) == ("POST", "/v1/auth/approle/login"):
            if json.loads(body) != {"role_id": ROLE, "secret_id": SECRET_ID}:
                return self.errors(400, "invalid role or secret ID")
            self.logins += 1
            self.tokens = {f"hvs.login-{self.logins}-unit"}
            return self.auth(*self.tokens)
        if headers.get("x-vault-token") not in self.tokens:
            return self.errors(403, "permission denied")
        if (method, path) == ("POST", "/v1/auth/token/renew-self"):
            self.renewals += 1
            return self.auth(headers["x-vault-token"]) if self.renewable else self.errors(400, "lease is not renewable")
        if path == "/v1/secret/data/gone":
            metadata = {"deletion_time": "2026-11-01T00:00:00Z", "destroyed": False, "version": 3}
            return reply(json.dumps({"data": {"data": None, "metadata": metadata}}), "404 Not Found")
        if (method, path) != ("GET", "/v1/secret/data/team/openai"):
            return self.errors(404)
        data = {"data": {"key": self.key, "number": 7}, "metadata": {"version": self.version, "destroyed": False}}
        return reply(json.dumps({"request_id": "r", "lease_duration": 0, "renewable": False, "data": data}))

    def env(self, **more):
        return {"VAULT_ADDR": self.address, "VAULT_TOKEN": TOKEN, "VAULT_CLIENT_TIMEOUT": "60", **more}


@pytest.fixture
def vault(scripted):
    return Vault(scripted)


@pytest.fixture
def lab(scripted):
    """A provider that remembers the keys it was asked with."""
    class Lab:
        keys = []

        def answer(self, head, body, number):
            line = next(line for line in head.decode().split("\r\n") if line.lower().startswith("authorization: "))
            self.keys = [*self.keys, line.split(" ")[-1]]
            return reply(chat("hello"))

    one = Lab()
    one.url = scripted(one.answer).url
    return one


def provider(lab, reference="vault:secret/team/openai#key"):
    return {"base_url": lab.url, "api_key": reference, "models": {"m": {**MODEL, "price": PRICES["a"]}}}


def check(proviso, lab, env, reference="vault:secret/team/openai#key"):
    (proviso.cwd / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"lab": provider(lab, reference)}}))
    done = proviso("check", "--case", "CH-03", "--out", "run", env=env)
    for secret in (KEY, TOKEN, SECRET_ID):
        assert secret not in done.out + done.err
        for path in (proviso.cwd / "run").rglob("*"):
            assert not path.is_file() or secret.encode() not in path.read_bytes(), path
    return done


def test_a_check_asks_with_the_key_of_vault(proviso, vault, lab):
    check(proviso, lab, vault.env(VAULT_NAMESPACE="team/a"))
    assert set(lab.keys) == {KEY}
    assert len(vault.server.requests) == 1  # read once, however often it is used
    assert b"X-Vault-Namespace: team/a" in vault.server.requests[0][0]


def test_validate_asks_nobody(proviso, vault, lab):
    (proviso.cwd / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"lab": provider(lab)}}))
    assert proviso("validate", env=vault.env()).code == 0
    assert not vault.server.requests
    for wrong in ("vault:secret", "vault:secret/x", "vault:/x#f", "vault:secret/../x#f", "vault:secret/x?v=1#f"):
        (proviso.cwd / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"lab": provider(lab, wrong)}}))
        done = proviso("validate", env=vault.env())
        assert done.code == 2 and "vault:MOUNT/PATH#FIELD" in done.err, done


def test_the_pepper_of_the_keys_may_stand_there_too(proviso, vault, lab):
    (proviso.cwd / "proviso.yaml").write_text(json.dumps({
        "version": 1, "providers": {"lab": provider(lab)}, "keys": {"store": "k.db", "pepper": "vault:secret/team/openai#key"}}))
    assert proviso("key", "create", "--name", "n", env=vault.env()).out.startswith("pv_")
    vault.key = "another-value-of-that-field"
    done = proviso("key", "create", "--name", "n", env=vault.env())
    assert done.code == 2 and "another pepper" in done.err and not list(proviso.cwd.glob("*.pepper")), done


def test_a_token_may_stand_in_a_private_file(proviso, vault, lab, tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    os.chmod(tmp_path / "token", 0o600)
    check(proviso, lab, vault.env(VAULT_TOKEN="", VAULT_TOKEN_FILE=str(tmp_path / "token")))
    assert set(lab.keys) == {KEY}


def test_approle_logs_in_once(proviso, vault, lab):
    check(proviso, lab, vault.env(VAULT_TOKEN="", VAULT_ROLE_ID=ROLE, VAULT_SECRET_ID=SECRET_ID))
    assert set(lab.keys) == {KEY} and vault.logins == 1


OVERSIZED = reply(json.dumps({"data": {"data": {"key": "x" * (2 << 20)}}}))
REFUSALS = {
    "wrong token": (lambda v: v.tokens.clear(), {}, "secret/team/openai#key", "403: permission denied"),
    "sealed": (lambda v: setattr(v, "status", 503), {}, "secret/team/openai#key", "503: Vault is sealed"),
    "no such path": (None, {}, "secret/absent#key", "by 404"),
    "deleted": (None, {}, "secret/gone#key", "was deleted"),
    "no such field": (None, {}, "secret/team/openai#other", "no text in field other"),
    "no text": (None, {}, "secret/team/openai#number", "no text in field number"),
    "two lines": (lambda v: setattr(v, "key", "a\nb"), {}, "secret/team/openai#key", "another byte that no key has"),
    "garbage": (lambda v: setattr(v, "raw", reply("<html>")), {}, "secret/team/openai#key", "no secret of the KV engine"),
    "other JSON": (lambda v: setattr(v, "raw", reply("[1]")), {}, "secret/team/openai#key", "no secret of the KV engine"),
    "oversized": (lambda v: setattr(v, "raw", OVERSIZED), {}, "secret/team/openai#key", "does not answer: too_large"),
    "cut": (lambda v: setattr(v, "raw", OVERSIZED[:2000]), {"VAULT_CLIENT_TIMEOUT": "1"}, "secret/team/openai#key", "does not answer"),
    "silent": (lambda v: setattr(v, "raw", b""), {"VAULT_CLIENT_TIMEOUT": "1"}, "secret/team/openai#key", "_timeout: "),
    "wrong role": (None, {"VAULT_TOKEN": "", "VAULT_ROLE_ID": ROLE, "VAULT_SECRET_ID": "no"}, "secret/team/openai#key",
                   "login by AppRole by 400: invalid role or secret ID"),
    "nobody asks": (None, {"VAULT_TOKEN": ""}, "secret/team/openai#key", "nothing says who asks Vault"),
    "nowhere": (None, {"VAULT_ADDR": ""}, "secret/team/openai#key", "VAULT_ADDR"),
    "no URL": (None, {"VAULT_ADDR": "vault:8200"}, "secret/team/openai#key", "no http or https URL"),
    "nobody there": (None, {"VAULT_ADDR": "http://127.0.0.1:1"}, "secret/team/openai#key", "does not answer"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_what_is_wrong_is_said(proviso, vault, lab, name):
    spoil, env, reference, words = REFUSALS[name]
    if spoil is not None:
        spoil(vault)
    done = check(proviso, lab, vault.env(**env), "vault:" + reference)
    assert done.code == 2, done
    assert words in done.err and "proviso.yaml:1:" in done.err, done
    assert not lab.keys


def asked(proxy):
    answer = proxy.chat("hello")
    assert answer.status == 200, answer


def hup(proxy, words):
    proxy.process.send_signal(1)
    proxy.wait_for_log(words)


def reload(proxy, times):
    proxy.process.send_signal(1)
    while proxy.metric("reloads_total") < times:
        proxy.get("/livez")


@pytest.fixture
def begin(vault, lab, start):
    def run(**env):
        return start({"a": lab.url}, providers={"a": provider(lab)}, policy={"mode": "warn"}, env=vault.env(**env))
    return run


def test_a_changed_key_is_taken_and_a_lost_vault_changes_nothing(vault, lab, begin):
    proxy = begin()
    asked(proxy)
    vault.key, vault.version = NEXT, 2
    asked(proxy)
    assert lab.keys[-1] == KEY  # nobody waits for Vault on the way of a request
    reload(proxy, 1)
    asked(proxy)
    assert lab.keys[-1] == NEXT
    vault.status = 503
    reload(proxy, 2)
    asked(proxy)
    assert lab.keys[-1] == NEXT
    assert proxy.metric("vault_stale_keys") == 1 and proxy.metric("vault_read_failures_total") == 1
    log = proxy.log_path.read_text()
    assert "vault.read_failed" in log and "kept=last" in log and "Vault is sealed" in log
    vault.status = 200
    reload(proxy, 3)
    assert proxy.metric("vault_stale_keys") == 0
    for secret in (KEY, NEXT, TOKEN):
        assert secret not in proxy.log_path.read_text()


def test_a_key_that_comes_late_is_served_with_then(vault, lab, begin):
    vault.status = 503
    proxy = begin()
    assert proxy.chat("hello").status != 200
    vault.status = 200
    reload(proxy, 1)
    asked(proxy)
    assert lab.keys == [KEY]


def test_a_proxy_ends_well_while_vault_is_silent(vault, begin):
    proxy = begin(VAULT_CLIENT_TIMEOUT="1")
    vault.silent = True
    proxy.process.send_signal(1)
    vault.asked.wait()
    proxy.stop()
    vault.may_answer.set()


def test_a_token_is_renewed_and_a_login_made_anew_where_it_ended(vault, lab, begin):
    vault.lease = 0  # nothing is known of it: renewed at every round
    proxy = begin(VAULT_TOKEN="", VAULT_ROLE_ID=ROLE, VAULT_SECRET_ID=SECRET_ID)
    assert vault.logins == 1
    reload(proxy, 1)
    assert vault.renewals == 1 and vault.logins == 1
    vault.tokens = set()  # it ended, or was revoked
    vault.key = NEXT
    reload(proxy, 2)
    asked(proxy)
    assert vault.logins == 2 and lab.keys == [NEXT]
    vault.renewable = False
    reload(proxy, 3)
    assert vault.logins == 3
    assert SECRET_ID not in proxy.log_path.read_text()
