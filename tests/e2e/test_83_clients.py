"""The official `openai` and `@anthropic-ai/sdk` clients, as programs use them, through the proxy and past it: both ways
they see the same.

npm installs them into .build/clients, as tests/clients/package-lock.json pins them. Where that is not possible these
tests fail: nothing else proves that real programs work.
"""
import fcntl
import json
import re
import shutil
import subprocess

import pytest

from conftest import ROOT, RUN_LIMIT_S, Proviso, Sim, environment
from proxy_rig import Proxy, config_of, key_of

SCRIPTS = ROOT / "tests/clients"
INSTALLED = ROOT / ".build/clients"

ANSWERS = [
    "chat", "chat with many settings", "stream", "stream with usage", "stream helper",
    "stream and plain reply are the same", "one tool, sync", "one tool, streamed", "runTools, streamed and not",
    "structured output by zod", "structured output, streamed", "JSON mode", "embeddings", "models", "a response",
    "a response, streamed", "a response with a tool and its result", "a response by zod", "legacy completions",
    "withResponse and asResponse", "twenty at once"]
# What each must come to at least, by the client's documentation.
FAILURES = {
    "wrong key": {"class": "AuthenticationError", "status": 401, "code": "invalid_api_key"},
    "unknown model": {"class": "NotFoundError", "status": 404, "code": "model_not_found"},
    "unknown path": {"class": "NotFoundError", "status": 404},
    "a value out of range": {"class": "BadRequestError", "status": 400, "type": "invalid_request_error",
                             "code": "decimal_above_max_value", "param": "temperature"},
    "messages that are none": {"class": "BadRequestError", "status": 400, "type": "invalid_request_error"},
    "rate limited": {"class": "RateLimitError", "status": 429, "code": "rate_limit_exceeded"},
    "rate limited, streamed": {"class": "RateLimitError", "status": 429, "code": "rate_limit_exceeded"},
    "server error": {"class": "InternalServerError", "status": 5},
    "nobody listens": {"class": "APIConnectionError"},
    "times out": {"class": "APIConnectionTimeoutError"},
    "times out, streamed": {"class": "APIConnectionTimeoutError"},
    "retries until it is served": {"finish": "stop"},
    "a stream that is cut": {},
    "an error within a stream": {},
    "leaves a stream": {"chunks": 2, "aborted": True, "next": "stop"},
    "aborts a stream": {"chunks": 2},
    "aborts before the answer": {"class": "APIUserAbortError"},
}
# How the providers fail; `good` is what all of them would be.
FAULTS = {
    "good": [], "limited": ["--break", "retry-after-huge"], "failing": ["--break", "storm-500:1000"],
    "stalling": ["--break", "stall-first"], "flaky": ["--break", "storm-500:1"],
    "cutting": ["--break", "cut-mid-content"], "breaking": ["--break", "inband-error"],
    "slow": ["--latency", "gap=50ms"]}

# What is driven once is looked at by one worker of pytest: another would drive it again.
DRIVEN_ONCE, SAID_ONCE = pytest.mark.xdist_group("clients"), pytest.mark.xdist_group("anthropic")

REVIEW = {"name": "review", "risk": "high", "match": {"header": {"x-proviso-task": "review"}}}


def install():
    """`npm ci`, once for a lock file; two workers of pytest may come at the same time."""
    lock = (SCRIPTS / "package-lock.json").read_text()
    done = INSTALLED / "installed"
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with open(INSTALLED / ".lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not done.exists() or done.read_text() != lock:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(SCRIPTS / name, INSTALLED)
            # Nothing that the packages want to run at their installation is run.
            npm = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=INSTALLED,
                                 capture_output=True, text=True, timeout=RUN_LIMIT_S)
            assert npm.returncode == 0, f"npm could not install the openai client:\n{npm.stdout}{npm.stderr}"
            done.write_text(lock)
        for script in SCRIPTS.glob("*.mjs"):
            # Beside what they import.
            shutil.copy(script, INSTALLED)


def drive(script, url, key, **more):
    """What each scenario of a script saw; fails with the client's own words where one failed."""
    env = environment(OPENAI_BASE_URL=url, OPENAI_API_KEY=key, MODEL="m", **more)
    done = subprocess.run(["node", INSTALLED / script], env=env, capture_output=True, text=True, timeout=RUN_LIMIT_S)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


class Side:
    """A provider as its clients reach it: itself, or behind the proxy, with the key that each wants."""

    def __init__(self, folder, matrix, arguments, proxied):
        self.sim = Sim("--models", "m", "--api-key", key_of("a"), *arguments)
        self.url, self.key, self.proxy = self.sim.url, key_of("a"), None
        if proxied:
            # Legacy completions have no gate case: nothing can prove them.
            config = config_of({"a": self.sim.url}, policy={"unproven": "allow"}, keys={"store": "proxy.db"},
                               ledger={"path": "proxy.db"})
            (folder / "proviso.yaml").write_text(json.dumps(config))
            made = Proviso(folder)("key", "create", "--name", "client")
            assert made.code == 0, made
            self.key = made.out.strip()
            self.proxy = Proxy(folder, config, matrix)
            self.url = self.proxy.url

    def stop(self):
        if self.proxy is not None:
            self.proxy.stop()
        self.sim.stop()


def nobody():
    """An address where nobody listens: the kernel gives this port to none of the other tests."""
    return "http://127.0.0.1:9/v1"


def see(tmp_path_factory, matrix, proxied):
    """All that both scripts see on one side."""
    sides = {}
    try:
        for name, arguments in FAULTS.items():
            sides[name] = Side(tmp_path_factory.mktemp(f"client-{name}"), matrix, arguments, proxied)
        good = sides["good"]
        providers = {name: {"baseURL": side.url, "apiKey": side.key} for name, side in sides.items()}
        providers["closed"] = {"baseURL": nobody(), "apiKey": "any"}
        return {**drive("openai_answers.mjs", good.url, good.key),
                **drive("openai_failures.mjs", good.url, good.key, PROVIDERS=json.dumps(providers))}
    finally:
        for side in sides.values():
            side.stop()


@pytest.fixture(scope="module")
def seen(tmp_path_factory, matrix):
    """{scenario: what it saw} of the provider itself and through the proxy."""
    install()
    return see(tmp_path_factory, matrix, False), see(tmp_path_factory, matrix, True)


@DRIVEN_ONCE
def test_no_scenario_is_forgotten(seen):
    for side in seen:
        assert sorted(side) == sorted([*ANSWERS, *FAILURES])


@DRIVEN_ONCE
@pytest.mark.parametrize("scenario", ANSWERS)
def test_an_answer_is_the_same_through_the_proxy(seen, scenario):
    direct, proxied = (side[scenario] for side in seen)
    assert "failed" not in direct, direct["failed"]
    assert "failed" not in proxied, proxied["failed"]
    assert proxied == direct


@DRIVEN_ONCE
@pytest.mark.parametrize("scenario", FAILURES)
def test_a_failure_is_the_same_through_the_proxy(seen, scenario):
    direct, proxied = (side[scenario] for side in seen)
    assert "failed" not in direct, direct["failed"]
    assert "failed" not in proxied, proxied["failed"]
    assert proxied == direct
    assert {**proxied["saw"], **FAILURES[scenario]} == proxied["saw"]


@pytest.fixture
def said(tmp_path_factory, matrix, sim):
    """What the proxy alone says, by scenario; the simulators behind it are fine."""
    install()
    url = sim("--models", "m", "--api-key", key_of("a")).url
    nobody_there = config_of({"a": nobody()})
    proxies = [Proxy(tmp_path_factory.mktemp("said"), config_of({"a": url}, tasks=[REVIEW]), matrix),
               Proxy(tmp_path_factory.mktemp("said"), config_of({"a": url}), None),
               Proxy(tmp_path_factory.mktemp("said"), nobody_there, matrix)]
    try:
        yield drive("openai_proxy.mjs", proxies[0].url, "any", ROUTE="coder", UNPROVEN=proxies[1].url,
                    CLOSED=proxies[2].url)
    finally:
        for proxy in proxies:
            proxy.stop()


def test_what_the_proxy_says_reaches_programs(said):
    assert not [one["failed"] for one in said.values() if "failed" in one]
    saw = {name: one["saw"] for name, one in said.items()}
    plain, streamed = saw["the headers of an answer"], saw["the headers of a stream, and its cost"]
    for headers in (plain, streamed, saw["a field of OpenRouter"]):
        assert headers["x-proviso-target"] == "a/m" and headers["x-proviso-route"] == "coder"
        assert headers["x-proviso-attempts"] == "1" and headers["x-proviso-request-id"]
        assert headers["x-proviso-matrix"] and headers["x-proviso-evidence"]
    assert float(plain["x-proviso-cost-usd"]) == pytest.approx(streamed["cost"]) and streamed["cost"] > 0
    assert plain["x-proviso-task"] == "review" and "x-proviso-task" not in streamed
    assert saw["a limit of cost"] == {"class": "InternalServerError", "status": 503, "code": "no_proven_target"}
    unproven = saw["nothing is proven"]
    assert (unproven["class"], unproven["status"], unproven["code"]) == ("InternalServerError", 503, "no_proven_target")
    assert unproven["excluded"][0]["target"] == "a/m"
    gone = saw["the provider is not there"]
    assert (gone["class"], gone["status"], gone["code"]) == ("InternalServerError", 502, "upstream_error")
    assert gone["attempts"] >= 1


# --- Anthropic's client ---------------------------------------------------------------------------

# What each must come to by that client's documentation, whatever the provider speaks.
MESSAGES = {
    "message": {"type": "message", "role": "assistant", "stop": "end_turn", "text": True, "input": True, "output": True},
    "stream": {"stop": "end_turn", "same": True, "output": True},
    "the same, streamed or not": {"same": True},
    "a tool and its result": {"stop": "tool_use", "name": "get_weather", "city": "string", "then": "end_turn"},
    "a tool, streamed": {"stop": "tool_use", "calls": 1, "city": "string"},
    "an image": {"stop": "end_turn"},
    "a cap": {"stop": "max_tokens", "output": 3},
    "counts tokens": {"some": True},
    "leaves a stream": {"next": "end_turn"},
    "wrong key": {"class": "AuthenticationError", "status": 401, "type": "authentication_error"},
    "unknown model": {"class": "NotFoundError", "status": 404, "type": "not_found_error"},
    "no messages": {"class": "BadRequestError", "status": 400, "type": "invalid_request_error"},
    "no key, streamed": {"class": "AuthenticationError", "status": 401, "type": "authentication_error"},
}


@pytest.fixture(scope="module", params=[True, False], ids=["proxy", "simulator"])
def messages(request, tmp_path_factory, matrix):
    """All scenarios of Anthropic's client, through the proxy to a provider that speaks OpenAI's format, and of the
    simulator itself, which speaks Anthropic's."""
    install()
    side = Side(tmp_path_factory.mktemp("messages"), matrix, [], request.param)
    try:
        yield drive("anthropic.mjs", side.url, side.key, ANTHROPIC_BASE_URL=side.url.removesuffix("/v1"),
                    ANTHROPIC_API_KEY=side.key)
    finally:
        side.stop()


@SAID_ONCE
@pytest.mark.parametrize("name", MESSAGES)
def test_anthropics_client_is_served(messages, name):
    assert "saw" in messages[name], messages[name]
    assert messages[name]["saw"] == MESSAGES[name]


# --- every dialect of a target ---------------------------------------------------------------------

# Where the simulator speaks each format, and how a tool can be demanded there.
NATIVES = {"anthropic": ("/v1", "required"), "gemini": ("/v1beta", "required"), "cohere": ("/v2", "required"),
           "ollama": ("/api", "auto"), "azure": ("/openai/v1", "required"), "bedrock": ("", "required")}
# Who made the model decides what Bedrock's Converse can be asked.
MODELS = {"bedrock": "anthropic.claude-sim"}
# What the official OpenAI client must see of each, by its documentation.
SEEN = {
    "chat": {"text": True, "finish": "stop"},
    "chat, streamed": {"same": True, "finish": "stop", "usage": True},
    "a tool and its result": {"finish": "tool_calls", "name": "get_weather", "city": "string", "then": "stop"},
    "a tool, streamed": {"id": True, "city": "string", "finish": "tool_calls"},
    "an image": {"finish": "stop"},
    "structured output": {"name": "string", "guests": True},
    "a cap": {"finish": "length", "tokens": 3},
    "what can not be carried": {"kind": "BadRequestError", "status": 400},
    "aborts a stream": {"aborted": True, "next": "stop"},
    "a response": {"status": "completed", "text": True, "usage": True},
    "a response, streamed": {"same": True, "status": "completed"},
    "a response with a tool and its result": {"city": "string", "then": "completed", "text": True},
    "unknown model": {"kind": "NotFoundError", "status": 404, "code": "model_not_found"},
}
# Anthropic's client demands tools that these can't be made to call: told so by a 400, and never served without.
REFUSED = {"cohere": ["a tool, streamed"], "ollama": ["a tool and its result", "a tool, streamed"]}


@pytest.mark.parametrize("dialect", NATIVES)
def test_both_clients_are_served_by_every_dialect(dialect, tmp_path_factory):
    """Text, streams, tools and their results, pictures, formats, errors and aborts, in OpenAI's words and Anthropic's."""
    install()
    path, choice = NATIVES[dialect]
    folder = tmp_path_factory.mktemp(f"native-{dialect}")
    model = MODELS.get(dialect, "m")
    simulator = Sim("--models", model, "--api-key", key_of("a"))
    provider = {"dialect": dialect, "base_url": simulator.url.removesuffix("/v1") + path, "api_key": "env:KEY_A",
                "models": {model: {"context": 131072, "max_output": 8192}}}
    if dialect == "bedrock":
        provider["region"] = "eu-west-1"
    config = config_of({"a": simulator.url}, providers={"a": provider}, policy={"mode": "warn"}, keys={"store": "proxy.db"},
                       ledger={"path": "proxy.db"})
    config["routes"] = {name: {"targets": [f"a/{model}"]} for name in ("m", "coder")}
    (folder / "proviso.yaml").write_text(json.dumps(config))
    key = Proviso(folder)("key", "create", "--name", "client").out.strip()
    proxy = Proxy(folder, config, None)
    try:
        seen = drive("natives.mjs", proxy.url, key, CHOICE=choice)
        messages = drive("anthropic.mjs", proxy.url, key, ANTHROPIC_API_KEY=key, ANTHROPIC_BASE_URL=proxy.url.removesuffix("/v1"))
    finally:
        proxy.stop()
        simulator.stop()
    if dialect == "azure":  # OpenAI's format, behind other doors: what the others can't carry is carried
        assert "it did not fail" in seen.pop("what can not be carried")["failed"]
    assert {name: one.get("saw", one) for name, one in seen.items()} == {n: w for n, w in SEEN.items() if n in seen}
    assert len(seen) >= len(SEEN) - (dialect == "azure")
    refused = {name: messages.pop(name) for name in REFUSED.get(dialect, [])}
    assert all("400" in one["failed"] for one in refused.values()), refused
    assert {name: one.get("saw", one) for name, one in messages.items()} == {n: w for n, w in MESSAGES.items() if n not in refused}


# The clients' own types, and where in tests/unit/providers/client_fields.yaml what is of them stands.
OPENAI, ANTHROPIC = "openai/resources/", "@anthropic-ai/sdk/resources/messages/messages.d.ts"
CHAT, RESPONSES = OPENAI + "chat/completions/completions.d.ts", OPENAI + "responses/responses.d.ts"
TYPES = [
    (CHAT, "ChatCompletionCreateParamsBase", "chat", ""),
    (CHAT, "ChatCompletionSystemMessageParam", "chat", "/messages/0"),
    (CHAT, "ChatCompletionUserMessageParam", "chat", "/messages/1"),
    (CHAT, "ChatCompletionContentPartText", "chat", "/messages/1/content/0"),
    (CHAT, "ChatCompletionContentPartImage", "chat", "/messages/1/content/1"),
    (CHAT, "ChatCompletionAssistantMessageParam", "chat", "/messages/2"),
    (CHAT, "ChatCompletionMessageFunctionToolCall", "chat", "/messages/2/tool_calls/0"),
    (CHAT, "ChatCompletionToolMessageParam", "chat", "/messages/3"),
    (CHAT, "ChatCompletionFunctionTool", "chat", "/tools/0"),
    (ANTHROPIC, "MessageCreateParamsBase", "messages", ""),
    (ANTHROPIC, "TextBlockParam", "messages", "/messages/0/content/0"),
    (ANTHROPIC, "ImageBlockParam", "messages", "/messages/0/content/1"),
    (ANTHROPIC, "DocumentBlockParam", "messages", "/messages/0/content/2"),
    (ANTHROPIC, "ToolUseBlockParam", "messages", "/messages/1/content/1"),
    (ANTHROPIC, "ToolResultBlockParam", "messages", "/messages/2/content/0"),
    (ANTHROPIC, "Tool", "messages", "/tools/0"),
    (ANTHROPIC, "ThinkingConfigEnabled", "messages", "/thinking"),
    (RESPONSES, "ResponseCreateParamsBase", "responses", ""),
    (RESPONSES, "ResponseInputText", "responses", "/input/0/content/0"),
    (RESPONSES, "ResponseInputImage", "responses", "/input/0/content/1"),
    (RESPONSES, "ResponseInputFile", "responses", "/input/0/content/2"),
    (RESPONSES, "ResponseOutputMessage", "responses", "/input/2"),
    (RESPONSES, "ResponseFunctionToolCall", "responses", "/input/3"),
    (RESPONSES, "FunctionTool", "responses", "/tools/0"),
    (RESPONSES, "ResponseTextConfig", "responses", "/text"),
]
# Which kind a thing is is not asked apart from what it is.
KINDS = {"type", "role", "function", "content", "text", "source", "format", "effort"}


def members(path, name):
    """The members of one of the clients' interfaces."""
    text = re.sub(r"/\*.*?\*/", "", (INSTALLED / "node_modules" / path).read_text(), flags=re.S)
    begin = re.search(rf"export interface {name}\b[^{{]*\{{", text)
    found, depth = [], 0
    for line in text[begin.end():].split("\n"):
        member = re.match(r"\s*(\w+)\??:", line)
        if member and depth == 0:
            found.append(member[1])
        depth += line.count("{") - line.count("}")
        if depth < 0:
            return found
    raise AssertionError(f"{name} does not end")


def test_every_field_of_the_clients_types_is_among_those_that_are_followed():
    """A field that a newer client brings is missed here, and not by somebody whose requests lose it."""
    install()
    parts = re.split(r"^(\w+):$", (ROOT / "tests/unit/providers/client_fields.yaml").read_text(), flags=re.M)
    followed = {api: re.findall(r"- \{at: ([^,]+),", body) for api, body in zip(parts[1::2], parts[2::2])}
    count = 0
    for path, name, api, where in TYPES:
        known = members(path, name)
        assert known, name
        for member in known:
            at = f"{where}/{member}"
            assert any(field == at or field.startswith(at + "/") for field in followed[api]) or member in KINDS, f"{name}.{member}"
            count += 1
    assert count > 150, count
