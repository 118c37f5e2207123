"""The FOCUS export: rules of version 1.2, each with a row that breaks it; and money to the last digit. A FinOps tool that
refuses the file, or a bill that is not the sum of the ledger, is what failed here."""
import csv
import io
import json
import random
import re
import sqlite3
from fractions import Fraction

import pytest

import focus_rules
from conftest import RUN_LIMIT_S, chat, reply
from proxy_rig import DONE, chunk, config_of, sse, usage_chunk

PICO = 10 ** 12
CONFIG = """version: 1
providers: {lab: {base_url: http://127.0.0.1:1/v1, models: {small: {}}}}
keys: {store: k.db}
ledger: {path: k.db}
"""
BASE = {"attempt": 1, "started_at": 1767225600000, "outcome": "ok", "target": "openai/gpt-4o", "cost_source": "computed"}
NAMES = ["request_id", "attempt", "started_at", "outcome", "target", "team", "workflow", "task", "key_id", "prompt_tokens",
         "completion_tokens", "cost_usd", "cost_source", "cost_parts"]


@pytest.fixture
def desk(proviso):
    (proviso.cwd / "proviso.yaml").write_text(CONFIG)
    assert proviso("key", "create", "--name", "x").code == 0
    return proviso


def fill(desk, rows):
    db = sqlite3.connect(desk.cwd / "k.db")
    full = [dict.fromkeys(NAMES) | BASE | {"request_id": f"r{number}"} | row for number, row in enumerate(rows)]
    db.executemany(f"INSERT INTO attempts({','.join(NAMES)}) VALUES({','.join('?' * len(NAMES))})",
                   [[row[name] for name in NAMES] for row in full])
    db.commit()
    db.close()


def export(desk, *arguments):
    done = desk("usage", "--format", "focus", *arguments)
    assert done.code == 0, done
    reader = csv.reader(io.StringIO(done.out, newline=""))
    header = next(reader)
    return header, [dict(zip(header, row, strict=True)) for row in reader], done


EVERY_SHAPE = [
    {"cost_usd": 4380000000, "team": "=ops", "workflow": "nightly", "task": "review", "key_id": "k1", "prompt_tokens": 1000,
     "completion_tokens": 50, "cost_parts": "input=700@4 cached_input=200@0.4 cache_write=100@5 output=50@20"},
    {"cost_usd": 4380000000, "team": "=ops", "workflow": "nightly", "task": "review", "key_id": "k1", "prompt_tokens": 1000,
     "completion_tokens": 50, "cost_parts": "input=700@4 cached_input=200@0.4 cache_write=100@5 output=50@20"},
    {"cost_usd": 876008000000, "target": "openrouter/openai/gpt-5.6-sol", "started_at": 1798675200000,
     "cost_parts": "input=2001@8 cached_input=200000@0.8 cache_write=70000@10 above=272000"},
    {"cost_usd": 1650000, "target": "anthropic/claude", "cost_parts": "input=1@1.1 output=1@0.55 service=batch region=us"},
    {"cost_usd": 5486000000, "target": "perplexity/sonar",
     "cost_parts": "input=100@1 output=100@1 request=1@0.005 window=01:00 fee=5.5"},
    {"cost_usd": 1392600, "cost_source": "reported", "cost_parts": "input=1@1 reasoning=1@0.2 cache_write_1h=0@4 fee=5.5"},
    {"cost_usd": 7, "cost_source": "reported", "prompt_tokens": 10, "completion_tokens": 5, "target": "lab/small"},
    {"cost_usd": 9, "cost_source": "estimated", "target": "lab/small"},
    {"cost_usd": 0, "cost_parts": "input=10@0 output=2@0", "target": "lab/small"},
    {"cost_usd": 0, "cost_parts": "input=0@1", "target": "lab/small"},
    # A price of nothing, and who answers wants money all the same: a charge for what was used.
    {"cost_usd": 3, "cost_source": "reported", "cost_parts": "input=0@0 output=5@0", "target": "lab/free"},
    {"cost_usd": None, "prompt_tokens": 10, "completion_tokens": 2, "target": "lab/small"},
    {"cost_usd": None, "target": "lab/small", "outcome": "error"},
    {"cost_usd": None, "target": None, "outcome": "refused"},
]


def test_every_shape_of_a_price_obeys_the_rules(desk):
    fill(desk, EVERY_SHAPE)
    header, rows, done = export(desk, "--metadata", "focus-metadata.json")
    assert focus_rules.check(header, rows) == []
    assert "1 attempts used tokens at an unknown cost" in done.err
    by = {(row["SkuPriceId"], row["SubAccountId"]): row for row in rows}
    row = by["openai/gpt-4o/input_cached/default", "=ops"]
    assert {name: row[name] for name in ("BilledCost", "ListCost", "PricingQuantity", "PricingUnit", "ListUnitPrice", "SkuMeter",
                                         "ProviderName", "PublisherName", "ServiceName", "ChargeDescription", "x_CachedTokens",
                                         "x_InputTokens", "x_AttemptCount")} == {
        "BilledCost": "0.00016", "ListCost": "0.00016", "PricingQuantity": "400.0", "PricingUnit": "Tokens",
        "ListUnitPrice": "0.0000004", "SkuMeter": "Input tokens, cached", "ProviderName": "OpenAI", "PublisherName": "OpenAI",
        "ServiceName": "OpenAI API", "ChargeDescription": "gpt-4o cached input tokens", "x_CachedTokens": "400",
        "x_InputTokens": "400", "x_AttemptCount": "0"}
    assert by["openai/gpt-4o/input/default", "=ops"]["x_AttemptCount"] == "2"
    row = by["openrouter/openai/gpt-5.6-sol/input/default/above-272000", ""]
    assert (row["PublisherName"], row["ProviderName"], row["ChargePeriodStart"], row["BillingPeriodEnd"]) == (
        "OpenAI", "OpenRouter", "2026-12-31T00:00:00Z", "2027-01-01T00:00:00Z")
    assert json.loads(row["SkuPriceDetails"]) == {"x_PromptTokensAbove": "272000"}
    assert by["anthropic/claude/output/batch/region-us", ""]["RegionId"] == "us"
    # A fee for a request by the piece, and a percentage that is agreed with whoever sells, on top of the list.
    row = by["perplexity/sonar/request/default/window-01:00", ""]
    assert (row["PricingUnit"], row["PricingQuantity"], row["ListUnitPrice"], row["ContractedUnitPrice"], row["BilledCost"]) == (
        "Requests", "1.0", "0.005", "0.005275", "0.005275")
    # What the provider told goes over its parts as the price has them; the price is what was contracted.
    told = [by[f"openai/gpt-4o/{meter}/default", ""] for meter in ("input", "output_reasoning")]
    assert [(row["BilledCost"], row["ContractedCost"], row["ListCost"]) for row in told] == [
        ("0.0000011605", "0.000001055", "0.000001"), ("0.0000002321", "0.000000211", "0.0000002")]
    # Without any price: by the dollar; an estimate is said to be one.
    row = by["lab/small/told/default", ""]
    assert (row["BilledCost"], row["PricingQuantity"], row["ListUnitPrice"], row["PricingUnit"], row["PricingCategory"],
            row["ConsumedQuantity"], row["x_EstimatedCount"], row["x_InputTokens"]) == (
        "0.000000000016", "0.000000000016", "1.0", "USD", "Other", "2.0", "1", "10")
    assert [row["BilledCost"] for row in rows if row["SkuId"] == "lab/free"] == ["0.000000000003"]
    # A price of nothing is known, and is 0.
    assert by["lab/small/output/default", ""]["BilledCost"] == "0.0"
    metadata = json.loads((desk.cwd / "focus-metadata.json").read_text())
    assert metadata["Schema"]["FocusVersion"] == "1.2" and metadata["DataGenerator"]["DataGenerator"] == "Proviso"
    defined = {column["ColumnName"]: column for column in metadata["Schema"]["ColumnDefinition"]}
    assert list(defined) == header
    for name in focus_rules.DECIMALS:
        scale = defined[name]["NumberScale"]
        assert defined[name]["DataType"] == "DECIMAL" and defined[name]["NumericPrecision"] >= scale
        assert all(len(row[name].partition(".")[2]) <= max(scale, 1) for row in rows), name
    assert all(defined[name]["DataType"] == "DATETIME" for name in focus_rules.MOMENTS)
    # The specification: Tags are JSON, and beside them stand the prefixes of tags that are not the user's.
    assert defined["Tags"] == {"ColumnName": "Tags", "DataType": "JSON", "ProviderTagPrefixes": []}


def told(prompt, completion, **more):
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion, **more}


def test_what_the_proxy_wrote_obeys_the_rules(start, scripted, tmp_path, proviso):
    """Streamed, of cached tokens, told by the provider, hedged, failed and refused: as they come about, not as a test writes them."""
    def cheap(head, body, number):
        words = json.loads(body)["messages"][0]["content"]
        if words == "fail":
            return reply({"error": {"message": "no"}}, "500 Internal Server Error")
        if words == "slow":
            return lambda connection: connection.recv(1)
        if json.loads(body).get("stream"):
            return sse(chunk({"role": "assistant", "content": "well"}), chunk(finish="stop"), usage_chunk(1000, 20), DONE)
        more = {"cost": 0.0123} if words == "told" else {"prompt_tokens_details": {"cached_tokens": 600}}
        return reply(chat("well", usage=told(1000, 20, **more)))

    def other(head, body, number):
        return reply(chat("well", usage=told(10, 2)))

    urls = {"a": scripted(cheap).url, "b": scripted(other).url}
    providers = config_of(urls)["providers"]
    providers["a"]["models"]["m"]["price"] = {"input": "0.15", "cached_input": "0.075", "output": "0.60"}
    del providers["b"]["models"]["m"]["price"]
    proxy = start(urls, ledger={"path": "proxy.db"}, providers=providers, tasks=[
        {"name": "review", "match": {"header": {"x-kind": "review"}}}], routes={"coder": {
            "targets": ["a/m", "b/m"], "strategy": "ordered", "hedge": {"after": "30s", "share": 1}},
            "eager": {"targets": ["a/m", "b/m"], "strategy": "ordered", "hedge": {"after": "30ms", "share": 1}}})
    for stream in (False, True):
        assert proxy.chat("plain", {"x-kind": "review"}, stream=stream).status == 200
    for words in ("told", "fail"):
        assert proxy.chat(words).status == 200
    assert proxy.chat("slow", model="eager").headers["x-proviso-target"] == "b/m"
    assert proxy.chat("none", model="nobody").status == 404
    while proxy.metric("open_requests") > 0:
        pass
    header, rows, done = export(proviso)
    assert focus_rules.check(header, rows) == []
    ledger = list(csv.DictReader(io.StringIO(proviso("usage", "--format", "csv").out)))
    assert {"ok", "error", "client_gone"} <= {row["outcome"] for row in ledger}, ledger
    assert sum(Fraction(row["BilledCost"]) for row in rows) == sum(Fraction(row["cost_usd"] or 0) for row in ledger)
    assert {row["SkuMeter"] for row in rows} == {"Input tokens", "Input tokens, cached", "Output tokens"}
    assert {row["Tags"] for row in rows} == {"{}", '{"task":"review"}'}
    assert sum(int(row["x_EstimatedCount"]) for row in rows) == 1, "the one that lost the race"
    assert "2 attempts used tokens at an unknown cost" in done.err


def test_charges_are_the_ledger_to_the_last_digit(desk):
    """Also where a cost was rounded, told by the provider, or of prices that no whole 10^-12 USD a token is."""
    dice, rows = random.Random(11), []
    for _ in range(3000):
        parts = " ".join(f"{meter}={dice.randrange(1, 9999)}@{dice.choice(['0.0375', '3', '0.123456789012', '1000'])}"
                         for meter in ("input", "cached_input", "output", "reasoning") if dice.random() < 0.7)
        parts += dice.choice(["", " request=1@0.005"]) + dice.choice(["", " fee=5.5", " service=flex"])
        rows.append({"cost_usd": dice.choice([0, 1, dice.randrange(10 ** 6), dice.randrange(10 ** 13), 2 ** 62]),
                     "team": dice.choice(["a", "b", None]), "target": dice.choice(["x/m", "y/m/n"]),
                     "started_at": 1767225600000 + dice.randrange(3 * 86400000), "cost_parts": parts.strip() or None})
    fill(desk, rows)
    header, charges, _ = export(desk)
    assert focus_rules.check(header, charges) == []
    for team in ("a", "b", None):
        assert sum(Fraction(row["BilledCost"]) for row in charges if row["SubAccountId"] == (team or "")) == Fraction(
            sum(row["cost_usd"] for row in rows if row["team"] == team), PICO)
    assert sum(int(row["x_AttemptCount"]) for row in charges) == sum(
        row["cost_usd"] > 0 or "=" in (row["cost_parts"] or "=") for row in rows)
    keys = [(row["ChargePeriodStart"], row["SkuId"], row["SubAccountId"]) for row in charges]
    assert [key[0] for key in keys] == sorted(key[0] for key in keys)


def test_parts_that_are_none_and_texts_of_no_size_are_no_crash(desk):
    """The database is a file like any other."""
    fill(desk, [{"cost_usd": 5, "cost_parts": parts} for parts in
                ("", "x", "input=", "input=1", "input=1@1 input=1@1 input=1@1 input=1@1 input=1@1 input=1@1 input=1@1 input=1@1",
                 "input=9223372036854775807@99999999999999999999999999999999999999", "input=1@1 fee=99999999999999999999",
                 "output=99999999999999999999@1", "service=flex")])
    header, rows, _ = export(desk)
    assert sum(Fraction(row["BilledCost"]) for row in rows) == Fraction(45, PICO)
    fill(desk, [{"request_id": "long", "cost_usd": 1, "team": "t" * 200000}])
    for arguments in (("--format", "focus"), ("--by", "team")):
        done = desk("usage", *arguments)
        assert done.code == 2 and "longer than it writes any" in done.err, done


BREAKS = {
    "BilledCost is not null": {"BilledCost": ""}, "PricingUnit is not null": {"PricingUnit": ""},
    "SkuPriceId is not null": {"SkuPriceId": ""}, "ListUnitPrice is not null": {"ListUnitPrice": ""},
    "BillingAccountId: null is nothing, and no word for it": {"BillingAccountId": "N/A"},
    "ChargeDescription: null is nothing, and no word for it": {"ChargeDescription": " x"},
    "BilledCost is a decimal": {"BilledCost": "1,000.0"}, "ListCost is a decimal": {"ListCost": "+1.0"},
    "EffectiveCost is a decimal": {"EffectiveCost": "35.2E+7"}, "PricingQuantity is a decimal": {"PricingQuantity": "1 000"},
    "ChargePeriodStart is a moment in UTC": {"ChargePeriodStart": "2026-01-01"},
    "BillingPeriodEnd is a moment in UTC": {"BillingPeriodEnd": "2026-02-01T00:00:00+00:00"},
    "PricingUnit is a unit": {"PricingUnit": "tokens"}, "ConsumedUnit is a unit": {"ConsumedUnit": "0 Tokens"},
    "ChargeCategory has one of its values": {"ChargeCategory": "usage"}, "ChargeClass has one of its values": {"ChargeClass": "Usage"},
    "PricingCategory has one of its values": {"PricingCategory": "On-Demand"},
    "ServiceCategory has one of its values": {"ServiceCategory": "AI"}, "ListUnitPrice is not negative": {"ListUnitPrice": "-1.0"},
    "BillingCurrency is a code of ISO 4217": {"BillingCurrency": "$"},
    "a charge lies within its billing period, ends excluded": {"ChargePeriodEnd": "2026-01-01T00:00:00Z"},
    "ConsumedQuantity of usage is positive": {"ConsumedQuantity": "0.0"},
    "ListCost is ListUnitPrice times PricingQuantity": {"ListCost": "0.0028000001"},
    "ContractedCost is ContractedUnitPrice times PricingQuantity": {"ContractedUnitPrice": "0.000005"},
    "SubAccountId and SubAccountName are both null or neither": {"SubAccountName": ""},
    "RegionId and RegionName are both null or neither": {"RegionId": "eu"},
    "Tags are one flat object": {"Tags": '{"a":{"b":1}}'}, "SkuPriceDetails are one flat object": {"SkuPriceDetails": "x=1"},
    "SkuPriceDetails: own keys begin with x_": {"SkuPriceDetails": '{"Region":"us"}'},
    "a SkuPriceId has one SkuId": {"SkuId": "another/model"}, "a SkuPriceId has one SkuMeter": {"SkuMeter": "Output tokens"},
    "all charges of a SkuPriceId share its SkuPriceDetails": {"SkuPriceDetails": '{"x_ServiceTier":"flex"}'},
}


def test_each_rule_notices_what_breaks_it(desk):
    """Else a rule that holds of everything would pass for one that was checked."""
    fill(desk, EVERY_SHAPE[:1] + [EVERY_SHAPE[1] | {"team": "other"}])
    header, rows, _ = export(desk)
    assert focus_rules.check(header, rows) == []
    at = next(i for i, row in enumerate(rows) if row["SkuMeter"] == "Input tokens")
    for rule, change in BREAKS.items():
        broken = focus_rules.check(header, rows[:at] + [rows[at] | change] + rows[at + 1:])
        assert rule in broken, (rule, broken)
    for name in focus_rules.MANDATORY + focus_rules.CONDITIONAL:
        assert focus_rules.check([other for other in header if other != name], rows) == [f"{name} is present"]
    for changed, rule in ((["Extra"] + header, "Extra is a column of the specification, or begins with x_"),
                          (header + ["x_lower"], "x_lower is in Pascal case"), (header + header[-1:], "no column stands twice"),
                          (header[-1:] + header[:-1], "own columns stand last")):
        assert focus_rules.check(changed, rows) == [rule]


def test_metadata_goes_with_focus_only_and_tells_where_it_can_not_be_written(desk):
    done = desk("usage", "--metadata", "m.json")
    assert done.code == 2 and "goes with --format focus only" in done.err
    done = desk("usage", "--format", "focus", "--metadata", "nowhere/m.json")
    assert done.code != 0 and "nowhere/m.json" in done.err and done.out == ""
    once, again = (desk("usage", "--format", "focus", "--metadata", name) for name in ("a.json", "b.json"))
    assert once.code == again.code == 0
    assert (desk.cwd / "a.json").read_bytes() == (desk.cwd / "b.json").read_bytes(), "a schema's id is of its columns only"
    assert re.fullmatch(r"proviso-[0-9a-f]{16}", json.loads((desk.cwd / "a.json").read_text())["Schema"]["SchemaId"])
