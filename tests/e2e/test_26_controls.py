"""A feature that breaks the server is told from a server that is down by plain requests beside it."""
import json
import re

import pytest
from conftest import cells, chat, journal, reply

KEY = {"LAB_KEY": "lab-key"}
ASK = ["--model", "m", "--api-key-env", "LAB_KEY", "--case", "TC-01"]


def word_of(body):
    return re.search(r"nothing else: (\S+)", json.loads(body)["messages"][0]["content"]).group(1)


def broken_off(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
                       b"10\r\ndata: {\"id\":\"c\"}\r\n")  # shorter than its chunk says


FAULTS = {
    "500": lambda: reply('{"error":{"message":"boom","type":"server_error"}}', status="500 Oops", extra="Retry-After: 0\r\n"),
    "reset": lambda: lambda connection: None,
    "cut": lambda: broken_off,
}


def provider_of(scripted, fault, plain, bill=None):
    """Requests with tools meet the fault; plain ones are answered as `plain` says, one letter each; `bill`: what they are
    said to have read."""
    count = {"plain": 0}

    def answer(head, body, number):
        if b"/chat/completions" not in head.split(b"\r\n")[0]:
            return reply('{"object":"list","data":[]}')
        if "tools" in json.loads(body):
            return FAULTS[fault]()
        count["plain"] += 1
        good = plain[min(count["plain"], len(plain)) - 1] == "o"
        told = {"usage": {"prompt_tokens": bill["tokens"], "completion_tokens": 2, "total_tokens": bill["tokens"] + 2}} if bill else {}
        return reply(chat(word_of(body), **told)) if good else FAULTS["500"]()
    return scripted(answer)


def controls(run):
    return [line for line in journal(run) if "control" in line]


@pytest.mark.parametrize("fault, case", [("500", "TC-01"), ("reset", "TC-01"), ("cut", "TC-01~stream")])
def test_what_fails_three_times_while_plain_requests_pass_breaks_the_server(proviso, scripted, fault, case):
    provider = provider_of(scripted, fault, "o")
    done = proviso("check", "--base-url", provider.url, *ASK[:-1], case, "--out", "run", "--matrix", "m.json", env=KEY)
    assert done.code == 1, done
    for cell in cells(proviso.cwd / "m.json").values():
        assert cell["verdict"] == "fail"
        assert cell["outcomes"] == {"violation": 3} and cell["rate"] == 0
        assert cell["first_error"].startswith("breaks the server: ")
        assert cell["evidence"]
    # Three controls for each question, paid for and journalled like all else, and named.
    lines = controls(proviso.cwd / "run")
    owners = [line for line in lines if line.get("owner")]
    assert [line["outcome"] for line in owners] == ["ok"] * 3 * len({line["variant"] for line in lines})
    assert {line["control"] for line in lines} == {"CH-03"}
    for line in owners:
        assert line["evidence"] in cells(proviso.cwd / "m.json")[(line["target"], "TC-01", line["variant"])]["first_error"]
    keys = [tuple(line[name] for name in ("target", "case", "variant", "trial", "step", "attempt")) for line in journal(proviso.cwd / "run")]
    assert len(set(keys)) == len(keys)
    # Judged again it is the same, and nothing is sent.
    sent = len(provider.requests)
    assert proviso("check", "--replay", "run", "--matrix", "again.json").code == 1
    def facts(path):
        return [(c["case"], c["variant"], c["verdict"], c["outcomes"], c["first_error"]) for c in cells(proviso.cwd / path).values()]
    assert facts("again.json") == facts("m.json")
    assert len(provider.requests) == sent


@pytest.mark.parametrize("plain", ["m", "om", "oom"])
def test_where_a_plain_request_fails_too_it_is_the_server(proviso, scripted, plain):
    provider = provider_of(scripted, "500", plain)
    done = proviso("check", "--base-url", provider.url, *ASK[:-1], "TC-02", "--out", "run", "--matrix", "m.json", env=KEY)
    assert done.code == 4, done
    for cell in cells(proviso.cwd / "m.json").values():
        assert cell["verdict"] == "error"
        assert cell["outcomes"] == {"infra": 3}
    # The first failure ends it: more controls could not change the verdict.
    bad = [line for line in controls(proviso.cwd / "run") if line.get("ends_trial") and line["outcome"] == "infra"]
    assert sorted(line["variant"] for line in bad) == ["stream", "sync"]
    assert any("a plain request beside it fails, too" in cell["first_error"] for cell in cells(proviso.cwd / "m.json").values())


def test_no_control_is_asked_where_none_is_needed(proviso, scripted):
    asked = []

    def answer(head, body, number):
        if b"/chat/completions" in head.split(b"\r\n")[0]:
            asked.append("tools" in json.loads(body))
        return reply(chat("no call"))
    provider = scripted(answer)
    proviso("check", "--base-url", provider.url, *ASK, "--out", "run", env=KEY)
    assert asked and all(asked)
    assert controls(proviso.cwd / "run") == []


def test_controls_are_gone_on_with_and_not_asked_twice(proviso, scripted):
    provider = provider_of(scripted, "500", "o")
    arguments = ["--base-url", provider.url, *ASK[:-1], "TC-02", "--jobs", "1"]
    assert proviso("check", *arguments, "--out", "run", env=KEY).code == 1
    path = proviso.cwd / "run" / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    whole = (proviso.cwd / "run" / "matrix.json").read_text()
    first = next(i for i, line in enumerate(lines) if '"control"' in line)
    path.write_text("".join(lines[:first + 1]))
    sent = len(provider.requests)
    assert proviso("check", "--resume", "run", env=KEY).code == 1
    assert path.read_text().splitlines(keepends=True)[:first + 1] == lines[:first + 1]
    again = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    assert len([line for line in again if "control" in line and line.get("owner")]) == 6
    assert len(provider.requests) - sent == len(lines) - first - 1
    verdict = lambda text: [(c["case"], c["variant"], c["verdict"], c["outcomes"]) for c in json.loads(text)["cells"]]
    assert verdict((proviso.cwd / "run" / "matrix.json").read_text()) == verdict(whole)


def test_a_control_is_paid_for_within_the_cap(proviso, scripted):
    bill = {"tokens": 10}
    provider = provider_of(scripted, "500", "o", bill)
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  lab: {{base_url: {provider.url}, models: {{m: {{context: 8192, max_output: 64, price: {{input: "10", output: "20"}}}}}}}}
""")
    arguments = ["lab/m", "--case", "TC-02", "--jobs", "1", "--matrix", "m.json"]
    assert proviso("check", *arguments, "--out", "run").code == 1
    owners = [line for line in controls(proviso.cwd / "run") if line.get("owner")]
    assert owners and all(line["cost_pico_usd"] > 0 for line in owners)
    for cell in cells(proviso.cwd / "m.json").values():
        assert float(cell["cost_usd"]) > 0  # of its controls: refusals are billed by nobody
    # The bound tells of them, and a cap that leaves no room for a second one is kept.
    bound = re.search(r"first round at most (\S+) USD, the whole at most (\S+) USD", proviso("check", *arguments, "--dry-run").out)
    one = float(bound.group(1))
    bill["tokens"] = 1000
    capped = proviso("check", *arguments, "--out", "capped", "--max-spend", f"{one:.9f}")
    assert capped.code == 5, capped
    spent = [line.get("cost_pico_usd", 0) for line in journal(proviso.cwd / "capped") if line.get("owner")]
    assert 0 < sum(spent) <= one * 1e12 * 1.000001 and sum(cost > 0 for cost in spent) == 1


@pytest.mark.parametrize("jobs", ["1", "2", "3", "8"])
def test_an_outage_that_ends_meanwhile_is_no_feature_s_fault(proviso, sim, jobs):
    url = sim("--break", "storm-500:25").url
    proviso("check", "--base-url", url, "--api-key-env", "SIM_KEY", "--model", "sim-small", "--case", "CH-0*", "--jobs", jobs,
            "--matrix", "m.json", "--out", "run", env={"SIM_KEY": "sim-key"})
    found = cells(proviso.cwd / "m.json")
    assert found and "fail" not in {cell["verdict"] for cell in found.values()}
    told = json.loads((proviso.cwd / "m.json").read_text())["availability"][0]
    assert told["infra"] == {"5xx": 25}
    assert told["attempts"] == len([line for line in journal(proviso.cwd / "run") if line.get("owner")])


def test_what_breaks_the_server_was_answered_all_the_same(proviso, scripted):
    provider = provider_of(scripted, "500", "o")
    proviso("check", "--base-url", provider.url, *ASK[:-1], "TC-01", "--out", "run", "--matrix", "m.json", env=KEY)
    told = json.loads((proviso.cwd / "m.json").read_text())["availability"][0]
    assert told["infra"] == {}
    assert told["answered"] == told["attempts"] == len([line for line in journal(proviso.cwd / "run") if line.get("owner")])
