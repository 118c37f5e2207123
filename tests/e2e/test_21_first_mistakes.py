"""What goes wrong in somebody's first hour: one wrong word makes a hundred cells fail, and the last line says which word.

Without it a user reads a table of FAIL, blames the provider, and sends it away.
"""
import os
import socket
import subprocess

import pytest

from conftest import PROVISO, RUN_LIMIT_S, environment, reply

CONFIG = """version: 1
providers:
  lab:
    base_url: %s
    api_key: env:SIM_KEY
    models: {sim-small: {context: 4096}}
routes:
  r: {targets: [lab/sim-smal]}
"""


def ask(proviso, url, model="sim-small", key="SIM_KEY"):
    return proviso("check", "--base-url", url, "--model", model, *(["--api-key-env", key] if key else []), "--profile", "smoke",
                   "--case", "CH-03", env={"SIM_KEY": "sim-key", "OTHER_KEY": "another-key"})


def last_line(done):
    return done.err.rstrip().splitlines()[-1]


@pytest.mark.parametrize("change, how, code, step", [
    ("", {}, 0, "evidence and journal in"),
    ("", {"key": None}, 4, "no key is sent: name the variable that holds it, --api-key-env NAME"),
    ("", {"key": "OTHER_KEY"}, 4, "is the key in env:OTHER_KEY the one for"),
    ("", {"model": "sim-smal"}, 1, 'it says that it has no model "sim-smal": '),
    ("/v1", {}, 1, "is the base URL right? Most end with /v1"),
    ("+/chat/completions", {}, 1, "leave out /chat/completions"),
    ("http", {}, 4, "does that port speak plain HTTP (http://)"),
], ids=["right", "no key", "wrong key", "model", "no /v1", "the whole path", "https"])
def test_one_wrong_word_is_named_in_the_last_line(proviso, sim, change, how, code, step):
    url = sim().url
    url = {"": url, "/v1": url.removesuffix("/v1"), "http": url.replace("http:", "https:")}.get(change, url + change[1:])
    done = ask(proviso, url, **how)
    assert done.code == code and step in last_line(done), done


@pytest.mark.parametrize("dialect, base, where", [
    ("openai", "/v1", "/v1/models lists those that it has"),
    ("azure", "/openai/v1", "/openai/v1/models lists those that it has"),
    ("cohere", "", "the names are in the provider's own list"),
    ("ollama", "", "the names are in the provider's own list"),
])
def test_where_the_names_of_models_are_is_said_in_each_format(proviso, scripted, dialect, base, where):
    lost = reply({"error": {"message": "no such model: bigger"}}, "404 Not Found")
    url = scripted(lambda *_: lost).url.removesuffix("/v1") + base
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  lab: {{base_url: "{url}", api_key: env:SIM_KEY, dialect: {dialect}, models: {{bigger: {{context: 4096}}}}}}
""")
    done = proviso("check", "--profile", "smoke", "--case", "CH-03", env={"SIM_KEY": "sim-key"})
    said = last_line(done).partition('it says that it has no model "bigger": ')[2]
    assert done.code == 1 and said.removeprefix(url.removesuffix(base)) == where, done


def test_where_nobody_listens_that_is_said(proviso):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused for as long as this lasts
        done = ask(proviso, f"http://127.0.0.1:{taken.getsockname()[1]}/v1")
    assert done.code == 4 and "nothing answers at http://127.0.0.1:" in last_line(done), done


def test_one_bad_case_is_the_providers_and_gets_no_hint(proviso, sim):
    done = proviso("check", "--base-url", sim("--break", "CH-03").url, "--model", "sim-small", "--api-key-env", "SIM_KEY",
                   "--case", "CH-0*", env={"SIM_KEY": "sim-key"})
    assert done.code == 1 and "evidence and journal in" in last_line(done), done


def test_files_that_are_not_there_yet_say_what_makes_them(proviso):
    for command, wanted in [("matrix", "there is no matrix proviso-matrix.json (`proviso check` makes one)"),
                            ("gate", "there is no matrix proviso-matrix.json"),
                            ("diff a b", "there is no baseline a (`proviso bless` makes one of a matrix)")]:
        (proviso.cwd / "proviso.yaml").write_text(CONFIG % "http://127.0.0.1:9/v1")
        done = proviso(*command.split())
        assert done.code == 2 and wanted in done.err, done


def test_a_config_that_is_none_says_what_it_should_be(proviso):
    for text, wanted in [("", "c.yaml:1:1: error: this config is empty; it begins with"),
                         ("model_list: []\n", "c.yaml:1:1: error: this is LiteLLM's config; `proviso import litellm-config c.yaml`")]:
        (proviso.cwd / "c.yaml").write_text(text)
        done = proviso("validate", "--config", "c.yaml")
        assert done.code == 2 and wanted in done.err, done


def test_a_misspelt_model_is_offered_the_one_that_is_there(proviso, sim):
    (proviso.cwd / "proviso.yaml").write_text(CONFIG % sim().url)
    done = proviso("validate")
    assert done.code == 0 and "proviso.yaml:8:17: warning: sim-smal is not among the models of lab" in done.err, done
    assert "(did you mean sim-small?)" in done.err, done
    done = proviso("check", "sim-small")
    assert done.code == 2 and "(did you mean 'lab/sim-small'?)" in done.err, done
    assert proviso("check", "--case", "CH-03", env={"SIM_KEY": "sim-key"}).code == 0
    for target, case, wanted in [("lab/sim-small", "CH-O3", "(did you mean CH-03?)"), ("lab/sim-smal", "CH-03", "(did you mean lab/sim-small?)"),
                                 ("lab/sim-small", "TC-10", "`proviso check lab/sim-small --case TC-10` asks for it")]:
        done = proviso("explain", "--target", target, "--case", case)
        assert done.code == 2 and wanted in done.err, done


@pytest.mark.parametrize("target, says", [
    ("anthropic/claude-x", "'anthropic' is not set up: set ANTHROPIC_API_KEY where there is no config, or add 'anthropic: {}'"),
    ("ollama/x", "'ollama' is not set up: "), ("antropic/x", "there is no provider 'antropic'")])
def test_a_known_provider_without_its_key_is_told_what_it_lacks(proviso, target, says):
    done = proviso("check", target, "--dry-run", env={"OPENAI_API_KEY": "k"})
    assert done.code == 2 and says in done.err, done


@pytest.mark.parametrize("line, code, says", [
    ("usage", 2, "there is no proviso.yaml here to name a ledger (--config names another config); it wants: ledger: {path: proviso.db}"),
    ("key list", 2, "there is no proviso.yaml here to name a key store"),
    ("report hmtl", 2, "(did you mean html?)"),
    ("import litelm-config x.yaml", 2, "(did you mean litellm-config?)"),
    ("inspect --dialect opnai x", 2, 'unknown dialect "opnai" (did you mean openai?); there are openai, azure, anthropic, '),
    ("sim --break zz", 2, 'there is no defect "zz"; --list prints them'),
    ("sim --profile zz", 2, 'there is no profile "zz"; --list prints them'),
], ids=lambda value: value if isinstance(value, str) and len(value) < 30 else "")
def test_a_wrong_word_is_answered_with_the_right_ones(proviso, line, code, says):
    done = proviso(*line.split())
    assert done.code == code and says in done.err, done


def test_a_waiver_of_a_case_that_there_is_not_is_told(proviso):
    (proviso.cwd / "proviso.yaml").write_text(CONFIG % "http://127.0.0.1:9/v1" + """policy:
  waivers:
    - {target: lab/sim-small, case: TS-10~stream, owner: me, until: 2099-12-31}
    - {target: lab/sim-small, case: TS-01~stream, owner: me, until: 2099-12-31}
""")
    done = proviso("validate")
    assert done.code == 0 and done.err.count("this waiver waives nothing") == 1, done
    assert "proviso.yaml:11:37: warning: the suite has no case 'TS-10'" in done.err, done


def test_a_reader_that_goes_away_changes_nothing(proviso, sim):
    """`proviso ... | head`: no complaint, and the exit code is still the verdict's."""
    arguments = ["check", "--base-url", sim("--break", "CH-03").url, "--model", "sim-small", "--api-key-env", "SIM_KEY", "--case", "CH-03"]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([PROVISO, *arguments], cwd=proviso.cwd, env=environment(SIM_KEY="sim-key"), stdout=writing, stderr=subprocess.PIPE,
                          text=True, timeout=RUN_LIMIT_S)
    os.close(writing)
    assert done.returncode == 1 and "error" not in done.stderr, done
    with open("/dev/full", "w") as full:
        done = subprocess.run([PROVISO, "matrix"], cwd=proviso.cwd, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True,
                              timeout=RUN_LIMIT_S)
    assert done.returncode == 4 and "writing to stdout" in done.stderr, done
