"""proviso-providers(7): each system of the catalogue with how it is set up, what was seen to differ and what it costs.
The page is made from the catalogue and proviso-quirks(7), and this holds it against them: where they have changed,
PROVISO_WRITE_PAGES=1 writes it anew."""
import os
import re
import textwrap

from conftest import ROOT

PAGE = ROOT / "harness/cli/man/proviso-providers.7"
QUIRKS = ROOT / "harness/cli/man/proviso-quirks.7"
# How the quirks of a system begin, where not as its file is called.
PREFIXES = {"llama-cpp": "llamacpp", "moonshot": "moonshot|kimi", "gemini": "gemini|vertex", "bedrock-converse": "bedrock"}
# The systems of everyday routing stand first, as people know them.
HEAD = r""".Dd November 28, 2026
.Dt PROVISO-PROVIDERS 7
.Os
.Sh NAME
.Nm proviso-providers
.Nd the systems that are known by name: set-up, what differs, what it costs
.Sh DESCRIPTION
A name below needs no more in
.Xr proviso.yaml 5
than
.Ql NAME: {} ,
and without a config no more than its environment variable:
.Dl OPENAI_API_KEY=... proviso check openai/gpt-4o-mini
What a config says itself goes before what is known here.
Each entry tells where its facts come from and when somebody last looked; what is not known is left out,
and never taken for nothing.
Prices are USD per million tokens, input / output, without tiers, caches, hours and services, which the
cost of a request does count; look at them before they decide anything.
What was seen to differ from OpenAI's format is told, name by name, in
.Xr proviso-quirks 7 .
.Sh PROVIDERS
"""
TAIL = r""".Sh SEE ALSO
.Xr proviso-check 1 ,
.Xr proviso-validate 1 ,
.Xr proviso.yaml 5 ,
.Xr proviso-quirks 7
"""


def entry_of(text):
    """What a file of the catalogue says: its own shape of YAML, and no more of YAML than that."""
    lines = text.split("\n")
    entry = {"models": {}}
    for at, line in enumerate(lines):
        member = re.match(r"(\w+): ?(.*)$", line)
        if not member or member[1] == "models":
            continue
        value = member[2].strip().strip('"')
        if value == ">-":
            folded = []
            for more in lines[at + 1:]:
                if more and not more.startswith("  "):
                    break
                folded.append(more.strip())
            value = " ".join(folded).strip()
        entry[member[1]] = value
    models = text.partition("\nmodels:\n")[2]
    for name, body in re.findall(r"^  (\S[^:\n]*(?::[^:\s][^:\n]*)*):\n((?:    .*\n|\n)*)", models, flags=re.M):
        # Tiers, windows and rates of services are prices in braces of their own kind.
        flat = re.sub(r"^\s*- \{.*?\}$|- \{above.*?\}", "", body, flags=re.M)
        pairs = re.findall(r'\binput: "([\d.]+)".*?\boutput: "([\d.]+)"', flat, flags=re.S)
        entry["models"][name.strip('"')] = (pairs, re.findall(r"until: ([\d-]+)", flat))
    return entry


def price_words(pairs, untils):
    words = []
    for i, (given, got) in enumerate(pairs):
        words.append(f"{given} / {got}" + (f" until {untils[i]}" if i < len(untils) else ""))
    return ", then ".join(words)


def wrapped(text):
    """Prose as mdoc takes it: no line that begins as a macro, and a new line for a new sentence."""
    text = text.replace("\\", "\\e")
    return "\n".join(line if line[:1] not in ".'" else "\\&" + line
                     for sentence in re.split(r"(?<=[.;]) (?=[A-Z(])", text) for line in textwrap.wrap(sentence, 100, break_on_hyphens=False))


def section(name, entry, quirks):
    env = [word.strip() for word in entry["env"].strip("[]").split(",")]
    names = [f".Ev {word}" for word in env]
    end = "\n(which it may do without);" if entry.get("key_optional") == "true" else " ;"
    out = [f".Ss {entry['title']}", ".Bl -tag -width Differs", ".It Set up", f".Ql {name}: {{}} ,", "its key in"]
    out += "\nor\n".join([*names[:-1], names[-1] + end]).split("\n")
    out += [f"dialect {entry['dialect']} at", f".Li {entry['base_url']} ."]
    out += [".It Differs"]
    out += [wrapped(entry["note"])] if entry.get("note") else []
    out += ["Seen, in", ".Xr proviso-quirks 7 :", wrapped(", ".join(quirks) + ".")] if quirks else []
    out += [] if quirks or entry.get("note") else ["Nothing was seen."]
    priced = {model: price_words(*price) for model, price in entry["models"].items() if price[0]}
    others = [model for model in entry["models"] if model not in priced]
    out += [".It Costs"]
    out += [wrapped("; ".join(f"{model} {words}" for model, words in priced.items()) + ".")] if priced else ["Not known here: give a price in the config."]
    out += [wrapped("Known without a price: " + ", ".join(others) + ".")] if others and priced else []
    out += [".It Source", wrapped(f"{entry['source']}; looked at on {entry['reviewed']}."), ".El"]
    return "\n".join(line for line in out if line) + "\n"


def page():
    ids = re.findall(r"^\.It Cm (\S+)", QUIRKS.read_text(), flags=re.M)
    out = HEAD
    for path in sorted((ROOT / "providers/catalog").glob("*.yaml")):
        prefix = PREFIXES.get(path.stem, path.stem)
        quirks = [quirk for quirk in ids if re.match(rf"(?:{prefix})-", quirk)]
        out += section(path.stem, entry_of(path.read_text()), quirks)
    return out + TAIL


def test_the_page_tells_what_the_catalogue_knows():
    """Or a user sets a provider up by facts that the program no longer has."""
    want = page()
    if os.environ.get("PROVISO_WRITE_PAGES") == "1":
        PAGE.write_text(want)
    assert PAGE.read_text() == want, "proviso-providers.7 is not what the catalogue says: PROVISO_WRITE_PAGES=1 writes it"


def test_every_system_that_people_route_between_is_known():
    known = {path.stem for path in (ROOT / "providers/catalog").glob("*.yaml")}
    assert known >= {"openai", "anthropic", "gemini", "mistral", "deepseek", "qwen", "cohere", "together", "fireworks", "openrouter",
                     "tokenmix", "litellm", "portkey", "azure", "bedrock", "groq", "xai", "moonshot", "cerebras", "perplexity",
                     "vllm", "sglang", "llama-cpp", "ollama"}
    for name in known:
        entry = entry_of((ROOT / f"providers/catalog/{name}.yaml").read_text())
        assert entry["title"] and entry["source"] and re.fullmatch(r"\d{4}-\d\d-\d\d", entry["reviewed"]), name
