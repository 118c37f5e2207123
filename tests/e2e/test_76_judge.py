"""A judge model: asked after the run, by rubric, about every answer that has one. What it says and costs is shown beside the
grades; no verdict, score, route or exit code comes to rest on it, whatever it says."""
import csv
import json

import pytest

from conftest import chat, journal, reply

KEY = {"SIM_KEY": "sim-key"}
AGREES = '{"score": 1, "why": "polite and short"}'


def lay_out(folder, good, judge, more="", rubric="rubric: Is it polite and short?"):
    (folder / "tasks").mkdir(exist_ok=True)
    (folder / "tasks/words.csv").write_text("id,word\none,alpha\ntwo,beta\nthree,gamma\n")
    (folder / "tasks/tasks.yaml").write_text(f"""capability: prose
kind: summarising
cases:
  - id: words
    rows: words.csv
    title: it says {{{{word}}}}
    request: {{messages: [{{role: user, content: "Say {{{{word}}}}."}}]}}
    reference: {{content: "{{{{word}}}}"}}
    expect: {{grade: {{contains: "{{{{word}}}}"}}}}
    {rubric}
""")
    (folder / "proviso.yaml").write_text(f"""version: 1
providers:
  good: {{base_url: "{good}", api_key: "env:SIM_KEY", models: {{m: {{context: 131072, price: {{input: "10", output: "40"}}}}}}}}
  judge: {{base_url: "{judge}", api_key: "env:SIM_KEY", models: {{m: {{context: 131072, price: {{input: "1", output: "4"}}}}}}}}
check: {{cases: [tasks], core: false, quality: true, judge: judge/m}}
policy: {{unproven: allow}}
tasks: [{{name: summarising, match: {{header: {{x-kind: s}}}}}}]
routes: {{r: {{targets: [good/m, judge/m], strategy: best, min_quality: 0.1}}}}
{more}""")


def echo(head, body, number):
    """Answers as it is told; but for gamma, which it does not say."""
    word = json.loads(body)["messages"][0]["content"].split()[1].rstrip(".")
    return reply(chat("delta" if word == "gamma" else word))


def rows_of(folder):
    return {row["case_id"]: row for row in csv.DictReader((folder / "cells.csv").open())}


@pytest.fixture
def judged(proviso, scripted, tmp_path):
    """judged(answer): a run that such a judge has judged; what it printed, its rows, and the judge."""

    def run(answer, more=""):
        judge = scripted(answer)
        lay_out(tmp_path, scripted(echo).url, judge.url, more)
        done = proviso("check", "good/m", "--csv", "cells.csv", "--json", "r.json", "--html", "r.html", "--markdown", "r.md", env=KEY)
        return done, rows_of(tmp_path), judge

    return run


@pytest.mark.parametrize("score", [0, 0.25, 1])
def test_what_it_says_stands_beside_and_decides_nothing(judged, proviso, tmp_path, score):
    done, rows, judge = judged(lambda *_: reply(chat(json.dumps({"score": score, "why": "so"}))))
    assert done.code == 0, done
    assert len(judge.requests) == 3 and "has judged 3 of 3 answers by rubric" in done.err
    for name in ("words.one", "words.two", "words.three"):
        row = rows[name]
        good = name != "words.three"
        # The known answer decides, also where the judge says the contrary.
        assert (row["ok"], row["miss"], row["quality"]) == (("1", "0", "1") if good else ("0", "1", "0")), row
        assert float(row["judge_score"]) == score and row["judge"] == "judge/m"
        # 10 and 2 tokens at 1 and 4 USD for a million; the task's own at 10 and 40.
        assert row["judge_cost_usd"] == "0.000018"
        assert float(row["cost_usd"]) == pytest.approx(0.00018 * int(row["trials"]))
    listed = json.loads((tmp_path / "r.json").read_text())["quality"][0]
    assert listed["judged"] == 3 and listed["judge_score"] == score and float(listed["judge_cost_usd"]) == 0.000054
    assert float(listed["cost_usd"]) == pytest.approx(sum(float(row["cost_usd"]) for row in rows.values()))
    assert f"judge {score:.2f} of 3 tasks" in done.out
    for name in ("r.html", "r.md"):
        assert "a judge model's opinion" in (tmp_path / name).read_text(), name
    # Read back, and judged again from the evidence without anybody being asked, it is the same.
    assert proviso("matrix", "--format", "csv").out == (tmp_path / "cells.csv").read_text()
    run = next((tmp_path / "proviso-runs").iterdir())
    assert proviso("check", "--replay", run, "--matrix", "again.json").code == 0
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "proviso-matrix.json").read_bytes()
    assert len(judge.requests) == 3
    # The route's floor and rank know the grades alone.
    (tmp_path / "q.json").write_text(json.dumps({"model": "r", "messages": [{"role": "user", "content": "x"}]}))
    explained = json.loads(proviso("explain", "--header", "x-kind: s", "q.json", env=KEY).out)
    assert explained["candidates"][0]["quality"] == pytest.approx(2 / 3, abs=1e-4)


def test_it_is_shown_request_and_answer_as_material(judged):
    done, _, judge = judged(lambda *_: reply(chat("```json\n" + AGREES + "\n```")))
    assert "3 of 3" in done.err
    asked = sorted((json.loads(body) for _, body in judge.requests), key=lambda one: one["messages"][1]["content"])
    material = json.loads(asked[0]["messages"][1]["content"])
    assert material["rubric"] == "Is it polite and short?" and material["answer"] == "alpha"
    assert json.loads(material["request"])["messages"][0]["content"] == "Say alpha."
    assert asked[0]["model"] == "m" and asked[0]["max_tokens"] == 1024


def test_nonsense_is_no_verdict_and_is_not_asked_again(judged, proviso, tmp_path):
    said = iter(["it is fine", '{"score": 3}', '{"score": "high"}'])
    done, rows, judge = judged(lambda *_: reply(chat(next(said))))
    assert done.code == 0 and "has judged 0 of 3 answers by rubric (the others got no verdict)" in done.err
    assert all(row["judge_score"] == "" and row["judge_cost_usd"] == "0.000018" for row in rows.values())
    run = next((tmp_path / "proviso-runs").iterdir())
    told = [json.loads(line) for line in (run / "opinions.jsonl").read_text().splitlines()[1:]]
    assert {one["detail"] for one in told} == {'no verdict: it is fine', 'no verdict: {"score": 3}', 'no verdict: {"score": "high"}'}
    again = proviso("check", "--resume", run, env=KEY)
    assert again.code == 0 and len(judge.requests) == 3, again


def test_a_judge_that_fails_leaves_the_run_as_it_is(judged, proviso, tmp_path):
    done, rows, judge = judged(lambda *_: reply({"error": {"message": "no"}}, status="401 Unauthorized"))
    assert done.code == 0 and "the judge is not asked any further: it answers 401" in done.err, done
    assert len(judge.requests) <= 3 and all(row["judge_score"] == "" for row in rows.values())
    assert sorted(row["quality"] for row in rows.values()) == ["0", "1", "1"]
    # Once it answers, the run goes on there, and nothing else is asked.
    run = next((tmp_path / "proviso-runs").iterdir())
    before = len(journal(run))
    judge.answer = lambda *_: reply(chat(AGREES))
    again = proviso("check", "--resume", run, "--csv", "cells.csv", env=KEY)
    assert again.code == 0 and "has judged 3 of 3" in again.err and len(journal(run)) == before, again
    assert all(row["judge_score"] == "1" for row in rows_of(tmp_path).values())


def test_it_is_asked_in_the_words_that_its_model_takes(judged):
    def answer(head, body, number):
        if "max_tokens" in json.loads(body):
            return reply({"error": {"message": "Use 'max_completion_tokens' instead."}}, status="400 Bad Request")
        return reply(chat(AGREES))

    done, rows, judge = judged(answer)
    assert "has judged 3 of 3" in done.err and all(row["judge_score"] == "1" for row in rows.values()), done


def test_nobody_judges_himself_and_the_cap_holds(proviso, scripted, tmp_path):
    both = scripted(lambda head, body, n: reply(chat(AGREES)) if b"rubric" in body else echo(head, body, n))
    lay_out(tmp_path, both.url, both.url)
    own = proviso("check", "judge/m", env=KEY)
    assert own.code == 0 and "answers of judge/m itself are not judged by it" in own.err, own
    asked = len(both.requests)
    # What judging may cost at most does not fit any more.
    capped = proviso("check", "good/m", "--max-spend", "0.5", "--dry-run", env=KEY)
    assert capped.code == 0 and "judge/m is asked what it thinks" in capped.out and len(both.requests) == asked
    dear = (tmp_path / "proviso.yaml").read_text().replace('input: "1", output: "4"', 'input: "1000", output: "4000000"')
    (tmp_path / "proviso.yaml").write_text(dear)
    capped = proviso("check", "good/m", "--max-spend", "100", env=KEY)
    assert capped.code == 0 and "the spending cap left no more for the judge" in capped.err, capped


def test_what_makes_no_sense_is_refused_with_its_place(proviso, tmp_path):
    url = "http://127.0.0.1:9/v1"
    lay_out(tmp_path, url, url, rubric="rubric: ''")
    empty = proviso("check", "good/m", "--dry-run", env=KEY)
    assert empty.code == 2 and "want a rubric of 1 to 8192 bytes" in empty.err and "tasks.yaml:10:" in empty.err, empty
    lay_out(tmp_path, url, url)
    text = (tmp_path / "tasks/tasks.yaml").read_text()
    (tmp_path / "tasks/tasks.yaml").write_text(text.replace("grade: {contains: \"{{word}}\"}", "content: {contains: [\"{{word}}\"]}"))
    bare = proviso("check", "good/m", "--dry-run", env=KEY)
    assert bare.code == 2 and "a rubric stands beside a grade" in bare.err, bare
    (tmp_path / "tasks/tasks.yaml").write_text(text.replace("kind: summarising", "").replace("title:", "class: stochastic\n    severity: gate\n    title:"))
    gate = proviso("check", "good/m", "--dry-run", env=KEY)
    assert gate.code == 2 and "a judge model decides no gate" in gate.err, gate
    lay_out(tmp_path, url, url)
    wrong = (tmp_path / "proviso.yaml").read_text().replace("judge: judge/m", "judge: jury/m")
    (tmp_path / "proviso.yaml").write_text(wrong)
    unknown = proviso("check", "good/m", "--dry-run", env=KEY)
    assert unknown.code == 2 and "proviso.yaml:5:" in unknown.err and "jury" in unknown.err, unknown
