"""`check` end to end: verdicts, matrix, CSV, exit codes."""
import csv
import json

import pytest
from conftest import cells, chat, reply

COLUMNS = (
    "run_id,suite_hash,tested_at,provider,model,reported_model,dialect,capability,case_id,variant,"
    "class,severity,vouches,verdict,trials,ok,miss,violation,refused,ignored,infra,rate,rate_low,rate_high,"
    "baseline_rate,p_value,change,prompt_tokens,cached_tokens,completion_tokens,reasoning_tokens,usage_source,"
    "cost_usd,cost_per_pass_usd,cost_source,price_version,ttft_p50_ms,ttft_p90_ms,latency_p50_ms,latency_p90_ms,"
    "tokens_per_second,retries,quality,first_error,evidence").split(",")

KEY = {"SIM_KEY": "sim-key"}

# What a first run without a config can't know: what an earlier one recorded, what the model's maker counts, what it costs.
SKIPPED = ["CO-05", "US-05", "US-11", "US-11"]


def check(proviso, url, *more, model="sim-small", env=KEY):
    return proviso("check", "--base-url", url, "--model", model, "--api-key-env", "SIM_KEY", *more, env=env)


def test_a_clean_provider_passes_every_case(proviso, sim):
    done = check(proviso, sim("--context", "131072").url, "--csv", "out.csv", "--profile", "onboard")
    assert done.code == 0, done
    with open(proviso.cwd / "out.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0])[: len(COLUMNS)] == COLUMNS
    assert [row["case_id"] for row in rows if row["verdict"] == "skipped"] == SKIPPED
    # Of one time of day nothing can be said yet of others.
    assert [row["verdict"] for row in rows if row["case_id"] == "CO-06"] == ["unsupported"]
    assert {row["verdict"] for row in rows if row["case_id"] not in [*SKIPPED, "CO-06"]} == {"pass"}, \
        [r for r in rows if r["verdict"] != "pass"]
    assert len(rows) == len(cells(proviso.cwd / "proviso-matrix.json"))


def test_a_broken_provider_fails_where_it_is_broken(proviso, sim):
    done = check(proviso, sim("--break", "TS-01").url)
    assert done.code == 1, done
    by_case = cells(proviso.cwd / "proviso-matrix.json")
    bad = {(case, variant) for (_, case, variant), cell in by_case.items() if cell["verdict"] != "pass"}
    assert bad == {("TS-01", "stream")}
    assert "TS-01~stream" in done.out


def test_the_matrix_keeps_cells_that_were_not_asked(proviso, sim):
    url = sim().url
    assert check(proviso, url, "--case", "CH-03").code == 0
    before = cells(proviso.cwd / "proviso-matrix.json")
    assert check(proviso, url, "--case", "US-01").code == 0
    after = cells(proviso.cwd / "proviso-matrix.json")
    assert set(before) < set(after)
    for key, cell in before.items():
        assert after[key] == cell


def test_a_wrong_key_stops_the_provider_with_one_line_and_exit_4(proviso, sim):
    done = check(proviso, sim().url, env={"SIM_KEY": "not-the-right-key"})
    assert done.code == 4, done
    assert done.err.count("is not asked any further") == 1


def test_a_provider_that_is_not_there_is_infrastructure(proviso):
    done = proviso("check", "--base-url", "http://127.0.0.1:9/v1", "--model", "m", "--case", "CH-03")
    assert done.code == 4, done


def test_a_missing_key_names_its_variable(proviso, sim):
    done = check(proviso, sim().url, env={})
    assert done.code == 2, done
    assert "SIM_KEY" in done.err


def test_an_unknown_case_is_wrong_usage(proviso, sim):
    done = check(proviso, sim().url, "--case", "XX-99")
    assert done.code == 2, done


def test_a_dry_run_sends_nothing(proviso, scripted):
    provider = scripted(lambda head, body, number: reply(chat()))
    done = proviso("check", "--base-url", provider.url, "--model", "m", "--dry-run")
    assert done.code == 0, done
    assert "cells" in done.out
    assert provider.requests == []
    assert not (proviso.cwd / "proviso-runs").exists()


def test_a_cap_that_the_first_round_exceeds_refuses_to_start(proviso, sim):
    (proviso.cwd / "proviso.yaml").write_text(config(sim().url, "1000"))
    done = proviso("check", "--max-spend", "0.000001", env=KEY)
    assert done.code == 5, done
    assert not (proviso.cwd / "proviso-runs").exists()


def test_what_would_be_asked_can_be_had_as_json(proviso, sim):
    (proviso.cwd / "proviso.yaml").write_text(config(sim().url, "1000"))
    told = json.loads(proviso("check", "--case", "CH-03", "--dry-run", "--format", "json", env=KEY).out)
    assert [(cell["target"], cell["case"], cell["variant"], cell["severity"], cell["skipped"]) for cell in told["cells"]] == [
        ("lab/sim-small", "CH-03", "sync", "gate", None), ("lab/sim-small", "CH-03", "stream", "gate", None)], told
    text = proviso("check", "--case", "CH-03", "--dry-run", env=KEY).out
    assert 0 < told["first_round_usd"] < told["whole_usd"]
    assert float(text.split("first round at most ")[1].split()[0]) == told["first_round_usd"]
    assert float(text.split("the whole at most ")[1].split()[0]) == told["whole_usd"]


def test_a_cap_reached_on_the_way_keeps_what_was_done(proviso, scripted):
    # Every answer misses, so that each cell wants another trial, and costs nearly what it may: the cap has no room for more.
    dear = {"prompt_tokens": 10, "completion_tokens": 1024, "total_tokens": 1034}
    provider = scripted(lambda head, body, number: reply(chat("no", usage=dear)))
    (proviso.cwd / "proviso.yaml").write_text(config(provider.url, "10"))
    dry = proviso("check", "--case", "CH-03", "--case", "CH-06", "--dry-run", env=KEY)
    assert dry.code == 0, dry
    bound = dry.out.split("first round at most ")[1].split(" ")[0]
    done = proviso("check", "--case", "CH-03", "--case", "CH-06", "--max-spend", bound, "--jobs", "1", env=KEY)
    assert done.code == 5 and "--resume" in done.err, done
    spent = sum(float(row["cost_usd"] or 0) for row in table(proviso("matrix", "--format", "csv").out))
    assert 0 < spent <= float(bound)
    assert spent == pytest.approx(len(provider.requests) * 1034 * 10e-6) and len(provider.requests) >= 4


def test_costs_are_exact_to_the_last_digit(proviso, scripted):
    provider = scripted(lambda head, body, number: reply(chat("x")))
    (proviso.cwd / "proviso.yaml").write_text(config(provider.url, "0.15"))
    proviso("check", "--case", "US-02", "--csv", "out.csv", env=KEY)
    with open(proviso.cwd / "out.csv", newline="") as file:
        row = next(csv.DictReader(file))
    # 10 tokens in and 2 out, each at 0.15 USD a million.
    assert row["cost_usd"] == "0.0000018"
    assert row["cost_source"] == "computed"


def test_embeddings_have_a_price(proviso, sim):
    """Their usage names no completion_tokens: of unknown cost, a budget would never see them."""
    (proviso.cwd / "proviso.yaml").write_text(config(sim().url, "0.50"))
    done = proviso("check", "--case", "EM-01", "--format", "csv", env=KEY)
    row = table(done.out)[0]
    assert row["verdict"] == "pass" and float(row["cost_usd"]) == int(row["prompt_tokens"]) * 0.5e-6, row


def test_json_to_stdout_is_json(proviso, sim):
    done = check(proviso, sim().url, "--case", "CH-03", "--format", "json")
    assert done.code == 0, done
    report = json.loads(done.out)
    assert report["proviso"] == 1 and len(report["cells"]) == 2 and report["capabilities"]
    # It is a matrix with more members: whatever reads the one reads the other.
    (proviso.cwd / "report.json").write_text(done.out)
    assert proviso("diff", "proviso-matrix.json", "report.json").out == "2 same\n"
    proviso("bless", "proviso-matrix.json")
    proviso("report", "json", "--baseline", "proviso-baseline.json", "--out", "compared.json")
    assert proviso("diff", "proviso-matrix.json", "compared.json").out == "2 same\n"
    assert proviso("matrix", "report.json", "--format", "csv").out == proviso("matrix", "--format", "csv").out


def table(text):
    return list(csv.DictReader(text.splitlines()))


def config(url, price):
    return f"""version: 1
providers:
  lab:
    base_url: {url}
    api_key: env:SIM_KEY
    models:
      sim-small:
        context: 8192
        max_output: 1024
        price: {{input: "{price}", output: "{price}"}}
"""
