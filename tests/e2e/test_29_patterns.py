"""The patterns of schemas mean what they mean in JavaScript: held against Node's own RegExp, pattern by pattern.

Where there is no Node this is skipped: the unit tests hold the rules one by one; this asks somebody who is not ours.
"""
import json
import re
import shutil
import subprocess

import pytest

from conftest import RUN_LIMIT_S, environment

PATTERNS = [
    "^abc$", "^.$", "^[^]$", "^a[]*b$", "^\\d+$", "^\\D$", "^\\w$", "^\\W$", "^\\s$", "^\\S$", "^[\\s]$", "^[^\\s]$", "^[\\S\\d]$",
    "^[\\w.-]+$", "\\bb", "\\Bb", "^\\cA$", "^[\\cA-\\cZ]$", "^\\0$", "^\\x41$", "^\\u0041$", "^\\u{1f600}$", "^\\ud83d\\ude00$",
    "^[\\u{1f600}-\\u{1f64f}]$", "^[\\ud800-\\udfff]$", "^[^\\ud800-\\udfff]$", "^[\\u0020-\\udfff]$", "^\\p{L}$", "^\\P{L}$",
    "^\\p{Letter}$", "^\\p{Lu}$", "^\\p{gc=Nd}$", "^\\p{Script=Greek}$", "^\\p{ASCII}$", "^[\\p{L}\\d]$", "^[^\\p{L}]$",
    "^(a)?b\\1$", "^(?<n>.)\\k<n>$", "(?<=a)b", "(?<!a)b", "a(?=b)", "a(?!b)", "^(?:a|b){2,3}?$", "^[[a]$", "^[\\]a]$", "^[\\b]$",
    "^[a-]$", "^[-a]$", "^\\/\\.\\*\\+\\?$", "^$", "b*", "^[\\v\\f\\t]$", "^[.]$", "^[^.]$", "\\n$", "^a|b$"]
SUBJECTS = [
    "", "a", "b", "ab", "aa", "abab", "abc", "abc\n", "ba", "bb", "Z", "0", "42", "٣", "é", "É", "Ω", "😀", "中", " ", "\u00a0", "\ufeff",
    "\u200b", "\u0085", "\u2028", "\n", "\r", "\t", "\v", "\f", "\0", "\x01", "\x1a", "\b", "-", "_", ".", "[", "]", "/.*+?", "a-b.c", "\uffff",
    "\U0010ffff", "K", "\u212a", "\u0301"]
ORACLE = """
const {patterns, subjects} = JSON.parse(require('fs').readFileSync(0));
console.log(JSON.stringify(patterns.map(p => subjects.map(s => new RegExp(p, 'u').test(s)))));
"""


def judged(proviso, answers, turned):
    """A tool for each pattern, called with what fits it and what does not; the patterns whose call breaks its schema."""
    tools, calls = [], []
    for at, (pattern, fits) in enumerate(zip(PATTERNS, answers)):
        parts = {"fit": {"pattern": pattern}, "other": {"not": {"pattern": pattern}}}
        said = {name: [s for s, fit in zip(SUBJECTS, fits) if (fit == (name == "fit")) != turned] for name in parts}
        properties = {name: {"type": "array", "items": part} for name, part in parts.items()}
        tools.append({"type": "function", "function": {
            "name": f"f{at}", "parameters": {"type": "object", "properties": properties}}})
        calls.append({"id": f"c{at}", "type": "function", "function": {"name": f"f{at}", "arguments": json.dumps(said)}})
    message = {"role": "assistant", "content": None, "tool_calls": calls}
    (proviso.cwd / "asked.json").write_text(json.dumps({"model": "m", "messages": [{"role": "user", "content": "x"}], "tools": tools}))
    (proviso.cwd / "reply.json").write_text(json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [
        {"index": 0, "finish_reason": "tool_calls", "message": message}]}))
    done = proviso("inspect", "reply.json", "--request", "asked.json")
    assert done.code == 0, done
    said = json.loads(done.out)
    assert len(said["choices"][0]["tool_calls"]) == len(PATTERNS) and said["violations_dropped"] == 0
    broken = [v["detail"] for v in said["violations"] if v["case"] in ("TC-04", "TC-05")]
    return {PATTERNS[int(re.match(r"tool call (\d+):", detail)[1])] for detail in broken}


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node here")
def test_patterns_mean_what_javascript_says(proviso):
    done = subprocess.run(["node", "-e", ORACLE], input=json.dumps({"patterns": PATTERNS, "subjects": SUBJECTS}), text=True,
                          capture_output=True, timeout=RUN_LIMIT_S, env=environment(), check=True)
    answers = json.loads(done.stdout)
    assert judged(proviso, answers, turned=False) == set()
    assert judged(proviso, answers, turned=True) == set(PATTERNS)
