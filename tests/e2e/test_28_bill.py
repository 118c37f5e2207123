"""US-11: a charge that a provider tells is held against the price that the config says; who tells none is neither good nor bad."""
import csv
import json
from fractions import Fraction

from conftest import cells, chat, reply

KEY = {"SIM_KEY": "sim-key"}


def check(proviso, folder, url, price, *more):
    said = f", price: {price}" if price else ""
    (folder / "proviso.yaml").write_text(
        f'version: 1\nproviders:\n  sim: {{base_url: "{url}", api_key: "env:SIM_KEY", models: {{sim-small: {{context: 8192{said}}}}}}}\n')
    done = proviso("check", "sim/sim-small", "--case", "US-11", "--profile", "smoke", *more, env=KEY)
    return done, cells(folder / "proviso-matrix.json")["sim/sim-small", "US-11", "sync"]


def test_the_bill_is_held_against_the_price_also_at_replay(proviso, sim, tmp_path):
    clean, dear = sim(), sim("--break", "US-11")
    done, cell = check(proviso, tmp_path, clean.url, "")
    assert done.code == 0 and cell["verdict"] == "skipped" and "set its `price`" in cell["first_error"]
    right = '{input: "0.15", output: "0.60"}'
    done, cell = check(proviso, tmp_path, clean.url, right)
    assert done.code == 0 and cell["verdict"] == "pass", cell
    # The provider's mistake, or an old price in the config: either way the bill surprises.
    old = '[{input: "0.15", output: "0.60", until: 2026-01-31}, {input: "0.16", output: "0.60", from: 2026-02-01}]'
    for folder, url, price in (("dear", dear.url, right), ("old", clean.url, old)):
        done, cell = check(proviso, tmp_path, url, price, "--out", folder)
        assert done.code == 1 and cell["verdict"] == "fail" and "by its price it is" in cell["first_error"]
        told = cell["first_error"]
        (tmp_path / "proviso.yaml").unlink()
        (tmp_path / "proviso-matrix.json").unlink()
        done = proviso("check", "--replay", folder)
        again = cells(tmp_path / "proviso-matrix.json")["sim/sim-small", "US-11", "sync"]
        assert done.code == 1 and again["first_error"] == told and again["cost_compared"] == cell["cost_compared"]
    head = json.loads((tmp_path / "old/journal.jsonl").read_text().splitlines()[0])
    assert [one["input"] for one in head["targets"][0]["prices"]["price"]] == ["0.15", "0.16"]


def test_what_is_told_stands_beside_what_its_price_gives(proviso, sim, tmp_path):
    """In the cell, the CSV and the report: who looks at the bill sees by how much, not only that."""
    done, cell = check(proviso, tmp_path, sim("--break", "US-11").url, '{input: "0.15", output: "0.60"}', "--case", "CH-01",
                       "--csv", "c.csv", "--html", "r.html", "--out", "run")
    told, computed = (Fraction(cell["cost_compared"][name]) for name in ("reported_usd", "computed_usd"))
    assert told == Fraction(cell["cost_usd"]) and told > computed > 0, cell
    with open(tmp_path / "c.csv", newline="") as file:
        rows = {(row["case_id"], row["variant"]): row for row in csv.DictReader(file)}
    row = rows["US-11", "sync"]
    assert (Fraction(row["computed_cost_usd"]), Fraction(row["cost_difference_usd"])) == (computed, told - computed)
    assert rows["CH-01", "sync"]["cost_source"] == "computed" and rows["CH-01", "sync"]["cost_difference_usd"] == ""
    assert list(row)[49:51] == ["computed_cost_usd", "cost_difference_usd"] and row["price_version"].startswith("config-")
    both = sum(Fraction(rows["US-11", variant]["cost_difference_usd"]) for variant in ("sync", "stream"))
    report = (tmp_path / "r.html").read_text()
    assert "USD told above its price</tr></thead><tbody>" in report
    assert f"<td class=n>+{format(float(both), '.12f').rstrip('0')}</tr>" in report
    assert f"USD, as the provider tells; by its price {row['computed_cost_usd']}<" in report


def test_a_run_goes_on_at_the_prices_it_began_with(proviso, sim, tmp_path):
    """Else its costs are of two tables, and what it says of a charge is not what a replay says."""
    url = sim().url
    check(proviso, tmp_path, url, '{input: "0.15", output: "0.60"}', "--case", "CH-01", "--out", "run")
    journal = tmp_path / "run/journal.jsonl"
    whole = [json.loads(line) for line in journal.read_text().splitlines()]

    def go_on(price):
        """With the last line lost, as after a crash; the line that is asked anew."""
        journal.write_text("\n".join(json.dumps(line) for line in whole[:-1]) + "\n")
        (tmp_path / "proviso.yaml").write_text(
            f'version: 1\nproviders:\n  sim: {{base_url: "{url}", api_key: "env:SIM_KEY", '
            f'models: {{sim-small: {{context: 8192, price: {price}}}}}}}\n')
        done = proviso("check", "--resume", "run", env=KEY)
        assert done.code == 0, done
        return done, json.loads(journal.read_text().splitlines()[-1])

    cost = {name: whole[-1][name] for name in ("case", "cost_pico_usd", "cost_source", "price_version")}
    done, line = go_on('{input: "150", output: "600"}')
    assert "sim/sim-small: the run goes on at the prices that it began with" in done.err
    assert {name: line[name] for name in cost} == cost and line["at"] >= whole[-1]["at"]
    done, line = go_on('{input: "0.15", output: "0.60"}')
    assert done.err.count("prices that it began with") == 0 and line["cost_pico_usd"] == cost["cost_pico_usd"]
    done, line = go_on("null")
    assert "prices that it began with" in done.err and line["cost_pico_usd"] == cost["cost_pico_usd"]


def test_who_tells_no_charge_or_refuses_to_is_unsupported_and_no_failure(proviso, scripted, tmp_path):
    refusal = {"error": {"message": "Unrecognized request argument supplied: usage", "type": "invalid_request_error",
                         "param": None, "code": None}}
    for answer in (reply(chat("Done.")), reply(refusal, status=400)):
        provider = scripted(lambda head, body, number: answer)
        done, cell = check(proviso, tmp_path, provider.url, '{input: "1", output: "2"}')
        assert done.code == 0 and cell["verdict"] == "unsupported", cell
        assert "tells no charge" in cell["first_error"] or "refuses usage" in cell["first_error"]


def test_a_price_in_a_journal_that_is_none_is_said_with_its_place(proviso, sim, tmp_path):
    check(proviso, tmp_path, sim().url, '{input: "0.15", output: "0.60"}', "--out", "run")
    journal = tmp_path / "run/journal.jsonl"
    text = journal.read_text()
    for bad in ('"input":-3', '"input":[]', '"x":1'):
        journal.write_text(text.replace('"input":"0.15"', bad, 1))
        done = proviso("check", "--replay", "run")
        assert done.code == 2 and "journal.jsonl:1" in done.err, done
