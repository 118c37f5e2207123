"""explain: the decision that the proxy would make, from config and matrix alone."""
import datetime
import json

import pytest

from routing import chat_body, desk, failing, proven, tool  # noqa: F401 (fixtures)

NAMED = {"tools": [tool()], "tool_choice": {"type": "function", "function": {"name": "f"}}}


def targets(said):
    return [candidate["target"] for candidate in said["candidates"]]


def excluded(said):
    return [(row["target"], row["case"], row["variant"], row["verdict"]) for row in said["excluded"]]


def test_a_request_goes_to_what_is_proven_for_its_shape(desk):
    said = desk.explain(chat_body())
    assert said["shape"] == ["chat"]
    assert (said["task"], said["risk"], said["route"], said["mode"]) == (None, None, "coder", "enforce")
    assert targets(said) == ["bad/sim-small", "good/sim-small"]  # the cheaper one first
    assert said["excluded"] == []
    first = said["candidates"][0]
    assert first["expected_cost_usd"] > 0 and first["latency_ms"] > 0 and 0 < first["quality"] <= 1
    assert "CH-01" in first["cells"] and first["proven"] is True
    # One feature more, and the cheap one is out, by name.
    said = desk.explain(chat_body(**NAMED))
    assert said["shape"] == ["chat", "tools", "tool_choice.named"]
    assert targets(said) == ["good/sim-small"]
    assert excluded(said) == [("bad/sim-small", "TC-10", "sync", "fail")]
    said = desk.explain(chat_body(stream=True, **NAMED))
    assert excluded(said) == [("bad/sim-small", "TC-10", "stream", "fail")]
    assert "TC-10~stream" in said["candidates"][0]["cells"]


def test_one_cell_decides(desk):
    desk.change_cells(failing, "good/sim-small", "TC-10", "sync")
    said = desk.explain(chat_body(**NAMED), code=1)
    assert said["candidates"] == []
    assert [row[0] for row in excluded(said)] == ["good/sim-small", "bad/sim-small"]
    assert targets(desk.explain(chat_body(stream=True, **NAMED))) == ["good/sim-small"]


def test_never_asked_stale_and_changed_are_no_proof(desk):
    desk.change_cells(lambda cell: None, "good/sim-small", "TC-10", "sync")
    said = desk.explain(chat_body("good/sim-small", **NAMED), code=1)
    assert excluded(said) == [("good/sim-small", "TC-10", "sync", "unproven")]
    old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
    desk.change_cells(lambda cell: dict(cell, tested_at=old), "bad/sim-small", "CH-01")
    said = desk.explain(chat_body("bad/sim-small"), code=1)
    assert ("bad/sim-small", "CH-01", "sync", "stale") in excluded(said)
    desk.change_cells(lambda cell: dict(cell, case_hash="000000000000"), "good/sim-small", "CH-01")
    said = desk.explain(chat_body("good/sim-small"), code=1)
    assert said["excluded"][0]["reason"] == "the case has changed since it was asked"


def test_modes_and_policies_serve_and_say_so(desk):
    desk.configure("policy: {mode: warn}\n")
    said = desk.explain(chat_body(**NAMED))
    assert targets(said) == ["good/sim-small", "bad/sim-small"]
    assert said["candidates"][1]["proven"] is False
    assert said["candidates"][1]["unproven"] == ["TC-10"]
    assert excluded(said) == [("bad/sim-small", "TC-10", "sync", "fail")]


def test_an_unknown_field_is_served_and_named_or_refused(desk):
    said = desk.explain(chat_body(brand_new=1))
    assert said["unknown_fields"] == ["field.brand_new"]
    assert said["candidates"][0]["unproven"] == ["field.brand_new"]
    desk.configure("policy: {unknown_fields: reject}\n")
    done = desk.proviso("explain", stdin=json.dumps(chat_body(brand_new=1)))
    assert done.code == 1 and "brand_new" in done.err, done
    assert json.loads(done.out)["candidates"] == []


def test_headers_keys_tasks_and_wishes_count(desk):
    desk.configure("tasks: [{name: review, risk: high, match: {key: k1}}]\n")
    assert desk.explain(chat_body())["task"] is None
    said = desk.explain(chat_body(), "--key", "k1")
    assert (said["task"], said["risk"], said["strategy"]) == ("review", "high", "best")
    assert targets(said) == ["good/sim-small", "bad/sim-small"]
    said = desk.explain(chat_body(), "-H", "X-Proviso-Task: review")
    assert said["task"] == "review"
    assert targets(desk.explain(chat_body(), "--header", "x-proviso-min-quality: 0.99")) == ["good/sim-small"]
    assert targets(desk.explain(chat_body(max_tokens=10), "-H", "x-proviso-max-cost: 0.00002")) == ["bad/sim-small"]
    assert targets(desk.explain(chat_body(provider={"ignore": ["bad"]}))) == ["good/sim-small"]
    assert desk.explain({"model": "coder", "input": "x"}, "-e", "embeddings")["shape"] == ["embeddings"]


def test_a_price_that_does_not_hold_is_said_and_never_0(desk):
    assert [c["price_note"] for c in desk.explain(chat_body())["candidates"]] == [None, None]
    desk.configure("", {'price: {input: "0.5", output: "1"}': 'price: {input: "0.5", output: "1", until: 2001-01-01}',
                        'price: {input: "1", output: "2"}': 'price: {input: "1", output: "2", review_by: 2001-01-01}'})
    good, bad = desk.explain(chat_body())["candidates"]  # what is unknown comes last
    assert (bad["target"], bad["expected_cost_usd"], bad["price_version"]) == ("bad/sim-small", None, None)
    assert bad["price_note"] == "its price ran out on 2001-01-01: what it costs is unknown"
    assert good["expected_cost_usd"] > 0
    assert good["price_note"] == "its price should have been looked at again by 2001-01-01"
    (desk.proviso.cwd / "request.json").write_text(json.dumps(chat_body()))
    shown = desk.proviso("explain", "--format", "table", "request.json").out
    assert bad["price_note"] in shown and good["price_note"] in shown


def test_the_key_of_a_provider_is_not_needed(desk):
    done = desk.proviso("explain", stdin=json.dumps(chat_body()))
    assert done.code == 0 and "the key of good is not here" in done.err, done
    done = desk.proviso("explain", stdin=json.dumps(chat_body()), env={"SIM_KEY": "sim-key"})
    assert done.code == 0 and done.err == "", done
    assert "sim-key" not in done.out


def test_the_table_says_the_same(desk):
    (desk.proviso.cwd / "request.json").write_text(json.dumps(chat_body(**NAMED)))
    done = desk.proviso("explain", "--format", "table", "request.json")
    assert done.code == 0, done
    assert "shape     chat tools tool_choice.named\n" in done.out
    assert "  1  good/sim-small  cost $" in done.out
    assert "     bad/sim-small   TC-10 fails\n" in done.out


@pytest.mark.parametrize("body, arguments, says", [
    ("{", [], "reading the request -"),
    ("[]", [], "must be a JSON object"),
    ('{"messages":[]}', [], "you must provide a model"),
    ('{"model":"coder","model":"a","messages":[]}', [], "given twice"),
    ('{"model":"coderr","messages":[]}', [], "there is no route, target or model 'coderr'"),
    ('{"model":"sim-small","messages":[]}', [], "more than one provider serves this model"),
    ('{"model":"coder","messages":[],"provider":3}', [], "provider must be an object"),
    ('{"model":"coder","messages":[]}', ["-H", "no colon"], "want 'Name: value'"),
    ('{"model":"coder","messages":[]}', ["-H", "x-proviso-max-cost: much"], "x-proviso-max-cost must be USD"),
    ('{"model":"coder","messages":[]}', ["-H", "x-proviso-min-quality: 2"], "must be a number from 0 to 1"),
    ('{"model":"coder","messages":[]}', ["--matrix", "none.json"], "none.json"),
    ('{"model":"coder","messages":[]}', ["--config", "none.yaml"], "none.yaml"),
    ('{"model":"coder","messages":[]}', ["--endpoint", "models"], "models"),
])
def test_bad_input_is_said_and_exits_2(desk, body, arguments, says):
    done = desk.proviso("explain", *arguments, stdin=body)
    assert done.code == 2 and says in done.err, done
    assert done.out == ""


def test_a_cut_matrix_is_refused(desk):
    whole = desk.matrix_path.read_bytes()
    desk.matrix_path.write_bytes(whole[:len(whole) // 2])
    done = desk.proviso("explain", stdin=json.dumps(chat_body()))
    assert done.code == 2 and "proviso-matrix.json" in done.err, done
    desk.matrix_path.write_bytes(whole.replace(b'"proviso":1', b'"proviso":2', 1))
    done = desk.proviso("explain", stdin=json.dumps(chat_body()))
    assert done.code == 2 and "another version" in done.err, done
