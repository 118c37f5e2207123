"""forecast: what a log costs under each policy; money checked against rational arithmetic, rows that
can't be read refused at their place, and the router asked one by one beside it."""
import csv
import datetime
import html.parser
import io
import json
import os
import random
import subprocess
import sys
from decimal import Decimal
from fractions import Fraction

import pytest

from conftest import PROVISO, ROOT, SHARED
from routing import chat_body, desk, failing, proven, tool  # noqa: F401 (fixtures)

AZURE = SHARED / "corpora/llm-traces/AzureLLMInferenceTrace_code.csv"
PICO = 10**12

PRICED = """version: 1
providers:
  big:
    base_url: http://127.0.0.1:1/v1
    models:
      premium: {context: 200000, price: {input: "5", cached_input: "0.5", output: "30"}}
      tiered: {context: 200000, price: {input: "2", output: "12", context: [{above: 4000, input: "4", output: "18"}]}}
      odd: {price: {input: "0.0000007", output: "0.0000011", fee_percent: "5.5", per_request: "0.0001"}}
      unpriced: {}
  night:
    base_url: http://127.0.0.1:2/v1
    models:
      m: {price: {input: "1", output: "2", windows: [{days: mon-fri, from: "08:00", until: "20:00", factor: "2"}]}}
"""


def forecast(proviso, *more, code=3, stdin=None):
    done = proviso("forecast", "--format", "json", *more, stdin=stdin)
    assert done.code == code, done
    said = json.loads(done.out, parse_float=Fraction, parse_int=int)
    said["policy"] = {p["policy"]: p for p in said["policies"]}
    said["err"] = done.err
    return said


def pico(usd):
    """USD of the report as a whole number of 10^-12."""
    value = Fraction(usd) * PICO
    assert value.denominator == 1
    return int(value)


def half_up(value):
    return int((value * 2 + 1) // 2)


def write(proviso, text, name="log.csv"):
    path = proviso.cwd / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return name


def config(proviso, text=PRICED, name="proviso.yaml"):
    (proviso.cwd / name).write_text(text)
    return name


# --- money ---------------------------------------------------------------------------------------


def price(model, row, at):
    tokens, cached, out = row["input_tokens"], row["cached_tokens"], row["output_tokens"]
    if model == "big/premium":
        return (tokens - cached) * Fraction(5) + cached * Fraction("0.5") + out * Fraction(30)
    if model == "big/tiered":
        rates = (4, 18) if tokens > 4000 else (2, 12)
        return Fraction(tokens * rates[0] + out * rates[1])
    if model == "big/odd":
        sum_ = tokens * Fraction("0.0000007") + out * Fraction("0.0000011") + 100  # a fee a request, in 10^-6 USD
        return sum_ * Fraction("1.055")
    assert model == "night/m"
    peak = at.weekday() < 5 and 8 <= at.hour < 20
    return Fraction(tokens + 2 * out) * (2 if peak else 1)


def test_the_sum_of_rows_is_the_total_to_the_last_digit(proviso):
    """If this failed, the forecast and the bill that follows would differ."""
    config(proviso)
    dice = random.Random(7)
    rows = []
    at = datetime.datetime(2026, 10, 5, 6, 30)
    for _ in range(3000):
        at += datetime.timedelta(seconds=dice.randrange(1, 900))
        tokens = dice.choice([dice.randrange(0, 9000), 4000, 4001, 3999, 0])
        rows.append({"timestamp": at.isoformat() + "Z", "input_tokens": tokens, "at": at,
                     "output_tokens": dice.randrange(0, 3000), "cached_tokens": dice.randrange(0, tokens + 1)})
    out = io.StringIO()
    writer = csv.DictWriter(out, ["timestamp", "input_tokens", "output_tokens", "cached_tokens"], extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    write(proviso, out.getvalue())
    said = forecast(proviso, "log.csv", "--at", "log", "--baseline", "big/premium")
    sums = {}
    for model in ("big/premium", "big/tiered", "big/odd", "night/m"):
        # Rounded once a row, half up, to 10^-12 USD; prices are 10^-6 USD a token here.
        sums[model] = sum(half_up(price(model, row, row["at"]) * 10**6) for row in rows)
        policy = said["policy"][model]
        assert pico(policy["cost_usd"]) == sums[model], model
        assert policy["requests"] == policy["served"] == 3000 and policy["unpriced"] == 0
        span = (rows[-1]["at"] - rows[0]["at"]) // datetime.timedelta(milliseconds=1)
        for days, name in ((1, "cost_per_day_usd"), (30, "cost_per_30_days_usd")):
            assert pico(policy[name]) == half_up(Fraction(sums[model] * days * 86400000, span)), model
        spend = next(p for p in said["spend"]["policies"] if p["policy"] == model)
        assert sum(map(pico, spend["usd"])) == sums[model]
    saving = said["policy"]["night/m"]
    assert pico(saving["saving_usd"]) == sums["big/premium"] - sums["night/m"]
    assert abs(saving["saving_share"] - Fraction(sums["big/premium"] - sums["night/m"], sums["big/premium"])) < 1e-6
    # Unknown is empty, never 0.
    unpriced = said["policy"]["big/unpriced"]
    assert unpriced["unpriced"] == 3000 and unpriced["cost_usd"] is None and unpriced["cost_per_day_usd"] is None
    assert said["policy"]["big/premium"]["saving_usd"] is None
    table = csv.DictReader(io.StringIO(proviso("forecast", "log.csv", "--at", "log", "--format", "csv").out))
    cells = {row["policy"]: row for row in table}
    assert pico(Decimal(cells["big/odd"]["cost_usd"])) == sums["big/odd"]
    assert cells["big/unpriced"]["cost_usd"] == "" and cells["big/unpriced"]["unpriced"] == "3000"


def test_a_log_of_last_year_comes_again_in_the_week_that_is_asked_for(proviso):
    """Prices have dates: what was logged before them is not unknown, and nights stay nights."""
    config(proviso, """version: 1
providers:
  a:
    base_url: http://127.0.0.1:1/v1
    models:
      m: {price: [{input: "1", output: "0", from: 2026-01-01, until: 2026-06-30},
                  {input: "4", output: "0", from: 2026-07-01, windows: [{from: "22:00", until: "06:00", factor: "0.5"}]}]}
""")
    write(proviso, "timestamp,input_tokens,output_tokens\n"
                   "2023-11-15 21:59:59,1000000,0\n2023-11-15 22:00:00,1000000,0\n")
    for at, cost in (("log", None), ("2026-03-01", 2), ("2026-07-01", 6), ("2026-06-25T00:00:00Z", None)):
        policy = forecast(proviso, "log.csv", "--at", at)["policy"]["a/m"]
        if at.startswith("2026-06"):  # within seven days of it: a Wednesday, 1 July
            cost = 6
        assert policy["cost_usd"] == cost, at
        assert policy["unpriced"] == (2 if cost is None else 0)


# --- decisions -----------------------------------------------------------------------------------------


def test_routes_send_each_request_where_explain_would(desk):  # noqa: F811
    named = "chat stream tools tool_choice.named"
    rows = [("", "chat", 400), ("", named, 400), ("coder", "chat stream", 9), ("bad/sim-small", "chat", 5),
            ("nobody", "chat", 5)]
    write(desk.proviso, "timestamp,input_tokens,output_tokens,model,features\n" +
          "".join(f"2026-10-05T0{i}:00:00Z,{tokens},100,{model},{features}\n"
                  for i, (model, features, tokens) in enumerate(rows)))
    desk.configure("", {"targets: [good/sim-small, bad/sim-small]":
                        "targets: [good/sim-small, bad/sim-small], strategy: cheapest"})
    said = forecast(desk.proviso, "log.csv", "--baseline", "good/sim-small", code=1)
    routes = said["policy"]["routes"]
    tools = chat_body(stream=True, tools=[tool()], tool_choice={"type": "function", "function": {"name": "f"}})
    firsts = [desk.explain(body)["candidates"][0]["target"] for body in (chat_body(), tools, chat_body(stream=True))]
    expected = {name: (firsts + ["bad/sim-small"]).count(name) for name in ("good/sim-small", "bad/sim-small")}
    assert expected == {"good/sim-small": 1, "bad/sim-small": 3}
    assert {t["target"]: t["requests"] for t in routes["targets"]} == expected
    # Half a dollar and one at bad, a dollar and two at good: in millionths.
    assert pico(routes["cost_usd"]) == ((400 + 9 + 5) * 500000 + 300 * 1000000) + 400 * 1000000 + 100 * 2000000
    assert (routes["served"], routes["unproven"], routes["unknown_route"]) == (4, 1, 1)
    assert routes["compared"] == 4
    assert routes["quality"] is not None and routes["quality_requests"] == 4
    assert said["policy"]["bad/sim-small"]["unproven"] == 1
    assert said["policy"]["good/sim-small"]["unproven"] == 0
    assert pico(said["policy"]["cheapest proven"]["cost_usd"]) == pico(routes["cost_usd"]) + 5 * 500000 + 100 * 1000000
    assert [(g["asked"], g["requests"]) for g in said["gaps"]] == [("nobody", 1)]
    # A cell more against it: the shape has no proven target, and the one in the way is named.
    desk.change_cells(failing, "good/sim-small", "TC-10", "stream")
    said = forecast(desk.proviso, "log.csv", code=1)
    assert said["policy"]["routes"]["unproven"] == 2 and said["policy"]["routes"]["served"] == 3
    assert "good/sim-small: TC-10~stream fails" in next(g for g in said["gaps"] if g["features"] == named)["reason"]
    # What is only not asked is open: inconclusive, not refused.
    write(desk.proviso, "timestamp,input_tokens,output_tokens\n1,2,3\n", "one.csv")
    assert forecast(desk.proviso, "one.csv", code=0)["holds"] is True
    desk.change_cells(lambda cell: None, case="CH-01")
    said = forecast(desk.proviso, "one.csv", code=3)
    assert said["policy"]["routes"]["open"] == 1 and said["holds"] is False


def test_a_second_config_is_one_more_policy_at_its_own_prices(desk):  # noqa: F811
    write(desk.proviso, "timestamp,input_tokens,output_tokens\n1,1000,0\n3600,1000,0\n")
    text = desk.config_path.read_text()
    config(desk.proviso, text.replace('input: "0.5"', 'input: "0.7"'), "dear.yaml")
    said = forecast(desk.proviso, "log.csv", "--against", "dear.yaml", code=0)
    assert pico(said["policy"]["routes"]["cost_usd"]) == 2000 * 500000
    assert pico(said["policy"]["against"]["cost_usd"]) == 2000 * 700000
    assert said["policy"]["against"]["targets"] == [{"target": "bad/sim-small", "requests": 2}]


def test_the_own_usage_export_is_read(proviso):
    config(proviso)
    header = ("request_id,attempt,started_at,task,route,requested_model,shape,outcome,prompt_tokens,cached_tokens,"
              "completion_tokens,usage_source\n")
    write(proviso, header +
          "a,1,2026-10-05T10:00:00.000Z,,,big/premium,chat,timeout,,,,missing\n"
          "a,2,2026-10-05T10:00:01.000Z,,,big/premium,chat,ok,1000,,100,reported\n"
          "b,1,2026-10-05T10:00:02.000Z,,,big/premium,chat,ok,1000,500,300,reported\n"
          "c,1,2026-10-05T11:00:02.000Z,,,big/premium,chat,ok,1000,,,missing\n")
    said = forecast(proviso, "log.csv")
    assert said["traffic"]["format"] == "usage" and said["traffic"]["unserved"] == 1
    assert said["traffic"]["missing_output"] == 1
    policy = said["policy"]["big/premium"]
    # 100 and 300 were seen: 200 stands in; 1.96 * sqrt(20000 * 1.5) = 339 to both sides, not below 0.
    assert pico(policy["cost_usd"]) == (2500 * 5 * 10**6 + 500 * 10**6 // 2) + 600 * 30 * 10**6
    assert pico(policy["cost_low_usd"]) == pico(policy["cost_usd"]) - 200 * 30 * 10**6
    assert pico(policy["cost_high_usd"]) == pico(policy["cost_usd"]) + 339 * 30 * 10**6
    assert policy["estimated"] == 1
    out = proviso("forecast", "log.csv").out
    assert "low to high" in out and " to " in out


# --- bad input --------------------------------------------------------------------------------------------


def test_rows_that_cannot_be_read_are_refused_at_their_place_and_counted(proviso):
    config(proviso)
    good = "2026-10-05T10:00:00Z,10,5,{}\n"
    write(proviso, b"\xef\xbb\xbf" + (
        "timestamp,input_tokens,output_tokens,features\n" + good.format("chat") +
        "2026-10-05T10:00:00Z,ten,5,chat\n"
        "2026-13-05T10:00:00Z,10,5,chat\n"
        "2026-10-05T10:00:00Z,10,-5,chat\n"
        "2026-10-05T10:00:00Z,10,5\n"
        "2026-10-05T10:00:00Z,10,5,telepathy\n").encode() +
        "2026-10-05T10:00:00Z,10,5,caf\xe9\n".encode("latin-1") +
        ("2026-10-05T10:00:00Z,10,5," + "x" * 10_000_000 + "\n" +
         '2026-10-05T10:00:00Z,10,5,"' + "y,\n" * 3_000_000 + '"\n' +
         '2026-10-05T10:00:00Z,10,5,a"b\n' + good.format("")).encode())
    said = forecast(proviso, "log.csv", "--days", "1")
    assert said["traffic"]["rows"] == 11 and said["traffic"]["refused"] == 9 and said["traffic"]["requests"] == 2
    for place in ("3:22", "4:1", "5:25", "6:1", "7:27", "8:30", "9:27", "10:27", "3000011:28"):
        assert f"log.csv:{place}: error: " in said["err"], place
    assert "proviso: 9 of 11 rows refused\n" in said["err"]
    assert any("9 of 11 rows could not be read" in note for note in said["notes"])
    assert pico(said["policy"]["big/premium"]["cost_usd"]) == 2 * (10 * 5 + 5 * 30) * 10**6


@pytest.mark.parametrize("text, says", [
    ("", "is empty"),
    ("a,b\n1,2\n", 'no column "timestamp"'),
    ("timestamp,input_tokens\n1,2\n", 'no column "output_tokens"'),
    ("timestamp, Input_tokens,output_tokens\n1,2,3\n", 'no column "input_tokens"'),
    ("timestamp,input_tokens,output_tokens,timestamp\n1,2,3,4\n", "stands here again"),
    ("timestamp,input_tokens,output_tokens\n", "holds no request"),
    ("timestamp,input_tokens,output_tokens\nx,2,3\n", 'timestamp is "x"'),
    ('timestamp,"input_tokens\n', "never closed"),
])
def test_a_log_of_which_nothing_can_be_read_is_no_forecast(proviso, text, says):
    config(proviso)
    done = proviso("forecast", write(proviso, text))
    assert done.code == 2 and says in done.err and done.out == "", done


def test_wrong_usage_is_told(proviso):
    config(proviso)
    write(proviso, "when,in,output_tokens\n1,2,3\n")
    for arguments, says in (
            ([], "want a log"), (["absent.csv"], "absent.csv"), (["."], "is a directory"), (["log.csv", "--column", "in"], "want COLUMN=NAME"),
            (["log.csv", "--column", "tokens=in"], 'no column "tokens"'),
            (["log.csv", "--column", "timestamp=When"], "no such column"),
            (["log.csv", "--baseline", "big/premum"], "did you mean big/premium"),
            (["log.csv", "--at", "tomorrow"], "--at"), (["log.csv", "--matrix", "absent.json"], "absent.json")):
        done = proviso("forecast", *arguments)
        assert done.code == 2 and says in done.err, (arguments, done)
    names = ["--column", "timestamp=when", "--column", "input_tokens=in"]
    assert forecast(proviso, "log.csv", *names)["traffic"]["input_tokens"] == 2
    said = forecast(proviso, "-", *names, stdin="when,in,output_tokens,who\n1,2,3,me\n")
    assert said["traffic"]["requests"] == 1 and any("who" in note for note in said["notes"])
    done = proviso("forecast", "log.csv", *names, "--since", "2026-01-01")
    assert done.code == 2 and "(1 are outside)" in done.err


# --- the page ------------------------------------------------------------------------------------------------


class Page(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data):
        self.text += data


def test_the_page_shows_cost_against_quality_without_network_or_script(desk):  # noqa: F811
    write(desk.proviso, "timestamp,input_tokens,output_tokens,task\n"
                        "1,1000,10,<b>x</b>\n90000,1000,10,<script>alert(1)</script>\n" +
                        '100000,5,5,"\x1b[31m"\n')
    desk.configure("", {"targets: [good/sim-small, bad/sim-small]": "targets: [bad/sim-small]"})
    done = desk.proviso("forecast", "log.csv", "--baseline", "good/sim-small", "--html", "f.html")
    assert done.code == 0, done
    text = (desk.proviso.cwd / "f.html").read_text()
    page = Page(text)
    assert not {"script", "link", "img", "iframe", "object", "b"} & set(page.tags)
    assert page.tags.count("svg") == 2 and "polyline" in page.tags and page.tags.count("circle") == 2
    assert "BASELINE" in page.text and "FRONT" in page.text and "Cost against quality" in page.text
    assert not any(name in ("src", "href", "style") or name.startswith("on") for name, _ in page.attributes)
    assert "http" not in text.replace("http-equiv", "") and "\x1b" not in text
    assert "default-src 'none'" in text


@pytest.mark.skipif(not AZURE.exists(), reason="the Azure LLM trace is not here")
def test_the_azure_trace_adds_up(proviso):
    """8819 requests, 18059974 context and 245896 generated tokens, by its own note."""
    config(proviso)
    said = forecast(proviso, AZURE)
    assert said["traffic"]["format"] == "azure" and said["traffic"]["refused"] == 0
    assert (said["traffic"]["requests"], said["traffic"]["input_tokens"], said["traffic"]["output_tokens"]) == \
        (8819, 18059974, 245896)
    assert pico(said["policy"]["big/premium"]["cost_usd"]) == (18059974 * 5 + 245896 * 30) * 10**6


@pytest.mark.skipif(not AZURE.exists(), reason="the Azure LLM trace is not here")
def test_the_study_says_what_the_program_says(tmp_path):
    """Figures that people quote: prices that changed since are noticed here. `make study WRITE=1` writes them anew."""
    done = subprocess.run([sys.executable, ROOT / "tests/study/study.py", AZURE, "--check"], capture_output=True, text=True,
                          env={**os.environ, "PROVISO": PROVISO, "STUDY_FOLDER": str(tmp_path)}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_study_without_its_trace_says_so(tmp_path):
    done = subprocess.run([sys.executable, ROOT / "tests/study/study.py", tmp_path / "absent.csv", "--check"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "is not here" in done.stdout
