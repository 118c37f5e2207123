"""What a virtual key demands of the evidence beyond the config: proven, strictly proven, lately proven."""
import json

import pytest
from conftest import Proviso
from proxy_rig import key_of

STORE = {"keys": {"store": "keys.db"}}


@pytest.fixture
def serve(start, sim, tmp_path):
    """A proxy before one good provider, and clients with keys made as given."""
    def run(*, proven, **policy):
        url = sim("--models", "m", "--api-key", key_of("a")).url
        more = {} if proven else {"proven": None}
        proxy = start({"a": url}, **STORE, **more, policy=policy)

        def ask(*arguments, path="/v1/chat/completions"):
            made = Proviso(tmp_path)("key", "create", "--name", "client", *arguments)
            assert made.code == 0, made
            headers = {"authorization": f"Bearer {made.out.strip()}"}
            return proxy.send("POST", path, {"model": "coder", "messages": [{"role": "user", "content": "hello"}]}, headers)
        return ask
    return run


@pytest.mark.parametrize("policy", [{"mode": "warn"}, {"mode": "shadow"}, {"unproven": "allow"}])
def test_what_a_lenient_policy_serves_a_key_may_refuse_for_itself(serve, policy):
    ask = serve(proven=False, **policy)
    assert ask().status == 200
    refused = ask("--evidence", "enforce")
    assert refused.status == 503 and refused.error["code"] == "no_proven_target", refused


def test_a_strict_key_wants_what_is_required_to_be_proven_too(serve, tmp_path):
    """The matrix is of profile ci, which asks the gates and some of the rest."""
    ask = serve(proven=True)
    assert ask().status == 200 and ask("--evidence", "enforce").status == 200
    refused = ask("--evidence", "strict")
    assert refused.status == 503, refused
    excluded = {(one["case"], one["verdict"]) for one in refused.error["excluded"]}
    assert excluded and {verdict for _, verdict in excluded} == {"unproven"}
    # Its own dry run and the command that explains say the same.
    said = ask("--evidence", "strict", path="/v1/proviso/explain").json
    assert {(one["case"], one["verdict"]) for one in said["excluded"]} == excluded and not said["candidates"]
    (tmp_path / "request.json").write_text(json.dumps({"model": "coder", "messages": [{"role": "user", "content": "hello"}]}))
    told = Proviso(tmp_path)("explain", "request.json", "--evidence", "strict")
    assert told.code == 1 and {(one["case"], one["verdict"]) for one in json.loads(told.out)["excluded"]} == excluded
    assert Proviso(tmp_path)("explain", "request.json").code == 0


def test_a_key_may_want_verdicts_that_are_young(serve):
    ask = serve(proven=True)
    assert ask("--max-age", "30d").status == 200
    refused = ask("--max-age", "1ms")
    assert refused.status == 503 and {one["verdict"] for one in refused.error["excluded"]} == {"stale"}, refused
