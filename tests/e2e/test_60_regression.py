"""The regression gate end to end: check, bless, break the provider, check --baseline."""
import csv
import json
import xml.etree.ElementTree as ElementTree

import pytest

from conftest import chat, reply

KEY = {"SIM_KEY": "sim-key"}
CASES = ("--case", "TS-01", "--case", "CH-03", "--case", "CH-01")
TARGET = "lab/sim-small"


def configure(proviso, url, policy="", check=""):
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  lab:
    base_url: {url}
    api_key: env:SIM_KEY
    models:
      sim-small: {{context: 8192, max_output: 1024}}
{check}{policy}""")


def check(proviso, *more, cases=CASES):
    return proviso("check", *cases, *more, env=KEY)


def blessed(proviso, sim, *more):
    """A folder with a config and a baseline of a sound provider."""
    configure(proviso, sim().url)
    done = check(proviso, *more)
    assert done.code == 0, done
    done = proviso("bless")
    assert done.code == 0, done
    return proviso.cwd / "proviso-baseline.json"


def test_the_story_of_a_repository(proviso, sim):
    baseline = blessed(proviso, sim)
    # Nothing changed: nothing regresses.
    done = check(proviso, "--baseline", baseline)
    assert done.code == 0, done
    assert "4 same" in done.out, done
    # The provider breaks.
    configure(proviso, sim("--break", "TS-01").url)
    done = check(proviso, "--baseline", baseline, "--csv", "cells.csv", "--markdown", "cells.md")
    assert done.code == 1, done
    assert "1 regressed, 3 same" in done.out, done
    assert "TS-01~stream  gate      pass 1/1 -> fail 0/3" in done.out, done
    with open(proviso.cwd / "cells.csv", newline="") as file:
        rows = {(row["case_id"], row["variant"]): row for row in csv.DictReader(file)}
    broken = rows["TS-01", "stream"]
    assert (broken["change"], broken["baseline_rate"], broken["rate"], broken["p_value"]) == ("regressed", "1", "0", "")
    assert rows["CH-03", "sync"]["change"] == "same"
    assert "**regressed**" in (proviso.cwd / "cells.md").read_text()
    # The same from the two files, in every format.
    done = proviso("diff", baseline, "proviso-matrix.json")
    assert done.code == 1, done
    assert "1 regression in gate or required cells" in done.out
    done = proviso("diff", baseline, "proviso-matrix.json", "--format", "json")
    assert done.code == 1, done
    said = json.loads(done.out)
    assert said["holds"] is False and said["counts"]["regressed"] == 1
    assert [c["case"] for c in said["changes"] if c["gates"]] == ["TS-01"]
    done = proviso("diff", baseline, "proviso-matrix.json", "--format", "csv")
    assert [row["change"] for row in csv.DictReader(done.out.splitlines())].count("regressed") == 1
    # It is accepted as it is now, and mended later.
    done = proviso("bless")
    assert done.code == 0 and "3 pass" in done.out, done
    done = check(proviso, "--baseline", baseline)
    assert done.code == 0, done
    configure(proviso, sim().url)
    done = check(proviso, "--baseline", baseline)
    assert done.code == 0, done
    assert "1 fixed" in done.out, done


def test_every_report_of_a_run_says_what_changed(proviso, sim):
    baseline = blessed(proviso, sim)
    configure(proviso, sim("--break", "TS-01").url, waive(proviso, "2099-12-31"))
    broken = (proviso.cwd / "proviso.yaml").read_text()
    (proviso.cwd / "proviso.yaml").write_text(broken.replace("case: \"TS-01\"", "case: \"CH-01\""))
    done = check(proviso, "--baseline", baseline, "--out", "run", "--html", "a.html", "--junit", "a.xml", "--json", "a.json")
    assert done.code == 1, done
    page = (proviso.cwd / "a.html").read_text()
    assert "1 regressed, 3 same" in page and "<dt>since the baseline<dd>regressed: pass 1/1 &rarr; fail 0/3" in page
    assert "waived by platform until 2099-12-31" in page  # of a cell that is the same: shown all the same
    suite = ElementTree.parse(proviso.cwd / "a.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("4", "1")
    assert "regressed since the baseline, pass 1/1 -> fail 0/3" in suite.find(".//failure").text
    assert json.loads((proviso.cwd / "a.json").read_text())["baseline"]["counts"]["regressed"] == 1
    # The same later, from the run alone.
    for kind, name in [("html", "a.html"), ("junit", "a.xml"), ("json", "a.json")]:
        done = proviso("report", kind, "--run", "run", "--baseline", baseline, "--config", "proviso.yaml")
        assert done.code == 0 and done.out == (proviso.cwd / name).read_text(), kind
    done = proviso("report", "github", "--run", "run", "--baseline", baseline)
    assert "::error title=REGRESSED lab/sim-small%3A TS-01~stream::gate FAIL, 0 of 3 ok (0 to 56 %25); regressed" in done.out, done
    # Judged again: a waiver counts where its config is named.
    (proviso.cwd / "proviso.yaml").write_text(broken)
    assert check(proviso, "--replay", "run", "--baseline", baseline, cases=()).code == 1
    assert check(proviso, "--replay", "run", "--baseline", baseline, "--config", "proviso.yaml", cases=()).code == 0


def test_without_a_baseline_the_columns_are_empty(proviso, sim):
    configure(proviso, sim().url)
    assert check(proviso, "--csv", "cells.csv").code == 0
    with open(proviso.cwd / "cells.csv", newline="") as file:
        for row in csv.DictReader(file):
            assert row["baseline_rate"] == row["p_value"] == row["change"] == ""


def test_a_stochastic_cell_that_dies_regresses_against_pooled_trials(proviso, sim):
    baseline = blessed(proviso, sim, "--trials", "10")
    done = check(proviso, "--trials", "10")
    assert done.code == 0, done
    done = proviso("bless")
    assert "4 pooled" in done.out, done
    assert "4 pooled" not in proviso("bless").out  # the same run adds nothing
    trials = [json.loads(line.rstrip(","))["trials"] for line in baseline.read_text().splitlines()[1:-1]]
    assert trials == ["o" * 20] * 4
    configure(proviso, sim("--break", "CH-03").url)
    done = check(proviso, "--baseline", baseline, cases=("--case", "CH-03"))
    assert done.code == 1, done
    assert "2 regressed" in done.out, done


def noisy(every):
    """Leaves out the word in one answer of so many."""
    def answer(head, body, number):
        prompt = json.loads(body)["messages"][-1]["content"]
        return reply(chat("what?" if number % every == 0 else prompt))
    return answer


def test_a_noisy_provider_asked_twice_is_noise(proviso, scripted):
    only = ("--case", "CH-03", "--case", "CH-06", "--case", "CH-10", "--trials", "20", "--jobs", "1")
    configure(proviso, scripted(noisy(6)).url)
    check(proviso, cases=only)
    assert proviso("bless").code == 0
    configure(proviso, scripted(noisy(5)).url)
    done = check(proviso, "--baseline", "proviso-baseline.json", cases=only)
    assert done.code == 0 and "\n1 noise, 5 same\n" in done.out, done


def waive(proviso, until):
    done = proviso("bless", "--waive", f"{TARGET}:TS-01", "--owner", "platform", "--until", until, "--why", "a \"b\": {c}")
    assert done.code == 0, done
    return done.out


def test_a_waiver_of_the_config_excuses_until_its_day_and_is_shown(proviso, sim):
    baseline = blessed(proviso, sim)
    broken = sim("--break", "TS-01").url
    policy = waive(proviso, "2099-12-31")
    configure(proviso, broken, policy)
    assert proviso("validate").code == 0
    done = check(proviso, "--baseline", baseline)
    assert done.code == 0, done
    assert 'waived by platform until 2099-12-31: a "b": {c}' in done.out, done
    configure(proviso, broken, policy.replace("2099", "2025"))
    done = check(proviso, "--baseline", baseline)
    assert done.code == 1, done
    assert "the waiver of platform ended 2025-12-31" in done.out, done
    # diff knows waivers only where it is told of a config.
    assert proviso("diff", baseline, "proviso-matrix.json").code == 1
    configure(proviso, broken, policy)
    assert proviso("diff", baseline, "proviso-matrix.json", "--config", "proviso.yaml").code == 0


def test_a_waiver_must_be_whole_and_not_over(proviso):
    whole = {"--waive": "lab/m:TC-01", "--owner": "me", "--until": "2099-12-31", "--why": "so"}
    for name, value in [("--waive", "TC-01"), ("--waive", "lab/m:"), ("--owner", ""), ("--until", "soon"),
                        ("--until", "2020-01-01"), ("--until", "2099-02-31"), ("--why", "")]:
        arguments = [part for pair in {**whole, name: value}.items() for part in pair]
        assert proviso("bless", *arguments).code == 2, (name, value)
    assert proviso("bless", "--owner", "me").code == 2
    assert proviso("bless", *[part for pair in whole.items() for part in pair]).code == 0
    assert not (proviso.cwd / "proviso-baseline.json").exists()


OWN = """capability: own
cases:
  - id: OW-01
    title: a word comes back
    class: deterministic
    severity: gate
    source: "ours"
    request:
      messages: [{role: user, content: "Reply with this code word and nothing else: {{nonce}}"}]
    expect:
      content: {contains: ["{{nonce}}"]}
    reference: {content: "{{nonce}}", finish_reason: stop}
"""


def test_a_case_that_changed_is_never_compared(proviso, sim, scripted):
    (proviso.cwd / "cases").mkdir()
    own = proviso.cwd / "cases" / "own.yaml"
    own.write_text(OWN)
    section = "check: {cases: [cases], core: false}\n"
    configure(proviso, sim().url, check=section)
    assert check(proviso, cases=()).code == 0
    assert proviso("bless").code == 0
    # Another question, and a provider that can't answer it: not a regression, and no silent pass.
    own.write_text(OWN.replace("and nothing else", "alone"))
    configure(proviso, scripted(lambda head, body, number: reply(chat("no"))).url, check=section)
    done = check(proviso, "--baseline", "proviso-baseline.json", "--csv", "cells.csv", cases=())
    assert done.code == 1, done
    assert "1 changed" in done.out and "regressed" not in done.out, done
    with open(proviso.cwd / "cells.csv", newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["change"], row["baseline_rate"], row["p_value"]) == ("changed", "", "")
    assert proviso("diff", "proviso-baseline.json", "proviso-matrix.json").code == 0


@pytest.mark.parametrize("damage", [
    lambda text: text[: len(text) // 2],
    lambda text: text[:-3],
    lambda text: text.replace('"verdict":"pass"', '"verdict":"fail"', 1),
    lambda text: text.replace('"trials":"o', '"trials":"oo', 1),
    lambda text: text.replace("\n{", "\n {", 1),
    lambda text: text.replace('{"proviso_baseline":1', '{"proviso_baseline":2', 1),
    lambda text: '{"results": []}',
    lambda text: "",
], ids=["cut", "end cut", "verdict", "trials", "blank", "version", "foreign", "empty"])
def test_a_baseline_that_is_not_whole_is_refused_before_anything_is_sent(proviso, sim, scripted, damage):
    baseline = blessed(proviso, sim)
    baseline.write_text(damage(baseline.read_text()))
    provider = scripted(lambda head, body, number: reply(chat()))
    configure(proviso, provider.url)
    done = check(proviso, "--baseline", baseline)
    assert done.code == 2, done
    assert provider.requests == []
    assert proviso("diff", baseline, "proviso-matrix.json").code == 2
    before = baseline.read_text()
    assert proviso("bless").code == 2
    assert baseline.read_text() == before


def test_an_edited_matrix_is_not_blessed(proviso, sim):
    configure(proviso, sim("--break", "TS-01").url)
    assert check(proviso).code == 1
    matrix = proviso.cwd / "proviso-matrix.json"
    matrix.write_text(matrix.read_text().replace('"verdict":"fail"', '"verdict":"pass"'))
    done = proviso("bless")
    assert done.code == 2, done
    assert not (proviso.cwd / "proviso-baseline.json").exists()


def test_infrastructure_is_no_regression_and_no_pass(proviso, sim):
    baseline = blessed(proviso, sim)
    configure(proviso, "http://127.0.0.1:9/v1")
    done = check(proviso, "--baseline", baseline)
    assert done.code == 4, done
    assert "4 gone" in done.out, done


def test_a_run_judged_again_is_compared_too(proviso, sim):
    baseline = blessed(proviso, sim)
    configure(proviso, sim("--break", "TS-01").url)
    assert check(proviso, "--out", "broken").code == 1
    done = proviso("check", "--replay", "broken", "--baseline", baseline)
    assert done.code == 1, done
    assert "1 regressed" in done.out, done
    # A folder stands for its matrix, and other documents on stdout stay whole.
    assert proviso("diff", baseline, "broken").code == 1
    done = proviso("check", "--replay", "broken", "--baseline", baseline, "--format", "json")
    assert json.loads(done.out) and "1 regressed" in done.err, done


def test_diff_wants_two_files(proviso):
    assert proviso("diff").code == 2
    assert proviso("diff", "a.json", "b.json").code == 2
