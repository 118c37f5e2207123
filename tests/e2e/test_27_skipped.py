"""What rests on three failed prerequisites is not asked, and says so."""
import json
import re

from conftest import cells, chat, journal, reply

KEY = {"LAB_KEY": "lab-key"}
ASK = ["--model", "m", "--api-key-env", "LAB_KEY", "--jobs", "1", "--profile", "onboard"]


def answering(tools, plain=None):
    """Plain questions are answered well (or as `plain` says); those with tools as `tools` says."""
    def answer(head, body, number):
        if b"/chat/completions" not in head.split(b"\r\n")[0]:
            return reply('{"object":"list","data":[]}')
        asked = json.loads(body)
        if "tools" in asked:
            return tools()
        if plain:
            return plain()
        word = re.search(r"nothing else: (\S+)", json.dumps(asked["messages"]))
        return reply(chat(word.group(1) if word else "hello"))
    return answer


def refused():
    return reply('{"error":{"message":"tools are not supported","type":"invalid_request_error","param":"tools","code":null}}',
                 status="400 Bad Request")


def skipped(path):
    return {key[1:]: cell for key, cell in cells(path).items() if cell["verdict"] == "skipped" and "rests on" in cell.get("first_error", "")}


def test_without_tools_the_tool_cases_that_rest_on_them_are_not_asked(proviso, scripted):
    provider = scripted(answering(refused))
    arguments = ["--base-url", provider.url, *ASK, "--capability", "chat", "--capability", "tools", "--capability", "tool_history"]
    done = proviso("check", *arguments, "--out", "run", "--matrix", "m.json", env=KEY)
    assert done.code == 1, done
    not_asked = skipped(proviso.cwd / "m.json")
    assert ("TC-10", "sync") in not_asked and ("TC-10", "stream") in not_asked
    # Asked plainly it says nothing of streams, and those have to fail themselves.
    assert ("TC-01", "stream") not in not_asked
    by_case = {key[1:]: cell for key, cell in cells(proviso.cwd / "m.json").items()}
    for cell in not_asked.values():
        assert cell["trials"] == 0
        causes = re.findall(r"(\S+?)(~stream)? \((\w+)\)", cell["first_error"])
        assert len(causes) == 3
        for case, stream, verdict in causes:  # the cause is there, asked, and as bad as it says
            found = by_case[case, "stream" if stream else "sync"]
            assert found["verdict"] == verdict != "skipped" and found["trials"] > 0 and found["severity"] == "gate"
    # Chat goes on, and gate cells of tools are asked until three have failed.
    asked = {(line["case"], line["variant"]) for line in journal(proviso.cwd / "run") if line.get("attempt")}
    assert ("CH-06", "sync") in asked and not asked & set(not_asked)
    # Resumed, they stay what they are; judged again, too.
    sent, lines = len(provider.requests), journal(proviso.cwd / "run")
    assert proviso("check", "--resume", "run", "--matrix", "m.json", env=KEY).code == 1
    assert journal(proviso.cwd / "run") == lines and len(provider.requests) <= sent + 1
    assert proviso("check", "--replay", "run", "--matrix", "again.json").code == 1
    assert {k: c["first_error"] for k, c in skipped(proviso.cwd / "again.json").items()} == {k: c["first_error"] for k, c in not_asked.items()}


def test_a_provider_that_answers_nothing_costs_few_requests_and_is_no_pass(proviso, scripted):
    down = lambda: reply('{"error":{"message":"down"}}', status="503 Down", extra="Retry-After: 0\r\n")
    provider = scripted(answering(down, plain=down))
    arguments = ["--base-url", provider.url, *ASK, "--capability", "chat", "--capability", "stream", "--capability", "tools"]
    done = proviso("check", *arguments, "--out", "run", "--matrix", "m.json", env=KEY)
    assert done.code == 4, done
    assert not [c for c in cells(proviso.cwd / "m.json").values() if c["verdict"] == "pass"]
    assert ("TC-10", "sync") in skipped(proviso.cwd / "m.json")
    assert len(provider.requests) < 120  # 9 for each of some ten questions that vouch for nothing or come first; there are more than sixty


def test_what_is_asked_for_alone_is_asked(proviso, scripted):
    provider = scripted(answering(refused))
    done = proviso("check", "--base-url", provider.url, *ASK, "--case", "TC-10", "--out", "run", "--matrix", "m.json", env=KEY)
    assert done.code == 1 and skipped(proviso.cwd / "m.json") == {}, done
