"""AWS Bedrock's Converse: signed requests and binary frames, from the cases to a proxy's client."""
import json

import pytest

from conftest import cells
from proxy_rig import MODEL, PRICES

CLAUDE = "anthropic.claude-sim"
SECRET, TOKEN, ID = "unit-secret-access-key-4711", "unit-session-token-4711", "AKIDUNIT4711"
ENV = {"SECRET": SECRET, "TOKEN": TOKEN, "ID": ID}


def provider(sim, signed=True):
    """The config's provider: the base URL is the endpoint alone."""
    lab = {"dialect": "bedrock", "base_url": sim.url.removesuffix("/v1"), "region": "eu-west-1", "api_key": "env:SECRET",
           "models": {CLAUDE: {**MODEL, "price": PRICES["a"]}}}
    if signed:
        lab["aws"] = {"access_key_id": "env:ID", "session_token": "env:TOKEN"}
    return lab


def check(proviso, sim, *arguments, env=None, signed=True):
    config = proviso.cwd / "proviso.yaml"
    config.write_text(json.dumps({"version": 1, "providers": {"lab": provider(sim, signed)}}))
    return proviso("check", "--out", "run", *arguments, env={**ENV, **(env or {})})


def verdicts(proviso):
    return {key[1:]: cell["verdict"] for key, cell in cells(proviso.cwd / "proviso-matrix.json").items()}


@pytest.mark.parametrize("signed", [True, False])
def test_the_cases_go_through_it(proviso, sim, signed):
    here = sim("--models", CLAUDE, "--api-key", SECRET)
    done = check(proviso, here, "--profile", "ci", signed=signed)
    got = verdicts(proviso)
    # More answers than one are the only thing of the profile that it has no word for.
    assert {key for key, v in got.items() if v not in ("pass", "skipped")} == {("PA-12", "sync")}, done
    assert got["ST-06", "stream"] == got["TC-01", "sync"] == got["ER-01", "sync"] == "pass", done
    for path in (proviso.cwd / "run").rglob("*"):
        if path.is_file():
            written = path.read_bytes()
            for secret in (SECRET, TOKEN, ID):
                assert secret.encode() not in written, path


def test_a_wrong_secret_signs_nothing(proviso, sim):
    done = check(proviso, sim("--models", CLAUDE, "--api-key", SECRET), "--case", "CH-03", env={"SECRET": SECRET + "x"})
    assert done.code != 0 and "signature" in done.out, done
    assert SECRET not in done.out + done.err


DEFECTS = {"bedrock-arguments-cut": "TS-06", "bedrock-cut-frame": "ST-01", "bedrock-empty-input": "TC-05",
           "bedrock-exception": "ST-06", "bedrock-lost-block-start": "TS-06", "bedrock-no-message-stop": "ST-06",
           "bedrock-no-usage": "US-01", "bedrock-wrong-checksum": "ST-01"}


@pytest.mark.parametrize("defect", DEFECTS)
def test_each_defect_of_its_own_is_noticed(proviso, sim, defect):
    here = sim("--models", CLAUDE, "--api-key", SECRET, "--break", defect)
    done = check(proviso, here, "--case", DEFECTS[defect])
    assert done.code == 1, done
    assert "fail" in verdicts(proviso).values(), done


def test_a_client_streams_through_the_proxy(sim, start):
    here = sim("--models", CLAUDE, "--api-key", SECRET)
    proxy = start({"a": here.url}, providers={"a": provider(here)}, policy={"mode": "warn"},
                  routes={"coder": {"targets": ["a/" + CLAUDE], "strategy": "ordered"}}, env=ENV)
    whole = proxy.chat("Say hello.", reasoning_effort="low")
    assert whole.status == 200, whole
    message = whole.json["choices"][0]["message"]
    assert message["content"] and message["thinking_blocks"][0]["signature"], whole
    stream = proxy.stream("Say hello.", reasoning_effort="low", stream_options={"include_usage": True})
    assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream", stream
    assert stream.content == message["content"] and stream.events[-1] == "[DONE]"
    assert json.loads(stream.events[-2])["usage"]["completion_tokens"] > 0
    # Thoughts go back signed as they came; another signature would be refused.
    again = proxy.chat(messages=[{"role": "user", "content": "Say hello."}, message,
                                 {"role": "user", "content": "Again."}], reasoning_effort="low")
    assert again.status == 200, again
    message["thinking_blocks"][0]["signature"] = "Zm9yZ2Vk"
    forged = proxy.chat(messages=[{"role": "user", "content": "Say hello."}, message,
                                  {"role": "user", "content": "Again."}])
    assert forged.status == 400 and "signature" in forged.json["error"]["message"], forged


def test_an_exception_in_the_frames_is_no_end(sim, start):
    here = sim("--models", CLAUDE, "--api-key", SECRET, "--break", "bedrock-exception")
    proxy = start({"a": here.url}, providers={"a": provider(here)}, policy={"mode": "warn"},
                  routes={"coder": {"targets": ["a/" + CLAUDE], "strategy": "ordered"}}, env=ENV)
    stream = proxy.stream("Tell a story of ten words.")
    assert "[DONE]" not in stream.events, stream
    error = json.loads(stream.events[-1])["error"]
    assert error["code"] == "upstream_error" and "broke off" in error["message"], stream
