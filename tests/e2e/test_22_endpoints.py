"""What a model is for: endpoints and images that nobody offered, that the config claims, or that it leaves out."""
import base64
import json
import re
import urllib.request

import pytest
from conftest import cells

KEY = {"SIM_KEY": "sim-key"}
BEYOND = [word for case in ("EM-01", "RS-01", "RS-03", "VI-01", "VI-04", "CP-01", "CH-03") for word in ("--case", case)]


def config(folder, url, model=""):
    (folder / "proviso.yaml").write_text(
        f"version: 1\nproviders:\n  lab:\n    base_url: {url}\n    api_key: env:SIM_KEY\n"
        f"    models:\n      sim-small: {{{model}}}\n")


@pytest.fixture
def check(proviso, sim):
    def run(model="", breaks="chat-only,text-only", cases=BEYOND):
        config(proviso.cwd, sim("--break", breaks).url if breaks else sim().url, model)
        done = proviso("check", "--profile", "onboard", "--junit", "junit.xml", *cases, env=KEY)
        assert done.code in (0, 1), done
        found = {(case, variant): cell for (_, case, variant), cell in cells(proviso.cwd / "proviso-matrix.json").items()}
        return done, found
    return run


def test_what_a_chat_model_need_not_have_is_unsupported_and_fails_nothing(check, proviso):
    done, found = check()
    assert done.code == 0, done
    verdicts = {case: cell["verdict"] for (case, _), cell in found.items()}
    assert verdicts == {"CH-03": "pass", "EM-01": "unsupported", "RS-01": "unsupported", "RS-03": "unsupported",
                        "VI-01": "unsupported", "VI-04": "unsupported", "CP-01": "unsupported"}
    assert all(cell["optional"] for (case, _), cell in found.items() if case != "CH-03")
    assert "embeddings is not offered: status 404" in found["EM-01", "sync"]["first_error"]
    assert 'failures="0"' in (proviso.cwd / "junit.xml").read_text()
    # Judged again, without the config: the same.
    run = next((proviso.cwd / "proviso-runs").iterdir())
    assert proviso("check", "--replay", run).code == 0


@pytest.mark.parametrize("model, broken", [("endpoints: [chat, embeddings]", "EM-01"), ("features: [vision]", "VI-01")])
def test_what_the_config_claims_must_be_there(check, model, broken):
    done, found = check(model)
    assert done.code == 1, done
    assert "optional" not in found[broken, "sync"]


def test_a_list_of_endpoints_limits_what_is_asked(check):
    done, found = check("endpoints: [embeddings]", breaks="")
    assert done.code == 0, done
    assert found["EM-01", "sync"]["verdict"] == "pass"
    assert found["CH-03", "sync"]["verdict"] == found["RS-01", "stream"]["verdict"] == "skipped"
    assert found["CH-03", "sync"]["first_error"] == "lab/sim-small is for embeddings: its `endpoints` say so"


def test_dropping_is_still_worse_than_refusing(check):
    done, found = check(breaks="EM-02", cases=("--case", "EM-0*"))
    assert found["EM-02", "sync"]["verdict"] == "ignored"
    assert done.code == 1, done


def ask(url, path, body):
    request = urllib.request.Request(url + path, json.dumps(body).encode(),
                                     {"Authorization": "Bearer sim-key", "Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))


def test_the_picture_that_is_sent_holds_the_word_that_is_wanted(proviso, sim):
    """The evidence's own bytes: a PNG, another one in each trial, and the nonce nowhere in the words."""
    provider = sim()
    done = proviso("check", "--base-url", provider.url, "--model", "sim-small", "--api-key-env", "SIM_KEY",
                   "--case", "VI-01", "--trials", "3", "--profile", "smoke", env=KEY)
    assert done.code == 0, done
    record = b"".join(p.read_bytes() for p in (proviso.cwd / "proviso-runs").glob("*/evidence/*.rec"))
    pictures = [base64.b64decode(found) for found in re.findall(rb"data:image/png;base64,([A-Za-z0-9+/=]+)", record)]
    assert len(set(pictures)) == 3
    assert all(picture.startswith(b"\x89PNG\r\n\x1a\n") for picture in pictures)
    answers = [json.loads(found)["choices"][0]["message"]["content"]
               for found in re.findall(rb"^\{\s*\"id\": \"chatcmpl.*?^\}$", record, re.M | re.S)]
    assert len(set(answers)) == 3
    for answer in answers:
        assert record.count(answer.encode()) == 1


def test_a_conversation_goes_on_over_the_wire(sim):
    url = sim().url
    first = ask(url, "/responses", {"model": "sim-small", "input": "My dog is called Waldi."})
    second = ask(url, "/responses", {"model": "sim-small", "input": "Repeat my previous message.",
                                     "previous_response_id": first["id"]})
    assert second["output"][0]["content"][0]["text"] == "My dog is called Waldi."
    with urllib.request.urlopen(urllib.request.Request(url + "/responses/" + first["id"],
                                                       headers={"Authorization": "Bearer sim-key"})) as stored:
        assert json.load(stored) == first
