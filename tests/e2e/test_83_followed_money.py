"""A request followed by its money: what explain expects, what the header says, what the ledger keeps, what the CSV and the
bill show. For each shape of a price that a provider has: the figures of PROVIDERS.md with their source and date, worked out
here in rational arithmetic of another make. Where two of them differed, nobody could say what a request cost."""
import csv
import io
import json
from fractions import Fraction

import pytest

from conftest import Proviso, chat, replace, reply
from proxy_rig import DONE, chunk, sse

MILLION = 10 ** 6
PRICED = {"input": "prompt", "cached_input": "cached", "cache_write": "written", "cache_write_1h": "hour", "output": "plain",
          "reasoning": "thought"}


def usage(prompt, completion, cached=0, written=0, reasoning=0, beside=False, **more):
    """OpenAI's names; beside: reasoning is counted apart, as xAI does."""
    return {"prompt_tokens": prompt, "completion_tokens": completion,
            "total_tokens": prompt + completion + (reasoning if beside else 0),
            "prompt_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
            "completion_tokens_details": {"reasoning_tokens": reasoning}, **more}


SHAPES = {
    # models.dev f3fc6922, 2026-07-02: gpt-4o-mini .15 / .075 / .60
    "cached input": dict(price={"input": "0.15", "cached_input": "0.075", "output": "0.60"}, usage=usage(1000, 100, cached=600),
                         costs=(400 * Fraction("0.15") + 600 * Fraction("0.075") + 100 * Fraction("0.60")) / MILLION,
                         parts="input=400@0.15 cached_input=600@0.075 output=100@0.6"),
    # gh:theopenco/llmgateway#4128, 2026-09-18: gpt-5.6-sol 4 / .4 / 20, w=5 from 2026-08-21; 5 / .5 / 30 before
    "dates, cache write": dict(
        price=[{"input": "5", "cached_input": "0.5", "cache_write": "6.25", "output": "30", "until": "2026-08-20"},
               {"input": "4", "cached_input": "0.4", "cache_write": "5", "output": "20", "from": "2026-08-21"}],
        usage=usage(1000, 50, cached=200, written=100),
        costs=(700 * 4 + 200 * Fraction("0.4") + 100 * 5 + 50 * 20) / MILLION,
        parts="input=700@4 cached_input=200@0.4 cache_write=100@5 output=50@20"),
    # the same: above 272,000 prompt tokens all of it 8 / .8 / 30
    "a long prompt": dict(
        price={"input": "4", "cached_input": "0.4", "output": "20",
               "context": [{"above": 272000, "input": "8", "cached_input": "0.8", "output": "30"}]},
        usage=usage(272001, 1000, cached=200000), costs=(72001 * 8 + 200000 * Fraction("0.8") + 1000 * 30) / MILLION,
        parts="input=72001@8 cached_input=200000@0.8 output=1000@30 above=272000"),
    # the same tier is not reached by 272,000
    "a prompt just short": dict(
        price={"input": "4", "cached_input": "0.4", "output": "20",
               "context": [{"above": 272000, "input": "8", "cached_input": "0.8", "output": "30"}]},
        usage=usage(272000, 1000), costs=Fraction(272000 * 4 + 1000 * 20, MILLION), parts="input=272000@4 output=1000@20"),
    # docs.x.ai, 2026: grok-4.7 2 / .5 / 6, from 200,000 tokens on 4 / 1 / 12 for all; reasoning beside completion
    "a tier at its threshold": dict(
        price={"input": "2", "cached_input": "0.5", "output": "6",
               "context": [{"at_least": 200000, "input": "4", "cached_input": "1", "output": "12"}]},
        provider={"usage": {"completion": "excludes_reasoning"}}, usage=usage(200000, 26, reasoning=196, beside=True),
        costs=Fraction(200000 * 4 + (26 + 196) * 12, MILLION), parts="input=200000@4 output=26@12 reasoning=196@12 above=199999"),
    # OpenAI pricing, 2026-11: flex half
    "flex": dict(price={"input": "2", "output": "10", "service": {"flex": "0.5"}}, usage=usage(1000, 100), tier="flex",
                 costs=Fraction(1000 * 2 + 100 * 10, MILLION) / 2, parts="input=1000@1 output=100@5 service=flex"),
    # platform.claude.com, autumn 2026: Opus 5.5 4 / 20, fast 8 / 40
    "a tier with prices of its own": dict(
        price={"input": "4", "output": "20", "service": {"priority": {"input": "8", "output": "40"}}}, usage=usage(1000, 100),
        tier="priority", costs=Fraction(1000 * 8 + 100 * 40, MILLION), parts="input=1000@8 output=100@40 service=priority"),
    # gh:theopenco/llmgateway#4128, 2026-09-18: gpt-5.6-sol on Bedrock in a region, 10 per cent more
    "a region": dict(price={"input": "4", "cached_input": "0.4", "output": "20", "regions": {"eu": "1.1"}},
                     provider={"region": "eu"}, usage=usage(1000, 100, cached=500),
                     costs=(500 * 4 + 500 * Fraction("0.4") + 100 * 20) / MILLION * Fraction("1.1"),
                     parts="input=500@4.4 cached_input=500@0.44 output=100@22 region=eu"),
    # api-docs.deepseek.com/quick_start/pricing, 2026-10-27: off peak .003 / .15 / .60, at peak twice that
    "a time of day": dict(price={"input": "0.15", "cached_input": "0.003", "output": "0.60",
                                 "windows": [{"from": "00:00", "until": "24:00", "factor": "2"}]},
                          usage=usage(1000, 100, cached=400),
                          costs=2 * (600 * Fraction("0.15") + 400 * Fraction("0.003") + 100 * Fraction("0.60")) / MILLION,
                          parts="input=600@0.3 cached_input=400@0.006 output=100@1.2 window=00:00"),
    # models.dev, 2026-07-02: qwen-plus .4 / 1.2, thinking 4
    "reasoning": dict(price={"input": "0.4", "output": "1.2", "reasoning": "4"}, usage=usage(1000, 500, reasoning=400),
                      costs=(1000 * Fraction("0.4") + 100 * Fraction("1.2") + 400 * 4) / MILLION,
                      parts="input=1000@0.4 output=100@1.2 reasoning=400@4"),
    # Perplexity docs, 2026: sonar 1 / 1, and 5, 8 or 12 USD for 1,000 requests by the size of the search context
    "a fee for a request": dict(
        price={"input": "1", "output": "1", "per_request": "0.005",
               "search_context": {"low": "0.005", "medium": "0.008", "high": "0.012"}},
        usage=usage(100, 100, search_context_size="medium"), costs=Fraction(200, MILLION) + Fraction("0.008"),
        parts="input=100@1 output=100@1 request=1@0.008"),
    # OpenRouter docs, 2026-11: 5.5 per cent when credits are bought; a price that is no whole 10^-12 USD a token then
    "a percentage": dict(price={"input": "0.0375", "output": "0.15", "fee_percent": "5.5"}, usage=usage(7, 3),
                         costs=(7 * Fraction("0.0375") + 3 * Fraction("0.15")) / MILLION * Fraction("1.055"),
                         parts="input=7@0.0375 output=3@0.15 fee=5.5"),
    # the same, where usage.cost says what it sold for: a tenth more than the price
    "what is reported": dict(price={"input": "1", "output": "2", "fee_percent": "5.5"}, usage=usage(1000, 100, cost=0.00132),
                             costs=Fraction("0.00132") * Fraction("1.055"), source="reported",
                             computed=Fraction(1200, MILLION) * Fraction("1.055"), parts="input=1000@1 output=100@2 fee=5.5"),
}


def rounded(exact):
    """Half up at 10^-12 USD, as the ledger keeps it."""
    return Fraction((exact * 10 ** 12 * 2 + 1) // 2, 10 ** 12)


def from_parts(text):
    """The cost that a bill's parts come to."""
    words = dict(word.split("=") for word in text.split())
    parts = {name: [Fraction(x) for x in value.split("@")] for name, value in words.items() if "@" in value}
    total = sum(quantity * price / (1 if name == "request" else MILLION) for name, (quantity, price) in parts.items())
    return total * (1 + Fraction(words.get("fee", "0")) / 100)


def expected_of(price, region_factor, tokens_in, tokens_out):
    """Plain tokens of a short prompt at this moment, by the config."""
    price = price[-1] if isinstance(price, list) else price
    factor = Fraction(price["windows"][0]["factor"]) if "windows" in price else 1
    tokens = (tokens_in * Fraction(price["input"]) + tokens_out * Fraction(price["output"])) / MILLION * factor * region_factor
    return (tokens + Fraction(price.get("per_request", "0"))) * (1 + Fraction(price.get("fee_percent", "0")) / 100)


@pytest.fixture
def follow(start, scripted, tmp_path):
    """A proxy before a provider that answers with the shape at hand; follow(shape) reloads it with that price."""
    now = {}

    def answer(head, body, number):
        extra = {"service_tier": now["tier"]} if "tier" in now else {}
        if json.loads(body).get("stream"):
            last = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "m", "choices": [], **extra}
            return sse(chunk({"role": "assistant", "content": "hi"}), chunk(finish="stop"),
                       b"data: " + json.dumps(last | {"usage": now["usage"]}).encode() + b"\n\n", DONE)
        return reply(chat(usage=now["usage"], **extra))

    proxy = start({"a": scripted(answer).url}, ledger={"path": "proxy.db"})

    def reload(shape):
        now.clear()
        now.update(shape)
        config = json.loads(proxy.config_path.read_text())
        provider = config["providers"]["a"]
        for name in ("usage", "region"):
            provider.pop(name, None)
        provider |= shape.get("provider", {})
        provider["models"]["m"]["price"] = shape["price"]
        before = proxy.log_path.read_text().count("proxy.reloaded")
        replace(proxy.config_path, json.dumps(config))
        while proxy.log_path.read_text().count("proxy.reloaded") == before:
            proxy.get("/livez")

    proxy.reload_with = reload
    return proxy


def test_a_request_is_followed_from_explain_to_the_bill(follow, tmp_path):
    desk, total = Proviso(tmp_path), Fraction(0)
    body = {"model": "coder", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 2000}
    for number, (name, shape) in enumerate(SHAPES.items()):
        follow.reload_with(shape)
        # Expected, offline and at the proxy: the same figures, and the config's price times the tokens that they name.
        done = desk("explain", stdin=json.dumps(body))
        [said] = json.loads(done.out, parse_float=Fraction)["candidates"]
        [asked] = json.loads(follow.send("POST", "/v1/proviso/explain", body).body, parse_float=Fraction)["candidates"]
        for field in ("expected_cost_usd", "expected_input_tokens", "expected_output_tokens", "bound_usd", "price_version"):
            assert said[field] == asked[field], (name, field)
        region = Fraction("1.1") if "region" in shape.get("provider", {}) else 1
        assert said["expected_cost_usd"] == rounded(expected_of(shape["price"], region, said["expected_input_tokens"],
                                                                said["expected_output_tokens"])), name
        # Real: the header, the last chunk of a stream, the row, by hand.
        wanted, plain = rounded(shape["costs"]), follow.chat(max_tokens=2000)
        assert plain.status == 200, (name, plain)
        assert Fraction(plain.headers["x-proviso-cost-usd"]) == wanted, name
        stream = follow.stream(max_tokens=2000, stream_options={"include_usage": True})
        assert stream.events[-1:] == ["[DONE]"], (name, stream)
        last = json.loads(stream.events[-2], parse_float=Fraction)["usage"]
        if "source" not in shape:  # what a provider tells itself is passed as it is
            assert last["cost"] == wanted, name
        rows = list(csv.DictReader(io.StringIO(desk("usage", "--format", "csv").out)))[2 * number:]
        assert [row["request_id"] for row in rows] == [a.headers["x-proviso-request-id"] for a in (plain, stream)], name
        for row in rows:
            assert Fraction(row["cost_usd"]) == wanted, name
            assert row["cost_source"] == shape.get("source", "computed"), name
            assert Fraction(row["expected_cost_usd"]) == said["expected_cost_usd"], name
            assert row["price_version"] == said["price_version"], name
            computed = rounded(shape.get("computed", shape["costs"]))
            assert row["cost_parts"] == shape["parts"] and rounded(from_parts(row["cost_parts"])) == computed, name
            assert Fraction(row["computed_cost_usd"]) == computed, name
            assert row["cost_difference_usd"] == ("" if "source" not in shape else "0.0001266"), name
            total += wanted
    # The sums, as JSON: to the last digit.
    said = json.loads(desk("usage", "--by", "target", "--format", "json").out, parse_float=Fraction)
    assert said["total"]["cost_usd"] == total == sum(group["cost_usd"] for group in said["groups"])
