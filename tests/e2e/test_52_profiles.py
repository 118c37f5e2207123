"""The profiles of the simulator: one for every system that people route between, holding its known quirks.

What is known of a provider and shows in bytes is either shown by its profile or stands here with the reason why not:
else somebody who tests a gateway against `--profile seen-at-X` would believe that X has been tried."""
import json
import subprocess

import pytest
from conftest import PLAIN, PROVISO, SHARED, Proviso, Sim, cells

KNOWN = SHARED / "QUIRKS.json"
LISTED = json.loads(subprocess.run([PROVISO, "sim", "--list", "--format", "json"], capture_output=True, text=True).stdout)
PROFILES = {one["name"].removeprefix("seen-at-"): one for one in LISTED["profiles"] if one["name"].startswith("seen-at-")}
SYSTEMS = ("openai anthropic gemini mistral deepseek qwen cohere together fireworks openrouter tokenmix litellm portkey azure bedrock "
           "groq xai moonshot cerebras perplexity vllm sglang llamacpp ollama").split()
COMPAT = ["anthropic-compat", "cohere-compat", "gemini-compat"]
# What is no matter of bytes but of a bill, and what is said of many or of nobody's wire.
ELSEWHERE = {"cost", "timeouts", "rate_limit", "endpoint", "messages", "json_mode", "params", "safety", "context", "vision"}
NOT_SHOWN = {
    "azure-promo-dates-differ": "a price",
    "bedrock-metadata-order": "either order is read; the simulator sends one",
    "cerebras-json-and-call": "of one model's output, not of the wire",
    "deepseek-blank-lines-body": "blank lines before a body: held by the bytes of test_77",
    "deepseek-insufficient-resource": "a reason of its own: held by the bytes of test_77",
    "fireworks-cached-header": "a count in a header, read nowhere",
    "fireworks-fault-body": "an envelope of its gateway: held by the bytes of test_77",
    "gemini-compat-error-array": "an envelope: held by the bytes of test_77",
    "gemini-compat-thought-signature": "the native surface of the simulator asks for signatures",
    "gemini-vertex-partial-args": "Vertex alone: held by the unit tests of the reader",
    "groq-reasoning-field": "another name of a field: held by the bytes of test_77",
    "groq-tool-use-failed": "a refusal with the model's raw words",
    "groq-x-groq-usage": "a second place of usage: held by the bytes of test_77",
    "kimi-vendor-variance": "of other hosts of the same model: the profile weak-tool-caller",
    "litellm-sse-when-not-asked": "held by the bytes of test_77",
    "mistral-422-detail": "an envelope: held by the bytes of test_77",
    "mistral-cached-three-names": "names of a count: held by the unit tests of usage",
    "mistral-content-array": "content in parts: held by the bytes of test_77",
    "mistral-incremental-empty-name": "of other makers' models at the same host: held by the bytes of test_77",
    "moonshot-k2-ids": "of what a model was trained on",
    "moonshot-usage-in-choice": "held by the bytes of test_77",
    "moonshot-tool-choice-thinking": "of one mode of one model",
    "openrouter-wrapped-upstream-error": "an envelope: held by the bytes of test_77",
    "portkey-246": "statuses of its guardrails",
    "portkey-strict-strip": "strips what the simulator does not send",
    "qwen-json-thinking": "of one mode",
    "sglang-abort": "a reason of its own: held by the bytes of test_77",
    "sglang-null-role": "held by azure-null-role and the bytes of test_77",
    "together-error-string": "an envelope: held by the bytes of test_77",
    "vertex-compat-missing-message": "held by the bytes of test_77",
    "vllm-reasoning-rename": "both names are read",
    "vllm-tool-flag": "of how a server was started",
    "xai-additional-properties": "a refusal of some schemas",
}


def test_every_system_has_a_profile():
    assert sorted(PROFILES) == sorted(SYSTEMS + COMPAT)
    for one in PROFILES.values():
        assert one["quirks"] and one["breaks"], one


@pytest.mark.skipif(not KNOWN.exists(), reason="the catalogue of quirks is not at hand")
def test_every_known_quirk_of_the_wire_is_shown_or_explained():
    known = {quirk["id"]: quirk for quirk in json.loads(KNOWN.read_text())}
    shown = {quirk: name for name, one in PROFILES.items() for quirk in one["quirks"]}
    assert set(shown) <= set(known), set(shown) - set(known)
    assert {quirk: name for quirk, name in shown.items() if known[quirk]["provider"] != name} == {}
    wire = {one["id"] for one in known.values() if one["provider"] in PROFILES and one["capability"] not in ELSEWHERE}
    explained = {one for one in NOT_SHOWN if one in known}
    assert wire - set(shown) - explained == set(), "neither shown nor explained"
    assert set(shown) & explained == set()


@pytest.mark.parametrize("name, dialect, path, case", [
    ("mistral", "openai", "/v1", "TR-03"), ("litellm", "openai", "/v1", "TS-02"),
    ("deepseek", "openai", "/v1", "TR-08"), ("perplexity", "openai", "/v1", "ST-02"), ("azure", "azure", "/openai/v1", "ST-08"),
    ("ollama", "openai", "/v1", "PA-02"),
])
def test_a_profile_is_noticed_where_its_quirk_is(name, dialect, path, case, tmp_path):
    sim = Sim("--profile", "seen-at-" + name, program=PLAIN)
    (tmp_path / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"n": {
        "dialect": dialect, "base_url": sim.url.removesuffix("/v1") + path, "api_key": "env:SIM_KEY", "models": {"sim-small": {}}}}}))
    # Some are short of everything at times: infrastructure is no verdict, and whoever gets none asks again.
    for _ in range(20):
        done = Proviso(tmp_path, PLAIN)("check", "n/sim-small", "--profile", "smoke", "--case", case, env={"SIM_KEY": "sim-key"})
        if done.code != 4:
            break
    sim.stop()
    assert done.code in (0, 1), done
    seen = {cell["verdict"] for (_, one, _), cell in cells(tmp_path / "proviso-matrix.json").items() if one == case}
    assert seen - {"pass", "skipped"}, done
