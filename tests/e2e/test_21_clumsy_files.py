"""Configs and case files as people and hostile people write them: each mistake has its place and a next step, none ends the
process, and what is not meant is not taken silently."""
import re

import pytest

from conftest import chat, reply

HEAD = "version: 1\nproviders: {lab: {base_url: 'http://127.0.0.1:1/v1', models: {m: {}, n: {}}}}\n"
BOMB = "".join(f"{name}: &{name} [{', '.join(['*' + of] * 9) if of else '1, 1, 1, 1, 1, 1, 1, 1, 1'}]\n"
               for name, of in zip("abcde", ["", "a", "b", "c", "d"], strict=True))
ROUTE = "routes: {a: {targets: [lab/m, lab/n], %s}}\n"

REFUSED = {
    # the file
    "": "1:1: this config is empty", "# nothing\n": "1:1: this config is empty", "- a\n": "1:1: this config is an array",
    "hello\n": "1:1: this config is a string", HEAD + "---\n" + HEAD: "3:1: a second document",
    HEAD.encode("utf-16"): "1:1: this file is UTF-16; save it as UTF-8", HEAD.encode() + b"routes: {\xff: {}}\n": "3:10: byte 0xff is no UTF-8",
    HEAD + "routes: {'a\0b': {}}\n": "3:12: U+0000 can't stand", HEAD + "\ufeffroutes: {}\n": "3:1: U+FEFF can't stand",
    HEAD + "routes:\n\ta: {}\n": "4:1: a tab can't indent", (HEAD + "routs: {}\n").replace("\n", "\r\n"): "3:1: unknown key 'routs' (did you mean 'routes'?)",
    "\ufeff" + HEAD + "routs: {}\n": "3:1: unknown key 'routs'", HEAD + "routes: {a: {targets: [lab/m]}\n": "4:1: want ',' or '}' here",
    HEAD + "routes: {a: {targets: ['lab/m]}}\n": "3:24: this quote is never closed", "%YAML 9.9\n---\n" + HEAD: "1:1: want %YAML 1.2",
    # keys, anchors, depth
    HEAD + "providers: {}\n": "3:1: the key \"providers\" stands here again; the first is at 2:1",
    '{"version":1,"version":1,"providers":{}}': "1:14: the key \"version\" stands here again",
    HEAD + BOMB: "6:8: aliases make more than", HEAD + "routes: &r {a: *r}\n": "3:16: the alias *r stands within its own anchor",
    HEAD + "routes: *r\n": "3:9: no anchor &r", HEAD + "routes:\n  a: &b {targets: [lab/m]}\n  c: {<<: *b}\n": "5:7: merge keys",
    HEAD + "routes: " + "[" * 5000 + "]" * 5000 + "\n": "3:72: nested deeper than 64", HEAD + "routes: {[a]: {}}\n": "3:10: a list can't be a key",
    HEAD + "routes: !!python/object {}\n": "3:9: the tag", HEAD + "ledger: {path: !!binary aGk=}\n": "3:16: the tag",
    HEAD + "policy: {waivers: [{target: lab/m, case: A, owner: x, until: 2099-12-31, reason: y}]}\n":
        "3:74: unknown key 'reason' in this waiver; it has target, case, owner, until and why",
    # numbers, durations, money, shares
    "version: 2\n" + HEAD[11:]: "1:10: version is 2; want a whole number: 1",
    HEAD + ROUTE % "min_targets: 99999999999999999999999999": "3:52: min_targets is 99999999999999999999999999; want a whole number from",
    HEAD + ROUTE % "min_targets: -1": "3:52: min_targets is -1", HEAD + ROUTE % "min_quality: .nan": "3:52: min_quality is no share",
    HEAD + "proxy: {timeouts: {idle: -5s}}\n": "3:26: idle is \"-5s\"; want a duration like", HEAD + "proxy: {timeouts: {idle: 5}}\n": "3:26: idle is 5; want a",
    HEAD + "proxy: {timeouts: {idle: 5 parsecs}}\n": "3:26: idle is \"5 parsecs\"; want", HEAD + "proxy: {timeouts: {idle: 0s}}\n": "3:26: idle is \"0s\"; want a duration of at least 1ms",
    HEAD + "proxy: {timeouts: {idle: 106751991d}}\n": "3:26: idle is \"106751991d\"; want a duration like 500ms, 10s, 15m, 1h or 14d (at most 36500d)",
    HEAD + "budgets: [{scope: {team: a}, limit_usd: '-5', per: day}]\n": "3:41: limit_usd is \"-5\"; want an amount in USD",
    HEAD + "check: {max_spend: '2,00'}\n": "3:20: max_spend is \"2,00\"; want an amount",
    # names
    HEAD + "routes: {a: {targets: []}}\n": "3:23: a route without targets leads nowhere", HEAD + "routes: {a: }\n": "3:13: this route has no 'targets'",
    HEAD + "routes: {a: {targets: [lab/m, lab/m]}}\n": "3:31: lab/m stands twice", HEAD + "routes: {a: {targets: [a]}}\n": "3:24: 'a' is no target; want provider/model",
    HEAD + "routes: {a: {targets: [lab/]}}\n": "3:24: 'lab/' is no target; want provider/model", HEAD + "routes: {a: {targets: [l\u0430b/m]}}\n": "3:24: there is no provider",
    HEAD + "routes: {a: {targets: [5]}}\n": "3:24: targets is 5; want a string: put it in quotes",
    HEAD + "routes: {a/b: {targets: [lab/m]}}\n": "3:15: a route's name",
    "version: 1\nproviders: {\u043b\u0430\u0431: {base_url: 'http://127.0.0.1:1/v1'}}\n": "2:13: a provider's name holds letters",
    "version: 1\nproviders: {opnai: {}}\n": "2:13: provider 'opnai' is not in the catalogue (did you mean 'openai'?)",
    HEAD + ROUTE % "strategy: cheapset": "3:49: strategy is \"cheapset\"; want cheapest, fastest", HEAD + ROUTE % "by_task: {x: {}}": "3:52: no task \"x\"; there is none here",
    HEAD + ROUTE % "weights: {lab/m: 0, lab/n: 0}": "3:48: all weights are 0", HEAD + ROUTE % "fallback_on: [tuesday]": "3:53: no reason to fall back \"tuesday\"; there is content_filter",
    HEAD + ROUTE % "hedge: {after: soon}": "3:54: after is \"soon\"; want p95, or a time", HEAD + ROUTE % "shapes: []": "3:47: shapes is empty; want a list",
    HEAD + "ledger: {path: ''}\n": "3:16: path is empty; want a path", HEAD + "keys: {store: ''}\n": "3:15: store is empty; want a path",
    HEAD + "alerts: {webhook: 'https://a.b/', secret: 'env:X', events: [nothing]}\n": "3:61: no event \"nothing\"; there is budget.soft, budget.hard",
}


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: REFUSED[body][:40])
def test_each_mistake_has_its_place_and_a_next_step(proviso, body):
    (proviso.cwd / "proviso.yaml").write_bytes(body if isinstance(body, bytes) else body.encode())
    done = proviso("validate")
    place, _, words = REFUSED[body].partition(": ")
    assert done.code == 2 and f"proviso.yaml:{place}: error: {words}" in done.err, done
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", done.err.replace("\r\n", "")), "no control character comes through"


@pytest.mark.parametrize("body", [HEAD, "\ufeff" + HEAD, HEAD.replace("\n", "\r\n"), "version:\t1\n" + HEAD[11:], HEAD + "routes: {\u7f16\u7801: {targets: lab/m}}\n",
                                  HEAD + "proxy: {timeouts: {idle: 36500d, first_event: 36500d, total: 36500d}}\n"])
def test_what_is_only_unusual_is_taken(proviso, body):
    (proviso.cwd / "proviso.yaml").write_text(body, newline="")
    done = proviso("validate")
    assert done.code == 0 and done.err == "", done


def test_the_longest_times_and_the_oddest_names_serve(start, scripted):
    """The time of a hundred years does not overflow, and a name that no header can hold is left out of it."""
    times = dict.fromkeys(("connect", "first_event", "idle", "total", "headers", "body", "write", "queue"), "36500d")
    proxy = start({"a": scripted(lambda head, body, number: reply(chat())).url}, proxy={
        "timeouts": times, "breaker": {"window": "36500d", "open": "36500d"}, "probes": {"interval": "36500d", "per_day_usd": "1"}},
        ledger={"path": "x.db", "retain": "36500d"}, policy={"max_age": "36500d"}, tasks=[
            {"name": "odd\0\x1b", "match": {"header": {"x-kind": "odd"}}}, {"name": "even", "match": {"header": {"x-kind": "even"}}}])
    for kind, told in (("odd", None), ("even", "even")):
        answer = proxy.chat(headers={"x-kind": kind})
        assert answer.status == 200 and answer.headers.get("x-proviso-task") == told, answer
