"""Prices: what the catalogue and a config say of them, and LiteLLM's table brought in."""
import json
from fractions import Fraction

import pytest
from conftest import ROOT, SHARED

CATALOGUE = sorted(path.stem for path in (ROOT / "providers/catalog").glob("*.yaml"))
TABLE = {
    "sample_spec": {"input_cost_per_token": "prose", "litellm_provider": "one of ..."},
    "gpt-x": {"litellm_provider": "openai", "mode": "chat", "max_input_tokens": 1000, "max_output_tokens": 50,
              "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 2.5e-07,
              "input_cost_per_token_above_272k_tokens": 5e-06, "output_cost_per_token_above_272k_tokens": 2e-05,
              "input_cost_per_token_flex": 1.25e-06, "output_cost_per_token_flex": 5e-06,
              "input_cost_per_token_above_272k_tokens_flex": 2.6e-06, "input_cost_per_pixel": 1},
    "anthropic/c": {"litellm_provider": "anthropic", "mode": "chat", "input_cost_per_token": 2e-06,
                    "output_cost_per_token": 1e-05, "cache_creation_input_token_cost": 2.5e-06,
                    "cache_creation_input_token_cost_above_1hr": 4e-06, "output_cost_per_reasoning_token": 1.1e-05},
    "vec": {"litellm_provider": "some/where", "mode": "embedding", "input_cost_per_token": 2e-08},
    "paint": {"litellm_provider": "openai", "mode": "image_generation", "output_cost_per_image": 0.04},
}


def imported(proviso, path, table):
    file = path / "table.json"
    file.write_text(table if isinstance(table, str) else json.dumps(table))
    return proviso("import", "litellm-prices", str(file))


@pytest.mark.parametrize("name", CATALOGUE)
def test_each_catalogue_entry_is_enough_by_itself(proviso, tmp_path, name):
    (tmp_path / "proviso.yaml").write_text(f"version: 1\nproviders: {{{name}: {{}}}}\n")
    done = proviso("validate")
    assert done.code == 0 and "1 providers" in done.out and not done.err, done


def test_a_target_of_the_catalogue_needs_only_its_variable(proviso):
    done = proviso("check", "--dry-run", "openai/gpt-4o-mini", env={"OPENAI_API_KEY": "k-1234567890"})
    assert done.code == 0 and "openai/gpt-4o-mini" in done.out, done


def test_a_price_that_has_run_out_is_a_warning_with_its_place(proviso, tmp_path):
    (tmp_path / "proviso.yaml").write_text("""version: 1
providers:
  lab:
    base_url: http://127.0.0.1:1/v1
    models:
      m: {price: {input: "1", output: "1", until: 2001-01-01}}
      n: {price: [{input: "1", output: "1", from: 2001-01-01, review_by: 2001-02-01}]}
""")
    done = proviso("validate")
    assert done.code == 0, done
    assert "proviso.yaml:6:18: warning: this price has run out" in done.err
    assert "proviso.yaml:7:" in done.err and "look at this price again" in done.err


NOTES = {"m": "its price ran out on 2001-01-01: what it costs is unknown",
         "n": "its price should have been looked at again by 2001-02-01",
         "o": "no price is known: what it costs is unknown",
         "q": "no price holds before 2999-01-01: what it costs is unknown until then"}


def test_check_says_what_it_will_not_know_the_cost_of(proviso, tmp_path):
    """Else a run of unknown cost looks like one that cost nothing."""
    (tmp_path / "proviso.yaml").write_text("""version: 1
providers:
  far:
    base_url: https://far.example/v1
    api_key: env:FAR_KEY
    models:
      m: {price: {input: "1", output: "1", until: 2001-01-01}}
      n: {price: [{input: "1", output: "1", from: 2001-01-01, review_by: 2001-02-01}]}
      o: {}
      p: {price: {input: "1", output: "1"}}
      q: {price: {input: "1", output: "1", from: 2999-01-01}}
  near: {base_url: http://127.0.0.1:1/v1, models: {m: {}}}
""")
    done = proviso("check", "--dry-run", env={"FAR_KEY": "far-key-12345"})
    assert done.code == 0, done
    assert done.err.splitlines() == [f"proviso: warning: far/{name}: {note}" for name, note in NOTES.items()]


def test_overlapping_prices_are_refused_with_their_place(proviso, tmp_path):
    (tmp_path / "proviso.yaml").write_text("""version: 1
providers:
  lab:
    base_url: http://127.0.0.1:1/v1
    models:
      m:
        price:
        - {input: "1", output: "1", until: 2026-03-01}
        - {input: "2", output: "1", from: 2026-03-01}
""")
    done = proviso("validate")
    assert done.code == 2 and "proviso.yaml:9:11: error: this price overlaps that of line 8" in done.err, done


def test_a_price_table_becomes_a_config(proviso, tmp_path):
    done = imported(proviso, tmp_path, TABLE)
    assert done.code == 0, done
    assert done.out == """version: 1
providers:
  "openai":
    models:
      "gpt-x":
        endpoints: [chat]
        context: 1000
        max_output: 50
        price: {input: "2.5", cached_input: "0.25", output: "10", context: [{above: 272000, input: "5", output: "20"}], \
service: {flex: {input: "1.25", output: "5", context: [{above: 272000, input: "2.6", output: "20"}]}}}
  "anthropic":
    models:
      "c":
        endpoints: [chat]
        price: {input: "2", cache_write: "2.5", cache_write_1h: "4", output: "10", reasoning: "11"}
  "some-where":
    base_url: https://base-url-wanted.invalid/v1
    models:
      "vec":
        endpoints: [embeddings]
        price: {input: "0.02", output: "0"}
"""
    for said in ("not priced: input_cost_per_pixel", "left out: mode image_generation",
                 "some-where is not in the catalogue", "3 models imported"):
        assert said in done.err
    (tmp_path / "proviso.yaml").write_text(done.out)
    assert proviso("validate").code == 0


def test_a_large_table_keeps_the_first_of_each_name(proviso, tmp_path):
    """Providers in the order of their first model, each model once, though two spellings name it."""
    table = {}
    for number in range(3000):
        maker = ("openai", "anthropic", "mistral")[number % 3]
        entry = {"litellm_provider": maker, "mode": "chat", "input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}
        table[f"m{number // 2}"] = table[f"{maker}/m{number // 2}"] = entry
    done = imported(proviso, tmp_path, table)
    assert done.code == 0, done
    names = [line.strip(' ":') for line in done.out.splitlines() if line.endswith('":')]
    made = [name for name in names if not name.startswith("m") or name == "mistral"]
    wanted = {}
    for name, entry in table.items():
        wanted.setdefault(entry["litellm_provider"], []).append(name.rsplit("/")[-1])
    once = {maker: list(dict.fromkeys(models)) for maker, models in wanted.items()}
    assert made == list(once) and names == [n for maker, models in once.items() for n in (maker, *models)]
    left_out = sum(map(len, wanted.values())) - sum(map(len, once.values()))
    assert left_out > 0 and "its provider has a model of that name above" in done.err
    assert f"{sum(map(len, once.values()))} models imported" in done.err


@pytest.mark.parametrize("table, says", [
    ("[]", "1:1: error: want an object"),
    ("{", "table.json:1:2: error:"),
    ('{"m": 5}', "1:7: error: a model is an object"),
    ('{"m": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": -1}}', "1:78: error: a price"),
    ('{"m": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": "1"}}', "1:78: error: a price"),
    ('{"m": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 1e999}}', "1:78: error: no amount"),
])
def test_what_is_no_price_table_is_refused_with_its_place(proviso, tmp_path, table, says):
    done = imported(proviso, tmp_path, table)
    assert done.code == 2 and says in done.err and not done.out, done


def test_names_can_not_break_out_of_the_config(proviso, tmp_path):
    evil = 'x": {price: 1}\n  "y'
    done = imported(proviso, tmp_path, {evil: {"litellm_provider": evil, "mode": "chat"}})
    (tmp_path / "proviso.yaml").write_text(done.out)
    checked = proviso("validate")
    assert done.code == 0 and checked.code == 0 and "1 providers" in checked.out, (done, checked)


@pytest.mark.parametrize("name, least", [("litellm-model_prices-2025-09.json", 1400), ("litellm-subset-2026-07.json", 190)])
def test_the_real_tables_come_in_whole(proviso, tmp_path, name, least):
    file = SHARED / "corpora/prices" / name
    if not file.exists():
        pytest.skip(f"{file} is not there")
    done = proviso("import", "litellm-prices", str(file), "--out", str(tmp_path / "proviso.yaml"))
    assert done.code == 0 and int(done.err.splitlines()[-1].split()[0]) >= least, done
    checked = proviso("validate")
    assert checked.code == 0 and not checked.err, checked
    # One model, to the last digit, from the table's own text.
    table = json.loads(file.read_text(), parse_float=lambda text: Fraction(text))
    text = (tmp_path / "proviso.yaml").read_text()
    at = text.index('"gpt-4o-mini":')
    price = text[at:].split("price: {", 1)[1]
    assert Fraction(price.split('input: "')[1].split('"')[0]) == table["gpt-4o-mini"]["input_cost_per_token"] * 10**6
