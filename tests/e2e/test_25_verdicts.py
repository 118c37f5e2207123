"""How often a case is asked and what its answers amount to, seen from outside, by profile."""
import json
import re

import pytest
from conftest import cells, chat, journal, reply

CASE = """capability: chat
cases:
  - id: LAB-1
    title: a word asked for comes back
    class: {of}
    severity: gate
    request: {{messages: [{{role: user, content: "Say: {{{{nonce}}}}"}}]}}
    expect: {{content: {{contains: ["{{{{nonce}}}}"]}}}}
    reference: {{content: "{{{{nonce}}}}"}}
"""
STOCHASTIC, DETERMINISTIC, CRITICAL = "stochastic", "deterministic", "stochastic\n    critical: true"


def answering(pattern):
    """o: the word that was asked for; m: another. The last one goes on for ever."""
    def answer(head, body, number):
        word = re.search(r"Say: (\S+)", json.loads(body)["messages"][0]["content"]).group(1)
        return reply(chat(word if pattern[min(number, len(pattern)) - 1] == "o" else "no"))
    return answer


def lay_out(proviso, url, of):
    (proviso.cwd / "own").mkdir()
    (proviso.cwd / "own" / "lab.yaml").write_text(CASE.format(of=of))
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  lab: {{base_url: {url}, models: {{m: {{context: 8192, max_output: 64, price: {{input: "0", output: "0"}}}}}}}}
check: {{cases: [own], core: false}}
""")


def judged(proviso, name="run"):
    (cell,) = cells(proviso.cwd / name / "matrix.json").values()
    return cell["trials"], cell["verdict"]


@pytest.mark.parametrize("of, profile, pattern, trials, verdict, code", [
    (DETERMINISTIC, "ci", "o", 1, "pass", 0),
    (DETERMINISTIC, "onboard", "m", 3, "fail", 1),
    (DETERMINISTIC, "smoke", "mo", 3, "flaky", 1),
    (DETERMINISTIC, "ci", "mo", 17, "pass", 0),
    (DETERMINISTIC, "ci", "mom", 3, "fail", 1),
    (STOCHASTIC, "smoke", "o", 1, "pass", 0),
    (STOCHASTIC, "smoke", "m", 3, "fail", 1),
    (STOCHASTIC, "ci", "o", 3, "pass", 0),
    (STOCHASTIC, "ci", "m", 2, "fail", 1),
    (STOCHASTIC, "ci", "omo", 17, "pass", 0),
    (STOCHASTIC, "onboard", "o", 10, "pass", 0),
    (STOCHASTIC, "onboard", "m", 2, "fail", 1),
    (STOCHASTIC, "onboard", "oooooooomo", 17, "pass", 0),
    (STOCHASTIC, "onboard", "ooomooomo", 20, "inconclusive", 3),
    (STOCHASTIC, "onboard", "ooomooomooomo", 20, "flaky", 1),
    (CRITICAL, "ci", "o", 3, "pass", 0),
    (CRITICAL, "onboard", "o", 15, "pass", 0),
    (CRITICAL, "onboard", "m", 2, "fail", 1),
])
def test_the_profile_says_how_often_and_the_answers_how_it_ends(proviso, scripted, of, profile, pattern, trials, verdict, code):
    provider = scripted(answering(pattern))
    lay_out(proviso, provider.url, of)
    done = proviso("check", "--profile", profile, "--case", "LAB-1", "--out", "run")
    assert judged(proviso) == (trials, verdict), done
    assert done.code == code, done
    assert len(provider.requests) == trials
    # Judged again it is the same: the journal knows by which rules it was asked.
    again = proviso("check", "--replay", "run", "--matrix", "again.json")
    assert again.code == code, again
    assert judged(proviso) == (trials, verdict)
    assert len(provider.requests) == trials


def test_trials_asks_at_least_so_often(proviso, scripted):
    provider = scripted(answering("o"))
    lay_out(proviso, provider.url, STOCHASTIC)
    assert proviso("check", "--profile", "ci", "--trials", "12", "--out", "run").code == 0
    assert judged(proviso) == (12, "pass")


def test_a_resumed_run_keeps_its_rules_whatever_the_config_says_by_then(proviso, scripted):
    provider = scripted(answering("o"))
    lay_out(proviso, provider.url, STOCHASTIC)
    assert proviso("check", "--profile", "onboard", "--out", "run").code == 0
    path = proviso.cwd / "run" / "journal.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:5]))  # the head and four trials
    assert len(journal(proviso.cwd / "run")) == 4
    config = proviso.cwd / "proviso.yaml"
    config.write_text(config.read_text().replace("core: false", "core: false, profile: smoke"))
    assert proviso("check", "--resume", "run").code == 0
    assert judged(proviso) == (10, "pass")
    assert len(provider.requests) == 16


def without_tools(head, body, number):
    """A server that was started without a parser for tools: 400 wherever a request brings some."""
    if not body or not {"tools", "functions"} & set(json.loads(body)):
        return reply(chat("hello"))
    return reply({"error": {"message": '"auto" tool choice requires a tool call parser to be set', "type": "invalid_request_error",
                            "param": "tools", "code": None}}, "400 Bad Request")


def test_who_refuses_tools_fails_at_none_of_their_cases(proviso, scripted):
    provider = scripted(without_tools)
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  lab: {{base_url: {provider.url}, models: {{m: {{context: 8192, max_output: 64, price: {{input: "0", output: "0"}}}}}}}}
""")
    proviso("check", "--profile", "smoke", "--case", "TC-*", "--out", "run")
    seen = {(case, variant): cell["verdict"] for (_, case, variant), cell in cells(proviso.cwd / "run/matrix.json").items() if case != "TC-12"}
    assert {"TC-01", "TC-21", "TC-25"} <= {case for case, _ in seen}
    assert {key: verdict for key, verdict in seen.items() if verdict not in ("unsupported", "skipped")} == {}


@pytest.mark.parametrize("content, verdict", [
    ("I may not look it up.", "pass"), ("<tool_call>\n{\"name\": \"get_weather\"}\n</tool_call>", "fail")])
def test_a_call_that_is_written_out_is_not_the_text_that_none_asks_for(proviso, scripted, content, verdict):
    provider = scripted(lambda head, body, number: reply(chat(content)))
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  lab: {{base_url: {provider.url}, models: {{m: {{context: 8192, max_output: 64, price: {{input: "0", output: "0"}}}}}}}}
""")
    proviso("check", "--profile", "smoke", "--case", "TC-11", "--out", "run")
    assert cells(proviso.cwd / "run/matrix.json")["lab/m", "TC-11", "sync"]["verdict"] == verdict
