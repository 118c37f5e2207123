"""Over a generated set of request shapes, all features of the contract mixed: `explain`, the proxy's own
explanation and what the proxy then does are one and the same, and one flipped gate cell takes away those
requests that it speaks for and no other."""
import base64
import concurrent.futures
import json
import random
import re
import struct
import subprocess
import zlib

import pytest

from conftest import PLAIN, ROOT, RUN_LIMIT_S, Sim, environment
from proxy_rig import KEYS, config_of, key_of

SHAPES = 260
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"], "additionalProperties": False}


def picture():
    """A PNG of one pixel."""
    def part(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + part(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)) +
                            part(b"IDAT", zlib.compress(b"\0\xff\0\0")) + part(b"IEND", b"")).decode()


def sometimes(rng, body, share=0.25, **fields):
    """Each of the fields by chance; a list is one of its values."""
    for name, value in fields.items():
        if rng.random() < share:
            body[name] = rng.choice(value) if isinstance(value, list) else value


def tools_of(rng):
    count = rng.choice([1, 1, 2, 3, 17])
    made = []
    for i in range(count):
        function = {"name": f"tool_{i}", "description": "Looks a place up.", "parameters": SCHEMA}
        if rng.random() < 0.2:
            function["strict"] = True
        if rng.random() < 0.1:
            del function["parameters"]
        made.append({"type": "function", "function": function})
    return made


def chat(rng):
    user = rng.choice(["hello", "Grüße aus München", [{"type": "text", "text": "hello"}]])
    if rng.random() < 0.1:
        url = {"url": "data:image/png;base64," + picture()}
        user = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": url}]
    messages = [{"role": "user", "content": user}]
    if rng.random() < 0.3:
        messages.insert(0, {"role": rng.choice(["system", "developer"]), "content": "Be brief."})
    body = {"model": "coder", "messages": messages}
    if rng.random() < 0.45:
        body["tools"] = tools_of(rng)
        sometimes(rng, body, 0.7, tool_choice=["auto", "none", "required",
                                               {"type": "function", "function": {"name": "tool_0"}}])
        sometimes(rng, body, parallel_tool_calls=[True, False])
        if rng.random() < 0.2:
            call = {"id": "call_0", "type": "function", "function": {"name": "tool_0", "arguments": '{"city":"Rome"}'}}
            messages += [{"role": "assistant", "content": None, "tool_calls": [call]},
                         {"role": "tool", "tool_call_id": "call_0", "content": "sunny"}]
    elif rng.random() < 0.2:
        messages += [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "And now?"}]
    if rng.random() < 0.4:
        body["stream"] = True
        sometimes(rng, body, 0.5, stream_options={"include_usage": True})
    schema = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA}}
    strict = {"type": "json_schema", "json_schema": {"name": "place", "schema": SCHEMA, "strict": True}}
    sometimes(rng, body, 0.3, response_format=[{"type": "text"}, {"type": "json_object"}, schema, strict])
    if body.get("response_format", {}).get("type") == "json_object":
        messages[0] = {"role": "user", "content": "Answer in JSON."}
    sometimes(rng, body, 0.12, n=[1, 2], stop=["END", ["END", "STOP"]], logprobs=True, seed=7, temperature=[0, 0.7, 1], top_p=0.9,
              presence_penalty=0.5, frequency_penalty=0.5, logit_bias={"50256": -100}, user="someone", store=False,
              reasoning_effort=["low", "high"], service_tier="auto", brand_new=1)
    sometimes(rng, body, 0.3, **{rng.choice(["max_tokens", "max_completion_tokens"]): 50})
    return "chat", "/v1/chat/completions", body


def messages(rng):
    body = {"model": "coder", "max_tokens": 64, "messages": [{"role": "user", "content": rng.choice(
        ["hello", [{"type": "text", "text": "hello"}]])}]}
    sometimes(rng, body, 0.3, system="Be brief.", stream=True, temperature=0.5, top_p=0.9, stop_sequences=["END"])
    if rng.random() < 0.5:
        body["tools"] = [{"name": f"tool_{i}", "description": "Looks up.", "input_schema": SCHEMA}
                         for i in range(rng.choice([1, 2, 17]))]
        sometimes(rng, body, 0.7, tool_choice=[{"type": "auto"}, {"type": "any"}, {"type": "tool", "name": "tool_0"},
                                               {"type": "auto", "disable_parallel_tool_use": True}])
    return "messages", "/v1/messages", body


def embeddings(rng):
    body = {"model": "coder", "input": rng.choice(["hello", ["hello", "world"]])}
    sometimes(rng, body, 0.4, dimensions=8, encoding_format=["float", "base64"], user="someone")
    return "embeddings", "/v1/embeddings", body


def completions(rng):
    body = {"model": "coder", "prompt": "Once upon a time"}
    sometimes(rng, body, 0.4, stream=True, max_tokens=20, stop="END", temperature=0)
    return "completions", "/v1/completions", body


def responses(rng):
    body = {"model": "coder", "input": rng.choice(["hello", [{"role": "user", "content": "hello"}]])}
    sometimes(rng, body, 0.35, stream=True, max_output_tokens=64, temperature=0.5, instructions="Be brief.",
              text={"format": {"type": "json_schema", "name": "place", "schema": SCHEMA, "strict": True}})
    if rng.random() < 0.4:
        body["tools"] = [{"type": "function", "name": "tool_0", "parameters": SCHEMA, "strict": True}]
        sometimes(rng, body, 0.5, tool_choice=["auto", "required", {"type": "function", "name": "tool_0"}])
    return "responses", "/v1/responses", body


def generate(seed):
    """No two of the same body; always the same ones."""
    rng = random.Random(seed)
    kinds, weights = [chat, messages, embeddings, completions, responses], [70, 12, 5, 4, 9]
    made = {}
    while len(made) < SHAPES:
        endpoint, path, body = rng.choices(kinds, weights)[0](rng)
        made.setdefault(path + json.dumps(body), (endpoint, path, body))
    return list(made.values())


def said_by_command(folder, shape):
    endpoint, _, body = shape
    done = subprocess.run([PLAIN, "explain", "--endpoint", endpoint], cwd=folder, env=environment(**KEYS),
                          input=json.dumps(body), capture_output=True, text=True, timeout=RUN_LIMIT_S)
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def said_by_proxy(proxy, shape):
    endpoint, _, body = shape
    answer = proxy.send("POST", f"/v1/proviso/explain?endpoint={endpoint}", body)
    assert answer.status == 200, answer
    return answer.json


def agree(proxy, shapes):
    """What was decided of each shape, once the command, the proxy's word and its deed were found to be one."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        commands = list(pool.map(lambda shape: said_by_command(proxy.folder, shape), shapes))
    for shape, command in zip(shapes, commands):
        told = said_by_proxy(proxy, shape)
        # Costs and the like are the same, too; how fast a target was lately the proxy alone may know.
        assert told == command, shape
        done = proxy.send("POST", shape[1], shape[2])
        if command["candidates"]:
            assert done.status == 200, (shape, done)
            first = command["candidates"][0]["target"]
            assert (done.headers["x-proviso-target"], done.headers["x-proviso-attempts"]) == (first, "1"), (shape, done)
            assert done.headers["x-proviso-matrix"] == command["matrix"]
        else:
            assert done.status == 503, (shape, done)
            if shape[0] != "messages":  # Anthropic's envelope has no place for it
                assert [(e["target"], e["case"], e["verdict"]) for e in done.error["excluded"]] == [
                    (e["target"], e["case"], e["verdict"]) for e in command["excluded"]], shape
    return commands


def change(proxy, reloads, verdicts):
    """Sets cells {(target, case): verdict}, all variants, and waits for the reload."""
    matrix = json.loads(proxy.matrix_path.read_text())
    hit = set()
    for cell in matrix["cells"]:
        if (cell["target"], cell["case"]) in verdicts:
            hit.add((cell["target"], cell["case"]))
            cell["verdict"] = verdicts[cell["target"], cell["case"]]
    assert hit == set(verdicts)
    fresh = proxy.matrix_path.with_suffix(".new")
    fresh.write_text(json.dumps(matrix))
    fresh.replace(proxy.matrix_path)
    while proxy.metric("reloads_total") < reloads:
        assert proxy.process.poll() is None


# One cell of each family that routes; what is flipped stands alone against the requests that it speaks for.
FLIPPED = ["TC-10", "JS-01", "CH-02", "SU-01", "TS-01", "VI-01", "EM-01", "RS-01"]


@pytest.fixture
def providers():
    sims = {name: Sim("--models", "m", "--api-key", key_of(name), program=PLAIN) for name in "abc"}
    yield {name: sim.url for name, sim in sims.items()}
    for sim in sims.values():
        sim.stop()


def decided(decision, without=None):
    """Who may serve, by what cells, and who may not: what a figure such as quality can't change."""
    names = ("target", "cells", "proven", "unproven", "repairs")
    return ([{name: candidate[name] for name in names} for candidate in decision["candidates"]
             if candidate["target"] != without],
            [excluded for excluded in decision["excluded"] if excluded["target"] != without])


def held_against(decision, target):
    return {(e["case"], e["verdict"]) for e in decision["excluded"] if e["target"] == target}


def test_word_and_deed_are_one_for_every_shape_before_and_after_a_flip(start, providers):
    proxy = start(providers, proxy={"live": {"quarantine": False}})
    # So that all three have something to refuse, and some shapes nobody.
    change(proxy, 1, {("a/m", "TC-11"): "fail", ("b/m", "TC-11"): "fail", ("c/m", "TC-11"): "flaky",
                      ("a/m", "PA-02"): "unsupported", ("b/m", "JO-01"): "ignored"})
    shapes = generate(4)
    before = agree(proxy, shapes)
    firsts = [d["candidates"][0]["target"] if d["candidates"] else None for d in before]
    assert {"a/m", "b/m", None} <= set(firsts), firsts
    for number, case in enumerate(FLIPPED):
        change(proxy, 2 * number + 2, {("a/m", case): "fail"})
        after = [said_by_proxy(proxy, shape) for shape in shapes]
        moved = []
        for shape, was, now in zip(shapes, before, after):
            proof = [cell.split("~")[0] for candidate in was["candidates"] if candidate["target"] == "a/m"
                     for cell in candidate["cells"]]
            # What the cell says of a is no business of b and c.
            assert decided(now, "a/m") == decided(was, "a/m"), (case, shape)
            if case in proof:
                moved.append(shape)
                assert "a/m" not in [candidate["target"] for candidate in now["candidates"]]
                assert held_against(now, "a/m") == {(case, "fail")}, (case, shape)
            elif proof:
                assert decided(now) == decided(was), (case, shape)
            else:
                old = held_against(was, "a/m")
                assert held_against(now, "a/m") in (old, old | {(case, "fail")}), (case, shape)
        assert 0 < len(moved) < len(shapes), f"no shape of the set rests on {case}, or all do"
        # At once, and not in words alone; nothing else has changed in the deed either.
        agree(proxy, moved + shapes[::4] if number == 0 else moved[:10] + shapes[:10])
        change(proxy, 2 * number + 3, {("a/m", case): "pass"})


# --- each feature of a shape ------------------------------------------------------------------------------


def vouches():
    """Case: the features that it speaks for, as the case files have it."""
    spoken = {}
    for path in sorted((ROOT / "cases/core").glob("*.yaml")):
        for block in re.split(r"^  - id: ", path.read_text(), flags=re.M)[1:]:
            named = re.search(r"^    vouches: \[(.*)\]", block, re.M)
            if named:
                spoken[block.split()[0]] = {name.strip() for name in named[1].split(",")}
    return spoken


@pytest.fixture
def known(tmp_path, matrix):
    """The good matrix, and beside its gates what else speaks for a feature: the same for a, b and c."""
    folder = tmp_path / "known"
    folder.mkdir()
    sim = Sim("--models", "m", "--api-key", key_of("a"), program=PLAIN)
    (folder / "proviso.yaml").write_text(json.dumps(config_of({"a": sim.url})))
    families = [f"{family}-*" for family in ("CH", "PA", "TC", "TS", "TR", "JS", "JO", "SU", "ST", "VI", "EM", "RS", "CP", "FR", "RE", "UN")]
    done = subprocess.run([PLAIN, "check", "--profile", "smoke", *(part for one in families for part in ("--case", one))],
                          cwd=folder, env=environment(**KEYS), capture_output=True, text=True, timeout=RUN_LIMIT_S)
    sim.stop()
    assert done.returncode == 0, done.stdout + done.stderr
    cells = {}
    for one in (folder / "proviso-matrix.json", matrix):
        known = json.loads(one.read_text())
        cells.update({(cell["case"], cell["variant"]): cell for cell in known["cells"] if cell["target"] == "a/m"})
    known["cells"] = [{**cell, "target": f"{name}/m"} for name in "abc" for cell in cells.values()]
    path = folder / "of-three.json"
    path.write_text(json.dumps(known))
    return path


HELLO = {"model": "coder", "messages": [{"role": "user", "content": "hello"}]}
TOGETHER = [("chat", "/v1/chat/completions", {**HELLO, **fields}) for fields in (
    {"temperature": 0.7, "top_p": 0.9, "presence_penalty": 0.5, "frequency_penalty": 0.5},)]
# No case speaks for a name that nobody knows, nor for these, which ask for what is done without them, too.
UNGUARDED = {"field.brand_new", "tool_choice.auto"}


def test_every_feature_of_a_shape_rests_on_a_cell_that_takes_it_away(start, providers, known):
    """Each feature that the set holds, one flip each: what the cell speaks for stops going there at once, all else goes on."""
    proxy = start(providers, proven=known, proxy={"live": {"quarantine": False}})
    # Beside what chance brings, what stands together in one case alone.
    shapes, spoken = generate(4) + TOGETHER, vouches()
    cells = {(cell["case"], cell["variant"]) for cell in json.loads(known.read_text())["cells"] if cell["verdict"] == "pass"}
    before = [said_by_proxy(proxy, shape) for shape in shapes]
    served = [at for at, decision in enumerate(before) if decision["candidates"][:1] and decision["candidates"][0]["target"] == "a/m"]
    assert len(served) > len(shapes) * 0.9

    def spoken_for(case):
        """Of what a serves now. A case that is asked one way alone speaks for the other way, too."""
        return {at for at in served if spoken[case] <= set(before[at]["shape"])}

    guards = {}
    for feature in sorted({feature for at in served for feature in before[at]["shape"]}):
        cases = {case for case, _ in cells if feature in spoken.get(case, ()) and spoken_for(case)}
        if cases:
            guards[feature] = min(cases, key=lambda case: (len(spoken_for(case)), case))
    unguarded = {feature for at in served for feature in before[at]["shape"]} - set(guards)
    assert unguarded == UNGUARDED, sorted(unguarded)
    reloads = proxy.metric("reloads_total")
    for case in sorted(set(guards.values())):
        reloads += 1
        change(proxy, reloads, {("a/m", case): "fail"})
        after = {at: said_by_proxy(proxy, shapes[at]) for at in spoken_for(case) | set(served[::9])}
        moved = {at for at, decision in after.items() if held_against(decision, "a/m")}
        assert moved == spoken_for(case), (case, [shapes[at] for at in moved ^ spoken_for(case)][:3])
        for at, decision in after.items():
            assert held_against(decision, "a/m") == ({(case, "fail")} if at in moved else set()), (case, shapes[at])
            assert decided(decision, "a/m") == decided(before[at], "a/m"), (case, shapes[at])
        for at in sorted(moved)[:2] + [at for at in after if at not in moved][:2]:
            done = proxy.send("POST", shapes[at][1], shapes[at][2])
            assert done.headers["x-proviso-target"] == ("b/m" if at in moved else "a/m"), (case, shapes[at], done)
        reloads += 1
        change(proxy, reloads, {("a/m", case): "pass"})
