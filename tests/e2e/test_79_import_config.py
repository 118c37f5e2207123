"""LiteLLM's proxy config brought in: what a team that moves would lose if it were read wrongly."""
import json
import urllib.request

import pytest
from conftest import RUN_LIMIT_S, chat, reply

CONFIG = """\
model_list:
- model_name: gpt-4o
  litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/OPENAI_API_KEY, rpm: 900, tpm: 200000}
- model_name: gpt-4o
  litellm_params:
    model: azure/my-deploy
    api_base: https://acme.openai.azure.com
    api_version: "2024-06-01"
    api_key: os.environ/AZURE_KEY
    rpm: 100
  model_info: {base_model: gpt-4o, mode: chat}
- model_name: gpt-4o
  litellm_params: {model: openai/gpt-4o-mini, api_key: os.environ/OTHER_KEY}
- model_name: local
  litellm_params:
    model: hosted_vllm/qwen
    api_base: http://10.0.0.5:8000/v1
    api_key: sk-in-the-clear-123456
    input_cost_per_token: 0.00000015
    output_cost_per_token: 6e-07
- model_name: team/lab
  litellm_params: {model: openai/org/model, api_base: "http://lab.lan:8000/v1", api_key: none, rpm: "60", temperature: 0.2}
- model_name: claude
  litellm_params: {model: claude-haiku-4-5}
- {model_name: "openai/*", litellm_params: {model: "openai/*"}}
- {model_name: picture, litellm_params: {model: openai/dall-e-3}, model_info: {mode: image_generation}}
litellm_settings:
  request_timeout: 600
  fallbacks: [{gpt-4o: [claude, nobody]}]
  callbacks: [langfuse]
router_settings:
  context_window_fallbacks: [{local: [claude]}]
  content_policy_fallbacks: [{claude: [local]}]
  model_group_alias: {four: gpt-4o}
  cooldown_time: 30
general_settings: {master_key: sk-master-123456, database_url: "postgres://u:secret@h/db"}
environment_variables: {OPENAI_API_KEY: sk-of-the-environment}
"""

IMPORTED = """\
version: 1
providers:
  "openai":
    api_key: "env:OPENAI_API_KEY"
    limits: {requests_per_minute: 900, tokens_per_minute: 200000}
  "azure":
    base_url: "https://acme.openai.azure.com/openai/v1"
    api_key: "env:AZURE_KEY"
    limits: {requests_per_minute: 100}
    models:
      "my-deploy":
        endpoints: [chat]
        aliases: ["gpt-4o"]
  "openai-2":
    base_url: "https://api.openai.com/v1"
    api_key: "env:OTHER_KEY"
    models:
      "gpt-4o-mini":
        endpoints: [chat]
        context: 128000
        max_output: 16384
        price: {"input":"0.15","cached_input":"0.075","output":"0.60","service":{"batch":"0.5","flex":"0.5","priority":"2"}}
  "vllm":
    base_url: "http://10.0.0.5:8000/v1"
    api_key: "env:VLLM_API_KEY"
    models:
      "qwen":
        endpoints: [chat]
        price: {input: "0.15", output: "0.6"}
  "lab.lan-8000":
    dialect: openai
    base_url: "http://lab.lan:8000/v1"
    limits: {requests_per_minute: 60}
    models:
      "org/model":
        endpoints: [chat]
  "anthropic": {}
routes:
  "gpt-4o":
    targets: ["openai/gpt-4o-mini", "azure/my-deploy", "openai-2/gpt-4o-mini", "anthropic/claude-haiku-4-5"]
    strategy: weighted
    weights: {"openai/gpt-4o-mini": 900, "azure/my-deploy": 100, "openai-2/gpt-4o-mini": 0, "anthropic/claude-haiku-4-5": 0}
  "local":
    targets: ["vllm/qwen", "anthropic/claude-haiku-4-5"]
    strategy: ordered
  "team-lab":
    targets: ["lab.lan-8000/org/model"]
    strategy: ordered
  "claude":
    targets: ["anthropic/claude-haiku-4-5", "vllm/qwen"]
    strategy: ordered
    fallback_on: [content_filter]
  "four":
    targets: ["openai/gpt-4o-mini", "azure/my-deploy", "openai-2/gpt-4o-mini", "anthropic/claude-haiku-4-5"]
    strategy: weighted
    weights: {"openai/gpt-4o-mini": 900, "azure/my-deploy": 100, "openai-2/gpt-4o-mini": 0, "anthropic/claude-haiku-4-5": 0}
keys: {store: proviso.db}
ledger: {path: proviso.db}
proxy:
  timeouts: {total: 600s}
  breaker: {open: 30s}
"""

SAID = """\
37:24: warning: not carried over: environment_variables
30:14: warning: not carried over: litellm_settings.callbacks
8:18: warning: not carried over: litellm_params.api_version
7:15: warning: /openai/v1 added to the address: where it speaks OpenAI's format
18:14: warning: a key stands here in the clear: put it into the variable VLLM_API_KEY
22:120: warning: not carried over: litellm_params.temperature
25:52: warning: left out: a wildcard; clients ask for PROVIDER/MODEL
26:86: warning: left out: mode image_generation
21:3: warning: a route's name holds no slash: clients ask for team-lab
29:33: warning: fallback left out: no model_name of that name
32:29: warning: context_window_fallbacks: taken as fallbacks
36:32: warning: the master key is not taken: make keys by proviso key create
36:64: warning: what the database holds is not taken: the ledger is a file here
""".splitlines()


def imported(proviso, path, text, *options):
    (path / "config.yaml").write_text(text)
    return proviso("import", "litellm-config", "config.yaml", *options)


def deployments(*params, rest=""):
    """A config whose entries are all named m."""
    return "model_list:\n" + "".join(f"- {{model_name: m, litellm_params: {one}}}\n" for one in params) + rest


def test_a_setup_becomes_providers_routes_and_prices(proviso, tmp_path):
    done = imported(proviso, tmp_path, CONFIG)
    assert done.code == 0 and done.out == IMPORTED, done
    said = done.err.splitlines()
    assert sorted(said[:-1]) == sorted(f"config.yaml:{line}" for line in SAID)
    assert said[-1] == "6 providers, 6 targets, 5 routes imported"
    (tmp_path / "proviso.yaml").write_text(done.out)
    checked = proviso("validate")
    assert checked.code == 0 and "6 providers, 5 routes" in checked.out, checked
    # What the old config did, too.
    assert checked.err.count("warning") == 1 and "vllm travels there in clear text" in checked.err, checked


def test_no_key_is_written_down(proviso, tmp_path):
    done = imported(proviso, tmp_path, CONFIG)
    for secret in ("sk-", "in-the-clear", "postgres", "secret"):
        assert secret not in done.out + done.err
    # Nor where the file can't be read: the line that is wrong may be the one with the key.
    for text in (deployments("{model: openai/m, api_key: sk-clear-1, api_key: sk-clear-2}"),
                 deployments("{model: openai/m, api_key: sk-clear-1, input_cost_per_token: -1}"),
                 deployments("{model: openai/m, api_key: sk-clear-1, input_cost_per_token: [x}"),
                 deployments('{model: openai/m, api_base: "https://u:sk-clear-1@h/v1"}')):
        done = imported(proviso, tmp_path, text)
        assert "sk-clear" not in done.out + done.err and "config.yaml:" in done.err, done


def test_what_was_imported_serves(proviso, start, scripted, tmp_path):
    """The config as it comes, asked through the proxy: the first target fails, the fallback answers."""
    bad = scripted(lambda head, body, number: reply({}, "500 Internal Server Error"))
    good = scripted(lambda head, body, number: reply(chat()))
    text = f"""model_list:
- {{model_name: front, litellm_params: {{model: openai/m, api_base: "{bad.url}", api_key: os.environ/KEY_A}}}}
- {{model_name: back, litellm_params: {{model: openai/m, api_base: "{good.url}", api_key: os.environ/KEY_B}}}}
router_settings: {{fallbacks: [{{front: [back]}}]}}
"""
    done = imported(proviso, tmp_path, text, "--out", "made.yaml")
    assert done.code == 0 and not done.out, done
    (tmp_path / "made.yaml").write_text((tmp_path / "made.yaml").read_text() + "policy: {unproven: allow}\n")
    process = proviso.start("proxy", "--config", "made.yaml", "--listen", "127.0.0.1:0", env={"KEY_A": "k" * 20, "KEY_B": "q" * 20})
    try:
        url = process.stdout.readline().strip()
        assert url.startswith("http://"), process.stderr.read()
        body = json.dumps({"model": "front", "messages": [{"role": "user", "content": "hi"}]}).encode()
        with urllib.request.urlopen(f"{url.removesuffix('/v1')}/v1/chat/completions", body) as answer:
            assert answer.status == 200 and answer.headers["x-proviso-target"].endswith(f"-{good.port}/m")
    finally:
        process.terminate()
        process.wait(RUN_LIMIT_S)
    assert b"q" * 20 in good.requests[0][0] and bad.requests


@pytest.mark.parametrize("strategy, ours", [
    ("simple-shuffle", "weighted"), ("least-busy", "weighted"), ("usage-based-routing-v2", "weighted"),
    ("latency-based-routing", "fastest"), ("cost-based-routing", "cheapest"),
])
def test_strategies(proviso, tmp_path, strategy, ours):
    done = imported(proviso, tmp_path, deployments("{model: openai/a}", "{model: openai/b}",
                                                   rest=f"router_settings: {{routing_strategy: {strategy}}}\n"))
    assert done.code == 0 and f"strategy: {ours}\n" in done.out, done
    exact = strategy in ("simple-shuffle", "latency-based-routing", "cost-based-routing")
    assert ("taken as weighted" in done.err) != exact


def test_order_goes_before_weights(proviso, tmp_path):
    done = imported(proviso, tmp_path, deployments("{model: openai/a, order: 2, weight: 9}", "{model: openai/b, order: 1}", "{model: openai/c}"))
    assert 'targets: ["openai/b", "openai/a", "openai/c"]\n    strategy: ordered\n' in done.out, done


def test_named_credentials_are_found(proviso, tmp_path):
    done = imported(proviso, tmp_path, deployments("{model: hosted_vllm/a, litellm_credential_name: lab}", rest="""credential_list:
- {credential_name: lab, credential_values: {api_key: os.environ/LAB_KEY, api_base: "http://lab.lan/v1"}}
"""))
    assert 'base_url: "http://lab.lan/v1"\n    api_key: "env:LAB_KEY"\n' in done.out, done


@pytest.mark.parametrize("text, says", [
    ("", "1:1: error: want a config of LiteLLM"),
    ("[]", "1:1: error: want a config"),
    ("model_list: 5", "1:13: error: want a config"),
    ("model_list: [7]", "1:14: error: want an entry with model_name"),
    ("model_list: [{model_name: a}]", "1:14: error: want an entry"),
    ("model_list: [{litellm_params: {model: openai/a}}]", "1:14: error: an entry of model_list needs"),
    ("model_list: &a [*a]", "error:"),
    ("model_list: !!python/object:os.system [x]", "1:13: error:"),
    ("model_list: [", "error:"),
    ("a: " + "[" * 100, "error:"),
    (deployments(*["{model: openai/a}"] * 10001), "2:1: error: more than 10000 deployments"),
    (deployments("{model: openai/a, input_cost_per_token: x}"), "2:75: error: a price is a number"),
], ids=range(12))
def test_what_is_no_such_config_is_refused_with_its_place(proviso, tmp_path, text, says):
    done = imported(proviso, tmp_path, text)
    assert done.code == 2 and "config.yaml:" in done.err and says in done.err and not done.out, done


def test_names_can_not_break_out_of_the_config(proviso, tmp_path):
    evil = 'x": {price: 1}\n  "y'
    text = json.dumps({"model_list": [{"model_name": evil, "litellm_params": {
        "model": f"{evil}/{evil}", "api_base": "http://h\n  evil: 1", "api_key": "os.environ/A\n  b: c"}}],
        "router_settings": {"model_group_alias": {evil + "2": evil}, "routing_strategy": evil}})
    done = imported(proviso, tmp_path, text)
    (tmp_path / "proviso.yaml").write_text(done.out)
    checked = proviso("validate")
    assert done.code == 0 and checked.code == 0 and "1 providers, 2 routes" in checked.out, (done, checked)
