"""gate: may this config go live on this matrix? One cell decides, explain agrees, what moves is said."""
import csv
import datetime
import io
import json
import random
import shutil

import pytest

from routing import Desk, chat_body, desk, failing, proven, tool  # noqa: F401 (fixtures)

NAMED = ["chat", "stream", "tools", "tool_choice.named"]
USAGE_COLUMNS = ["request_id", "attempt", "route", "requested_model", "target", "shape", "prompt_tokens",
                 "completion_tokens", "cost_usd"]


def gate(desk, *more, code=0, env=None):
    done = desk.proviso("gate", "--format", "json", *more, env=env)
    assert done.code == code, done
    said = json.loads(done.out)
    assert said["holds"] is (code == 0)
    assert said["state"] == {0: "holds", 1: "refused", 3: "unknown"}[code]
    assert sum(said["counts"].values()) == len(said["checks"])
    return said


def check_of(said, shape, route="coder"):
    found = [c for c in said["checks"] if c["route"] == route and c["shape"] == shape]
    assert len(found) == 1, said
    return found[0]


def usage(desk, rows, name="usage.csv"):
    text = io.StringIO()
    writer = csv.DictWriter(text, USAGE_COLUMNS, restval="")
    writer.writeheader()
    for number, row in enumerate(rows):
        writer.writerow({"request_id": number, "attempt": 1, **row})
    (desk.proviso.cwd / name).write_text(text.getvalue())
    return name


def shapes(*more):
    return {"targets: [good/sim-small, bad/sim-small]":
            "targets: [good/sim-small, bad/sim-small], shapes: [" + ", ".join(f"[{', '.join(s)}]" for s in more) + "]"}


def test_a_sound_config_holds_and_one_cell_refuses_it(desk):
    desk.configure("", shapes(["chat"], NAMED))
    said = gate(desk)
    assert check_of(said, ["chat"])["proven"] == ["bad/sim-small", "good/sim-small"]
    check = check_of(said, NAMED)
    assert check["proven"] == ["good/sim-small"] and check["wanted"] == 1
    assert [(row["target"], row["case"], row["variant"], row["verdict"]) for row in check["excluded"]] == \
        [("bad/sim-small", "TC-10", "stream", "fail")]
    body = chat_body(stream=True, tools=[tool()], tool_choice={"type": "function", "function": {"name": "f"}})
    assert [c["target"] for c in desk.explain(body)["candidates"]] == ["good/sim-small"]
    # The one cell: the gate refuses, names it, and explain says the same.
    desk.change_cells(failing, "good/sim-small", "TC-10", "stream")
    said = gate(desk, code=1)
    check = check_of(said, NAMED)
    assert check["state"] == "refused" and check["proven"] == []
    assert ("good/sim-small", "TC-10", "stream", "fail", "fails") in \
        [tuple(row[n] for n in ("target", "case", "variant", "verdict", "reason")) for row in check["excluded"]]
    assert check_of(said, ["chat"])["state"] == "holds"
    assert desk.explain(body, code=1)["excluded"] == check["excluded"]
    done = desk.proviso("gate")
    assert done.code == 1, done
    assert "good/sim-small  TC-10~stream fails\n" in done.out
    assert "refused: 1 of 2 shapes lack proven targets (1 refused, 0 unknown)" in done.out


def test_what_may_still_be_proven_is_unknown_and_not_refused(desk):
    desk.configure("", shapes(["chat"]))
    matrix = desk.matrix()
    old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=15)).strftime("%Y-%m-%dT%H:%M:%SZ")
    changes = {
        "unproven": lambda cell: None,
        "stale": lambda cell: dict(cell, tested_at=old),
        "inconclusive": lambda cell: dict(cell, verdict="inconclusive"),
        "error": lambda cell: dict(cell, verdict="error"),
    }
    for verdict, change in changes.items():
        desk.write_matrix(matrix)
        desk.change_cells(change, case="CH-01")
        said = gate(desk, code=3)
        assert {row["verdict"] for row in said["checks"][0]["excluded"]} == {verdict}
    desk.write_matrix(matrix)
    desk.change_cells(lambda cell: dict(cell, case_hash="000000000000"), case="CH-01")
    said = gate(desk, code=3)
    assert "are of cases that have changed since" in said["notes"]
    # One of both is bad, and both are wanted: no evidence helps.
    desk.write_matrix(matrix)
    desk.change_cells(changes["stale"], "bad/sim-small", "CH-01")
    desk.change_cells(failing, "good/sim-small", "CH-01")
    gate(desk, code=3)
    gate(desk, "--min-targets", "2", code=1)
    # Flaky is known, not open.
    desk.write_matrix(matrix)
    desk.change_cells(lambda cell: dict(cell, verdict="flaky"), case="CH-01")
    gate(desk, code=1)


def test_min_targets_of_the_route_counts_before_the_option(desk):
    desk.configure("", {"coder: {": "coder: {shapes: [[chat, stream, tools, tool_choice.named]], min_targets: 2, "})
    assert check_of(gate(desk, code=1), NAMED)["wanted"] == 2
    assert check_of(gate(desk, "--min-targets", "1", code=1), NAMED)["wanted"] == 2
    desk.configure("", {"min_targets: 2": "min_targets: 1"})
    gate(desk, "--min-targets", "2")


def test_shapes_are_assumed_where_nobody_says_them(desk):
    said = gate(desk)
    assert [c["shape"] for c in said["checks"]] == [
        ["chat"], ["chat", "stream"], ["chat", "stream", "stream_options.include_usage"], ["chat", "tools"],
        ["chat", "stream", "tools"]]
    assert {c["shape_from"] for c in said["checks"]} == {"assumed"}
    assert "assumed" in said["notes"]
    desk.configure("", {"models: {sim-small: {": "models: {sim-small: {endpoints: [embeddings], "})
    assert [c["shape"] for c in gate(desk)["checks"]] == [["embeddings"]]
    desk.configure("", {"endpoints: [embeddings]": "endpoints: [chat, embeddings]"})
    assert ["embeddings"] in [c["shape"] for c in gate(desk)["checks"]]


def test_waivers_and_policy_count(desk):
    desk.configure("policy: {waivers: [{target: bad/sim-small, case: TC-10, owner: me, until: 2099-01-01, why: x}]}\n",
                   shapes(NAMED))
    gate(desk, "--min-targets", "2")
    desk.configure("", {"2099-01-01": "2001-01-01"})
    gate(desk, "--min-targets", "2", code=1)


def test_a_mode_that_serves_all_the_same_is_no_proof_and_is_said(desk):
    desk.configure("policy: {mode: warn}\n", shapes(NAMED))
    said = gate(desk, "--min-targets", "2", code=1)
    assert said["mode"] == "warn" and "mode is warn" in said["notes"]


# --- usage --------------------------------------------------------------------------------


def test_the_traffic_says_which_shapes_count(desk):
    name = usage(desk, [
        {"route": "coder", "shape": "chat", "prompt_tokens": 100, "completion_tokens": 10, "cost_usd": "0.001"},
        {"route": "coder", "shape": "chat", "prompt_tokens": 100, "completion_tokens": 10, "cost_usd": "0.001"},
        {"route": "coder", "shape": "chat", "prompt_tokens": 50, "completion_tokens": 5, "cost_usd": "0.0005",
         "attempt": 2},
        {"route": "coder", "shape": " ".join(NAMED), "prompt_tokens": 7, "completion_tokens": ""},
        {"requested_model": "bad/sim-small", "shape": "chat stream"},
        {"route": "coder", "shape": ""},
    ])
    said = gate(desk, "--usage", name)
    check = check_of(said, ["chat"])
    assert (check["requests"], check["prompt_tokens"], check["completion_tokens"], check["cost_usd"]) == \
        (2, 250, 25, 0.0025)
    assert check["expected_cost_usd"] == 0.00015  # the cheaper one: 250 and 25 tokens at 0.5 and 1 per million
    check = check_of(said, NAMED)
    assert (check["requests"], check["prompt_tokens"], check["completion_tokens"], check["cost_usd"]) == \
        (1, 7, None, None)
    assert check_of(said, ["chat", "stream"], "bad/sim-small")["proven"] == ["bad/sim-small"]
    assert said["without_shape"] == 1
    assert {c["shape_from"] for c in said["checks"]} == {"usage"}
    # The same traffic, and the route is gone: it has nowhere to go.
    desk.configure("", {"coder:": "coder-2:"})
    said = gate(desk, "--usage", name, code=1)
    assert "no route, target or model 'coder'" in check_of(said, ["chat"])["error"]


def test_unknown_fields_and_blanks_in_their_names_are_read(desk):
    name = usage(desk, [{"route": "coder", "shape": "chat field.top_k field.with blank"}])
    assert gate(desk, "--usage", name)["checks"][0]["shape"] == ["chat", "field.top_k", "field.with blank"]
    desk.configure("policy: {unknown_fields: reject}\n")
    assert "top_k" in gate(desk, "--usage", name, code=1)["checks"][0]["error"]


@pytest.mark.parametrize("text, says", [
    ("", "is empty"),
    ("a,b\r\n1,2\r\n", "no column route or requested_model"),
    ("route,tokens\r\na,2\r\n", "no column shape"),
    ("route,shape\r\n", "holds no request with a shape"),
    ("route,shape\r\n,\r\n", "holds no request with a shape"),
    ("route,shape,target\r\ncoder,chat\r\n", "usage.csv:2:1"),
    ("route,shape\r\ncoder,chat telepathy\r\n", 'no feature "telepathy"'),
    ("route,shape,prompt_tokens\r\ncoder,chat,many\r\n", 'prompt_tokens is "many"'),
    ("route,shape,prompt_tokens\r\ncoder,chat,-1\r\n", 'prompt_tokens is "-1"'),
    ("route,shape,cost_usd\r\ncoder,chat,1e400\r\n", 'cost_usd is "1e400"'),
    ("route,shape,attempt\r\ncoder,chat,first\r\n", 'usage.csv:2:12: error: attempt is "first"'),
    ("route,shape,attempt\r\ncoder,chat,0\r\n", 'attempt is "0"'),
    ("route,shape,shape\r\ncoder,chat,chat\r\n", 'usage.csv:1:13: error: the column "shape" stands here again'),
    ("route,shape\r\ncoder,ch\0at\r\n", "usage.csv:2:9: error: a NUL byte"),
    ("route;shape\r\ncoder;chat\r\n", "no column route or requested_model"),
    ("route,shape\r\ncoder," + "c" * 10_000_000 + "\r\n", "usage.csv:2:7: error: this field is larger than 1 MiB"),
    ('route,shape\r\ncoder,"chat\r\n', "usage.csv:2"),
    ("route,shape\r\ncoder,\xff\r\n", "usage.csv:2"),
])
def test_a_usage_that_is_none_is_refused_at_its_place(desk, text, says):
    (desk.proviso.cwd / "usage.csv").write_bytes(text.encode("latin-1"))
    done = desk.proviso("gate", "--usage", "usage.csv")
    assert done.code == 2 and says in done.err and done.out == "", done


def test_all_mistakes_of_a_usage_are_shown_and_counted(desk):
    """Each with its place; a gate that went by the rows that are left would not see what the others ask for."""
    rows = ["route,shape,prompt_tokens", "coder,chat,10", "coder,chat,ten", "coder", "coder,telepathy,1", "coder,\xe9,1", 'coder,c"hat,1',
            "coder,chat,20"]
    (desk.proviso.cwd / "usage.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode("latin-1"))
    done = desk.proviso("gate", "--usage", "usage.csv")
    assert done.code == 2 and done.out == "", done
    for place in ("3:12: error: prompt_tokens", "4:1: error: this row has 1", "5:7: error: no feature", "6:7: error: byte 0xe9",
                  "7:8: error: a quote within"):
        assert f"usage.csv:{place}" in done.err, (place, done)
    assert "5 of 7 rows refused: a gate goes by all of the traffic" in done.err
    (desk.proviso.cwd / "usage.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join([rows[0]] + [rows[1]] * 30000).encode())
    assert gate(desk, "--usage", "usage.csv")["checks"][0]["requests"] == 30000
    many = [rows[0]] + ["coder,chat,ten"] * 30000
    (desk.proviso.cwd / "usage.csv").write_text("\n".join(many))
    done = desk.proviso("gate", "--usage", "usage.csv")
    assert done.code == 2 and "30000 of 30000 rows refused" in done.err and done.err.count("error: prompt_tokens") == 20


# --- bad input ----------------------------------------------------------------------------


def test_a_matrix_or_config_that_is_not_whole_is_never_a_pass(desk):
    whole = desk.matrix_path.read_bytes()
    for damaged, says in (
            (whole[:-200], "proviso-matrix.json"),
            (b"", "proviso-matrix.json"),
            (whole.replace(b'"proviso":1', b'"proviso":9', 1), "another version"),
            (whole.replace(b'"ok":1', b'"ok":2', 1), "outcomes add up"),
            (whole.replace(b'"verdict":"pass"', b'"verdict":"passed"', 1), "passed"),
            (whole.replace(b'"case_hash"', b'"casehash"', 1), "casehash")):
        assert damaged != whole
        desk.matrix_path.write_bytes(damaged)
        done = desk.proviso("gate")
        assert done.code == 2 and says in done.err and done.out == "", done
    desk.matrix_path.write_bytes(whole)
    assert desk.proviso("bless").code == 0
    done = desk.proviso("gate", "--matrix", "proviso-baseline.json")
    assert done.code == 2, done  # a baseline is no matrix
    done = desk.proviso("gate", "--matrix", "nowhere.json")
    assert done.code == 2 and "nowhere.json" in done.err, done
    done = desk.proviso("gate", "--base-config", "nowhere.yaml")
    assert done.code == 2 and "nowhere.yaml" in done.err, done
    # A cell without the hash of its case, and one dated years ahead, prove nothing.
    for change in (lambda cell: {k: v for k, v in cell.items() if k != "case_hash"},
                   lambda cell: dict(cell, tested_at="2099-01-01T00:00:00Z")):
        desk.matrix_path.write_bytes(whole)
        desk.change_cells(change, case="CH-01")
        gate(desk, code=3)


@pytest.mark.parametrize("shapes_yaml, says", [
    ("chat", "want a list of shapes"),
    ("[]", "shapes is empty"),
    ("[chat, stream]", "want a list of features"),
    ("[[]]", "a shape is empty"),
    ("[[chat, steam]]", "did you mean 'stream'"),
    ("[[chat, 3]]", "a feature is a number"),
    ("[[chat, {a: b}]]", "a feature is an object"),
])
def test_shapes_are_read_strictly(desk, shapes_yaml, says):
    desk.configure("", {"coder: {": "coder: {shapes: " + shapes_yaml + ", "})
    done = desk.proviso("gate")
    assert done.code == 2 and says in done.err and "proviso.yaml:" in done.err, done
    done = desk.proviso("validate")
    assert done.code == 2 and says in done.err, done


def test_a_config_without_routes_has_nothing_to_gate(desk):
    desk.config_path.write_text(desk.config_path.read_text().split("routes:")[0])
    done = desk.proviso("gate")
    assert done.code == 2 and "nothing to gate" in done.err, done
    name = usage(desk, [{"requested_model": "good/sim-small", "shape": "chat"}])
    gate(desk, "--usage", name)


# --- against what was before ------------------------------------------------------------------


def test_what_moves_what_is_lost_and_what_it_costs(desk):
    name = usage(desk, [
        {"route": "coder", "shape": "chat", "prompt_tokens": 3000, "completion_tokens": 0, "cost_usd": "9"},
        {"route": "coder", "shape": "chat", "prompt_tokens": 0, "completion_tokens": 0, "cost_usd": "0"},
        {"route": "coder", "shape": " ".join(NAMED), "prompt_tokens": 1000, "completion_tokens": 0,
         "cost_usd": "1"},
    ])
    base = desk.proviso.cwd / "base-matrix.json"
    shutil.copy(desk.matrix_path, base)
    said = gate(desk, "--usage", name, "--base-matrix", base)
    assert said["base"]["moved"] == {"requests": 0, "prompt_tokens": 0, "completion_tokens": None, "cost": 0}
    assert said["base"]["moves"] == [] and said["base"]["losses"] == []
    assert said["base"]["cost_before_usd"] == said["base"]["cost_after_usd"] == 0.0025
    # The cheap one fails: plain chat moves to the dear one, and has lost its second target.
    desk.change_cells(failing, "bad/sim-small", "CH-01")
    said = gate(desk, "--usage", name, "--base-matrix", base)
    moved = said["base"]["moved"]
    assert (moved["requests"], moved["prompt_tokens"], moved["cost"]) == (0.666667, 0.75, 0.9)
    assert [(m["shape"], m["from"], m["to"]) for m in said["base"]["moves"]] == \
        [(["chat"], "bad/sim-small", "good/sim-small")]
    loss, = said["base"]["losses"]
    assert (loss["before"], loss["after"], loss["proven_after"]) == (2, 1, ["good/sim-small"])
    assert "CH-01" in [row["case"] for row in loss["excluded"]]
    assert (said["base"]["cost_before_usd"], said["base"]["cost_after_usd"]) == (0.0025, 0.004)
    done = desk.proviso("gate", "--usage", name, "--base-matrix", base)
    assert "66.7 % of the requests go elsewhere, 75.0 % of the prompt tokens" in done.out, done
    assert "expected cost: $0.0025 before, $0.004 now: +$0.0015 (+60.0 %)" in done.out, done
    assert "2 proven before, 1 now\n           bad/sim-small  CH-01 fails\n" in done.out, done
    # The dear one fails, too: that was the last.
    desk.change_cells(failing, "good/sim-small", "CH-01")
    said = gate(desk, "--usage", name, "--base-matrix", base, code=1)
    assert {(loss["before"], loss["after"]) for loss in said["base"]["losses"]} == {(2, 0), (1, 0)}
    assert said["base"]["cost_unknown"] == 2


def test_an_old_base_is_judged_as_of_its_own_day(desk):
    desk.configure("", shapes(["chat"]))
    old = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=400)).strftime("%Y-%m-%dT%H:%M:%SZ")
    base = desk.change_cells(lambda cell: dict(cell, tested_at=old), path=desk.proviso.cwd / "old.json")
    said = gate(desk, "--base-matrix", base)
    assert said["base"]["moved"]["requests"] == 0 and said["base"]["losses"] == []


def test_a_base_config_shows_what_another_strategy_moves(desk):
    base = desk.proviso.cwd / "base.yaml"
    base.write_text(desk.config_path.read_text())
    desk.configure("", {"coder: {": "coder: {strategy: ordered, "})
    said = gate(desk, "--base-config", base)
    assert said["base"]["moved"]["requests"] == 1  # all assumed shapes go to the first named now
    assert {(m["from"], m["to"]) for m in said["base"]["moves"]} == {("bad/sim-small", "good/sim-small")}
    # Weights: a half goes where all went.
    desk.configure("", {"strategy: ordered": "strategy: weighted"})
    said = gate(desk, "--base-config", base)
    assert 0.4 < said["base"]["moved"]["requests"] < 0.6


# --- reports and CI ------------------------------------------------------------------------------


def test_markdown_annotations_and_the_step_summary(desk):
    desk.configure("", shapes(["chat"], NAMED))
    desk.change_cells(failing, "good/sim-small", "TC-10", "stream")
    done = desk.proviso("gate", "--format", "markdown", "--out", "gate.md")
    assert done.code == 1 and done.out == "", done
    text = (desk.proviso.cwd / "gate.md").read_text()
    assert text.startswith("### Gate: refused: 1 of 2 shapes lack proven targets")
    assert "| **refused** | coder | chat stream tools tool\\_choice.named | 0 of 1 |" in text
    assert "good/sim-small: TC-10\\~stream fails" in text
    summary = desk.proviso.cwd / "summary.md"
    done = desk.proviso("gate", env={"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)})
    assert done.code == 1, done
    assert done.err.startswith("::error title=refused coder%3A chat stream tools tool_choice.named::0 proven of 1")
    assert summary.read_text() == text
    done = desk.proviso("gate", "--format", "github")
    assert done.out.startswith("::error title=") and done.err == "", done


def test_names_from_outside_reach_no_terminal_and_no_log_as_commands(desk):
    name = usage(desk, [{"route": "\x1b[31m::error::x|`<b>", "shape": "chat field.\x1b]0;a"}])
    for form in ("table", "markdown", "github"):
        done = desk.proviso("gate", "--usage", name, "--format", form)
        assert done.code == 1, done
        assert "\x1b" not in done.out, done
    assert done.out.count("\n") == 1 and done.out.startswith("::error title=")
    assert "::error::x" not in done.out.split("::", 2)[1]


# --- explain and gate are one -----------------------------------------------------------------------


FEATURES = {
    "stream": {"stream": True},
    "tools": {"tools": [tool()]},
    "tool_choice.named": {"tool_choice": {"type": "function", "function": {"name": "f"}}},
    "tool_choice.required": {"tool_choice": "required"},
    "response_format.json_object": {"response_format": {"type": "json_object"}},
    "stop": {"stop": ["x"]},
    "n": {"n": 2},
    "seed": {"seed": 1},
    "temperature": {"temperature": 0.5},
    "max_tokens": {"max_tokens": 9},
    "logprobs": {"logprobs": True},
    "parallel_tool_calls": {"parallel_tool_calls": True},
    "field.unheard_of": {"unheard_of": 1},
}


def test_explain_and_gate_agree_on_generated_shapes(desk):
    pick = random.Random(7)
    names = [name for name in FEATURES if name != "tool_choice.required"]
    sets = [()] + [(name,) for name in FEATURES] + \
        [tuple(pick.sample(names, pick.randrange(2, 6))) for _ in range(26)]
    # A matrix in which much is bad, in many ways.
    verdicts = ["fail", "unsupported", "ignored", "flaky", "error", "inconclusive"]

    # What every request rests on stays, whatever the suite asks by now: else nothing is left to decide.
    def spoil(cell):
        if set(cell["vouches"]) <= {"chat"} or pick.random() < 0.95:
            return cell
        return dict(cell, verdict=pick.choice(verdicts)) if pick.random() < 0.8 else None

    desk.change_cells(spoil)
    rows = [{"route": "coder", "shape": " ".join(("chat", *one))} for one in sets]
    done = desk.proviso("gate", "--format", "json", "--usage", usage(desk, rows))
    assert done.code in (0, 1, 3), done
    checks = {tuple(sorted(c["shape"])): c for c in json.loads(done.out)["checks"]}
    seen = set()
    for one in sets:
        body = chat_body(**{k: v for name in one for k, v in FEATURES[name].items()})
        said = desk.proviso("explain", stdin=json.dumps(body))
        said = json.loads(said.out)
        check = checks[tuple(sorted(said["shape"]))]
        assert check["proven"] == [c["target"] for c in said["candidates"]], one
        assert check["excluded"] == said["excluded"], one
        seen.add(len(check["proven"]))
    assert seen == {0, 1, 2}, "the generated matrix decides nothing"


def test_every_gate_cell_of_a_shape_can_refuse_it(desk):
    """Each cell that explain calls the proof of a request, broken alone, excludes the target by name."""
    body = chat_body("good/sim-small", stream=True, tools=[tool()])
    proof = desk.explain(body)["candidates"][0]["cells"]
    assert len(proof) > 10
    name = usage(desk, [{"route": "good/sim-small", "shape": "chat stream tools"}])
    matrix = desk.matrix()
    for label in proof:
        case, _, variant = label.partition("~")
        desk.write_matrix(matrix)
        desk.change_cells(failing, "good/sim-small", case, variant or "sync")
        excluded = gate(desk, "--usage", name, code=1)["checks"][0]["excluded"]
        assert [(row["case"], row["variant"], row["verdict"]) for row in excluded] == \
            [(case, variant or "sync", "fail")], label
