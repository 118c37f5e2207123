"""Aggregators: a config pins whom they ask, and the matrix says who served and what it cost."""
import csv
import io
import json

import pytest

from conftest import chat, reply
from proxy_rig import KEYS

CASES = "CH-01", "--case", "CH-02"


@pytest.fixture
def run(scripted, proviso):
    """Checks a scripted aggregator: (what it was sent, the cells)."""
    def start(answer, head="", **provider):
        up = scripted(lambda sent, body, number: reply(json.dumps(answer(number)), extra=head))
        config = {"version": 1, "providers": {"hub": {"base_url": up.url, "api_key": "env:KEY_A", "models": {"m": {}}, **provider}}}
        (proviso.cwd / "proviso.yaml").write_text(json.dumps(config))
        done = proviso("check", "hub/m", "--case", *CASES, "--profile", "smoke", "--csv", "cells.csv", "--out", "run", env=KEYS)
        assert (proviso.cwd / "proviso-matrix.json").exists(), done
        matrix = json.loads((proviso.cwd / "proviso-matrix.json").read_text())
        rows = list(csv.DictReader(io.StringIO((proviso.cwd / "cells.csv").read_text())))
        return up.requests, matrix["cells"], rows, done
    return start


def test_a_pinned_upstream_is_in_every_request_and_in_the_matrix(run, proviso):
    answers = ["DeepInfra", "DeepInfra", "Together"]
    sent, cells, rows, done = run(
        lambda number: {**chat(), "provider": answers[min(number, 3) - 1] if number else "DeepInfra",
                        "usage": {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12, "cost": 0.00025}},
        request={"provider": {"only": ["deepinfra"], "allow_fallbacks": False}, "seed": 1},
        headers={"X-Title": "proof"}, key_header="x-hub-api-key")
    for head, body in sent:
        asked = json.loads(body)
        assert asked["provider"] == {"only": ["deepinfra"], "allow_fallbacks": False} and asked["messages"]
        assert body.rstrip().endswith(b'"seed":1}'), "behind what was asked"
        lines = head.decode().lower()
        assert "x-title: proof" in lines and f"x-hub-api-key: {KEYS['KEY_A'].lower()}" in lines and "authorization" not in lines
    served = {cell["served_by"] for cell in cells}
    assert served and all("DeepInfra" in names for names in served), served
    assert {row["served_by"] for row in rows} == served
    assert any(cell["cost_source"] == "reported" and cell["cost_usd"] for cell in cells), cells
    # What was sent is the question and more: the evidence is still judged as the case's.
    again = proviso("check", "--replay", "run", "--matrix", "again.json", env=KEYS)
    known = {cell["case"]: cell["verdict"] for cell in cells}
    assert {cell["case"]: cell["verdict"] for cell in json.loads((proviso.cwd / "again.json").read_text())["cells"]} == known, again


def test_what_only_the_head_says_is_kept(run):
    """LiteLLM tells the cost and whom it asked in headers."""
    usage = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
    _, cells, _, _ = run(lambda number: {**chat(), "usage": usage},
                         head="x-litellm-response-cost: 0.000125\r\nx-litellm-model-api-base: https://one.example\r\n")
    whole = [cell for cell in cells if cell["variant"] == "sync"]
    assert whole and all(cell["served_by"] == "https://one.example" for cell in whole)
    assert any(cell["cost_source"] == "reported" for cell in whole), whole


@pytest.mark.parametrize("provider, words", [
    ({"headers": {"authorization": "x"}}, "may hold a secret"), ({"headers": {"x-portkey-virtual-key": "x"}}, "may hold a secret"),
    ({"headers": {"host": "x"}}, "written by Proviso"), ({"headers": {"a b": "x"}}, "no name of a header"),
    ({"headers": {"x-a": "x\ny"}}, "one line"), ({"headers": []}, "mapping"), ({"request": {"model": "x"}}, "what is asked"),
    ({"request": "x"}, "mapping"), ({"key_header": "a:b"}, "no name of a header")])
def test_what_a_provider_may_not_add_is_told(provider, words, proviso):
    (proviso.cwd / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"a": {"base_url": "http://127.0.0.1:1/v1", **provider}}}))
    done = proviso("validate")
    assert done.code == 2 and words in done.err, done
