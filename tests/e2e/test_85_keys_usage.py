"""Virtual keys and usage, through the commands: what is printed, kept, refused."""
import csv
import io
import json
import random
import re
import sqlite3
import stat
import zlib
from fractions import Fraction

import pytest

PROVIDERS = "version: 1\nproviders: {lab: {base_url: 'http://127.0.0.1:1/v1'}}\n"
CONFIG = PROVIDERS + "keys: {store: k.db}\nledger: {path: k.db}\n"
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def desk(proviso):
    (proviso.cwd / "proviso.yaml").write_text(CONFIG)
    return proviso


def create(desk, *more):
    done = desk("key", "create", "--name", "ci", *more)
    assert done.code == 0 and done.err == "", done
    return done.out.removesuffix("\n")


def listed(desk):
    done = desk("key", "list", "--format", "json")
    assert done.code == 0, done
    return json.loads(done.out)


def test_a_key_is_printed_once_and_only_its_hash_is_kept(desk):
    key = create(desk)
    assert re.fullmatch(r"pv_[0-9A-Za-z]{8}_[0-9A-Za-z]{38}", key)
    crc, tail = zlib.crc32(key[:-6].encode()), ""
    for _ in range(6):
        crc, digit = divmod(crc, 62)
        tail = DIGITS[digit] + tail
    assert key.endswith(tail)
    assert create(desk) != key
    secret = key[12:44].encode()
    for path in desk.cwd.iterdir():
        if path.name != "proviso.yaml":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert secret not in path.read_bytes(), path
    assert key not in desk("key", "list").out and secret.decode() not in desk("key", "list", "--format", "json").out


def test_what_a_key_may_do_is_listed(desk):
    key = create(desk, "--team", "search", "--team", "ads*", "--route", "coder", "--target", "lab/*", "--endpoint", "chat",
                 "--requests-per-minute", "60", "--tokens-per-minute", "1000", "--streams", "4",
                 "--budget", "12.5", "--per", "month", "--content", "redacted", "--expires", "2999-12-31")
    [said] = listed(desk)
    assert said["id"] == key[3:11]
    assert {name: said[name] for name in ("name", "state", "teams", "routes", "targets", "endpoints", "requests_per_minute",
                                          "tokens_per_minute", "streams", "per", "content", "expires_at", "revoked_at")} == {
        "name": "ci", "state": "active", "teams": ["search", "ads*"], "routes": ["coder"], "targets": ["lab/*"],
        "endpoints": ["chat"], "requests_per_minute": 60, "tokens_per_minute": 1000, "streams": 4, "per": "month", "content": "redacted",
        "expires_at": "3000-01-01T00:00:00.000Z", "revoked_at": None}
    assert float(said["budget_usd"]) == 12.5
    assert key[3:11] in desk("key", "list").out


def test_a_store_of_the_first_release_is_taken_over_with_its_keys(desk):
    key = create(desk)
    store = sqlite3.connect(desk.cwd / "k.db", isolation_level=None)
    for column in ("content", "evidence", "max_age", "unpriced"):
        store.execute(f"ALTER TABLE keys DROP COLUMN {column}")
    for table_name in ("attempts", "open_attempts"):
        for column in ("computed_cost_usd", "expected_cost_usd", "cost_parts", "cost_difference_usd", "served_by"):
            store.execute(f"ALTER TABLE {table_name} DROP COLUMN {column}")
    made, = store.execute("SELECT sql FROM sqlite_schema WHERE name='open_attempts'").fetchone()
    store.execute("DROP TABLE open_attempts")
    store.execute(made.replace("id INTEGER PRIMARY KEY, ", "").replace(") STRICT", ", PRIMARY KEY(request_id, attempt)) STRICT, WITHOUT ROWID"))
    store.execute("INSERT INTO attempts(request_id, attempt, started_at, cost_usd) VALUES('r', 1, 1767312000000, 5)")
    store.execute("INSERT INTO open_attempts(request_id, attempt, started_at, charged) VALUES('o', 2, 1767312000000, 7)")
    store.execute("PRAGMA user_version=1")
    store.close()
    for arguments in (("usage",), ("usage", "--format", "json"), ("usage", "--format", "focus")):
        assert desk(*arguments).code == 0, "whoever only reads changes nothing"
    [row] = table(desk("usage", "--format", "csv"))
    assert (row["cost_usd"], row["cost_parts"], row["cost_difference_usd"]) == ("0.000000000005", "", "")
    [said] = listed(desk)
    assert said["id"] == key[3:11] and said["content"] is None and said["state"] == "active"
    create(desk, "--content", "full")
    assert [k["content"] for k in listed(desk)] == [None, "full"]
    assert {(k["evidence"], k["max_age_s"]) for k in listed(desk)} == {("config", None)}
    store = sqlite3.connect(desk.cwd / "k.db")
    kept = store.execute("SELECT id, request_id, attempt, started_at, charged, served_by FROM open_attempts").fetchall()
    store.close()
    assert kept == [(1, "o", 2, 1767312000000, 7, None)], "what a crash of it left open is charged at the next start"


def test_a_key_may_demand_more_of_the_evidence(desk):
    create(desk, "--evidence", "strict", "--max-age", "7d", "--budget", "1", "--per", "day", "--unpriced", "allow")
    [said] = listed(desk)
    assert (said["evidence"], said["max_age_s"], said["unpriced"]) == ("strict", 7 * 86400, "allow")
    assert desk("key", "create", "--name", "ci", "--unpriced", "allow").code == 2
    assert desk("key", "create", "--name", "ci", "--evidence", "none").code == 2
    assert desk("key", "create", "--name", "ci", "--max-age", "0s").code == 2


def test_rotate_and_revoke(desk):
    old = create(desk)
    done = desk("key", "rotate", old[3:11], "--overlap", "24h")
    assert done.code == 0 and done.out[3:11] == old[3:11] and done.out.strip() != old
    [said] = listed(desk)
    assert said["rotated_at"] < said["overlap_until"] and said["state"] == "active"
    assert desk("key", "revoke", old[3:11]).code == 0
    [said] = listed(desk)
    assert said["state"] == "revoked"
    assert desk("key", "revoke", old[3:11]).code == 0
    assert listed(desk) == [said]  # the first time counts
    done = desk("key", "rotate", old[3:11])
    assert done.code == 2 and "revoked" in done.err and done.out == ""


@pytest.mark.parametrize("arguments, says", [
    ((), "want one of create, list, rotate, revoke"),
    (("make",), '"make" is none of'),
    (("create",), "wants --name"),
    (("create", "--name", ""), "--name wants 1 to"),
    (("create", "--name", "a\nb"), "--name wants 1 to"),
    (("create", "--name", "a", "b"), "options only"),
    (("create", "--name", "a", "--overlap", "1h"), "--overlap does not belong to create"),
    (("list", "--budget", "1"), "--budget does not belong to list"),
    (("revoke", "--name", "x", "abcdefgh"), "--name does not belong to revoke"),
    (("create", "--name", "a", "--budget", "1"), "belong together"),
    (("create", "--name", "a", "--per", "day"), "belong together"),
    (("create", "--name", "a", "--per", "year", "--budget", "1"), "hour, day, week, month, prepaid"),
    (("create", "--name", "a", "--endpoint", "chats"), "--endpoint is"),
    (("create", "--name", "a", "--expires", "2020-01-01"), "over already"),
    (("create", "--name", "a", "--expires", "soon"), "want a day"),
    (("create", "--name", "a", "--requests-per-minute", "0"), "a number from 1"),
    (("rotate",), "wants the ID"),
    (("revoke", "pv_abcdefgh"), "public part"),
    (("revoke", "abcdefgh"), "there is no key abcdefgh"),
])
def test_wrong_usage_is_told(desk, arguments, says):
    done = desk("key", *arguments)
    assert done.code == 2 and says in done.err and done.out == "", done
    if says != "there is no key abcdefgh" and "public part" not in says:
        assert not (desk.cwd / "k.db").exists()


def test_the_environment_gives_only_what_belongs_to_the_verb(desk):
    done = desk("key", "list", env={"PROVISO_NAME": "x", "PROVISO_FORMAT": "json"})
    assert done.code == 0 and json.loads(done.out) == []


def test_another_pepper_and_a_lost_one_are_told(desk):
    create(desk)
    (desk.cwd / "k.db.pepper").unlink()
    done = desk("key", "list")
    assert done.code == 2 and "k.db.pepper is gone" in done.err
    (desk.cwd / "proviso.yaml").write_text(CONFIG.replace("k.db}\nledger", "k.db, pepper: env:PEPPER}\nledger"))
    done = desk("key", "list", env={"PEPPER": "something-else"})
    assert done.code == 2 and "another pepper" in done.err and "something-else" not in done.err


def test_a_store_that_is_none(desk):
    (desk.cwd / "k.db").write_text("no database, but longer than its header would be" * 100)
    done = desk("key", "list")
    assert done.code == 2 and "k.db" in done.err
    (desk.cwd / "k.db").unlink()
    other = sqlite3.connect(desk.cwd / "k.db")
    other.execute("CREATE TABLE mine(a)")
    other.close()
    before = (desk.cwd / "k.db").read_bytes()
    for command in (("key", "list"), ("usage", "--ledger", "k.db")):
        done = desk(*command)
        assert done.code == 2 and "none of Proviso" in done.err
    assert (desk.cwd / "k.db").read_bytes() == before  # whoever is refused is left as it was
    (desk.cwd / "proviso.yaml").write_text(PROVIDERS)
    done = desk("key", "list")
    assert done.code == 2 and "names no key store" in done.err


# --- usage -----------------------------------------------------------------------------------------------------------

HEADER = ("request_id,attempt,started_at,key_id,team,workflow,task,risk,route,requested_model,target,reported_model,dialect_in,"
          "dialect_out,shape,matrix,stream,status,outcome,finish_reason,fallback_reason,ttft_ms,latency_ms,overhead_us,"
          "prompt_tokens,cached_tokens,cache_write_tokens,completion_tokens,reasoning_tokens,usage_source,cost_usd,cost_source,"
          "price_version,baseline_cost_usd,budget,client_disconnected,computed_cost_usd,expected_cost_usd,cost_parts,"
          "cost_difference_usd,served_by").split(",")
PICO = 10 ** 12


def fill(desk, rows):
    """Rows as the ledger's thread writes them, into a store that the program made."""
    if not (desk.cwd / "k.db").exists():
        create(desk)
    names = HEADER + ["charged"]
    base = dict.fromkeys(names) | {"attempt": 1, "started_at": 1767225600000, "stream": 0, "outcome": "ok",
                                   "client_disconnected": 0, "target": "lab/small"}
    db = sqlite3.connect(desk.cwd / "k.db")
    db.executemany(f"INSERT INTO attempts({','.join(names)}) VALUES({','.join('?' * len(names))})",
                   [[(base | {"request_id": f"r{i}"} | row)[name] for name in names] for i, row in enumerate(rows)])
    db.commit()
    db.close()


def usage(desk, *arguments, code=0):
    done = desk("usage", *arguments)
    assert done.code == code, done
    return done


def table(done):
    return list(csv.DictReader(io.StringIO(done.out, newline="")))


def test_rows_have_the_contracts_columns_and_unknown_is_empty(desk):
    fill(desk, [{"started_at": 1767225600123, "team": "=cmd()", "stream": 1, "cost_usd": 1, "prompt_tokens": 0},
                {"request_id": "a", "attempt": 2, "started_at": 1767225600000, "cost_usd": 12 * PICO, "target": 'a/b,"c"'}])
    done = usage(desk, "--format", "csv")
    assert done.out.splitlines()[0] == ",".join(HEADER)
    first, second = table(done)
    assert first == dict.fromkeys(HEADER, "") | {
        "request_id": "a", "attempt": "2", "started_at": "2026-01-01T00:00:00.000Z", "target": 'a/b,"c"', "outcome": "ok",
        "stream": "false", "client_disconnected": "false", "cost_usd": "12"}
    assert (second["cost_usd"], second["prompt_tokens"], second["team"], second["stream"], second["started_at"]) == \
        ("0.000000000001", "0", "'=cmd()", "true", "2026-01-01T00:00:00.123Z")
    said = json.loads(usage(desk, "--format", "json").out, parse_float=str)
    assert list(said[0]) == HEADER and said[0]["team"] is None and said[1]["team"] == "=cmd()"
    assert usage(desk, "--format", "csv", "--since", "2026-01-02").out == ",".join(HEADER) + "\n"  # (the rig reads CRLF as one)


def test_sums_are_exact_over_a_hundred_thousand_rows(desk):
    dice = random.Random(7)
    rows = [{"team": dice.choice(["a", "b", None]), "target": dice.choice(["x/m", "x/n", "y/m/n"]),
             "started_at": 1767225600000 + dice.randrange(5 * 86400000),
             "cost_usd": dice.choice([None, dice.randrange(10 ** 12), dice.randrange(10 ** 18)]),
             "cost_difference_usd": dice.choice([None, dice.randrange(-10 ** 18, 10 ** 18)]),
             "outcome": dice.choice(["ok", "cut"]), "prompt_tokens": dice.choice([None, dice.randrange(10 ** 6)])}
            for _ in range(100000)]
    fill(desk, rows)
    by = {"team": lambda r: r["team"] or "", "provider": lambda r: r["target"].split("/")[0],
          "model": lambda r: r["target"].split("/", 1)[1], "day": lambda r: str(1 + (r["started_at"] - 1767225600000) // 86400000)}
    for chosen in (["team"], ["provider", "model"], ["day", "team"]):
        wanted = {}
        for row in rows:
            group = wanted.setdefault(tuple(by[name](row) for name in chosen), [0, 0, 0, 0, Fraction(0), 0, Fraction(0)])
            group[0] += 1
            group[1] += row["outcome"] == "ok"
            group[2] += row["cost_usd"] is None
            group[3] += row["prompt_tokens"] or 0
            group[4] += Fraction(row["cost_usd"] or 0, PICO)
            group[5] += row["cost_difference_usd"] is not None
            group[6] += Fraction(row["cost_difference_usd"] or 0, PICO)
        options = [word for name in chosen for word in ("--by", name)]
        got = {tuple(r[n][-1] if n == "day" else r[n] for n in chosen):
               [int(r["attempts"]), int(r["ok"]), int(r["unpriced"]), int(r["prompt_tokens"]), Fraction(r["cost_usd"]),
                int(r["compared"]), Fraction(r["cost_difference_usd"])]
               for r in table(usage(desk, *options, "--format", "csv"))}
        assert got == wanted
        said = json.loads(usage(desk, *options, "--format", "json").out, parse_float=Fraction, parse_int=Fraction)
        assert sum(g["cost_usd"] for g in said["groups"]) == said["total"]["cost_usd"] == sum(g[4] for g in wanted.values())
        assert said["total"]["cost_usd"] > 9300000  # beyond what an integer of 10^-12 holds
    shown = usage(desk, "--by", "team").out
    assert "total" in shown and "unpriced" in shown and "reported-computed" in shown


def test_what_no_attempt_says_is_unknown_in_sums_too(desk):
    """A target without a price did not cost nothing."""
    fill(desk, [{"target": "a/m", "outcome": "ok", "prompt_tokens": 10}, {"target": "a/m", "outcome": "timeout"},
                # Nobody was reached, or nobody bills the answer: these two cost nothing by their nature.
                {"target": "a/m", "outcome": "error"}, {"target": "a/m", "outcome": "refused", "status": 400},
                {"target": "b/m", "outcome": "ok", "prompt_tokens": 0, "cached_tokens": 0, "cost_usd": 0, "baseline_cost_usd": 2 * PICO}])
    none, free = table(usage(desk, "--by", "target", "--format", "csv"))
    names = ("prompt_tokens", "cached_tokens", "completion_tokens", "cost_usd", "baseline_cost_usd", "unpriced")
    assert [none[name] for name in names] == ["10", "", "", "", "", "2"]
    assert [free[name] for name in names] == ["0", "0", "", "0", "2", "0"]
    said = json.loads(usage(desk, "--by", "target", "--format", "json").out)
    assert [said["groups"][0][name] for name in names] == [10, None, None, None, None, 2]
    assert [said["total"][name] for name in names] == [10, 0, None, 0, 2, 2]
    shown = usage(desk, "--by", "target").out.splitlines()
    assert shown[1].split() == ["a/m", "4", "1", "10", "-", "2", "-"] and shown[2].split() == ["b/m", "1", "1", "0", "-", "0", "0"]
    page = usage(desk, "--format", "html").out
    assert "<td class=n>10<td class=n>unknown<td class=n>2<td class=n>unknown<td class=n>unknown" in page


def test_usage_is_a_page_that_says_all_that_it_draws(desk):
    day = 86400000
    fill(desk, [{"started_at": 1767225600000 + n * 2 * day, "target": target, "team": "<b>a&b", "cost_usd": cost, "outcome": "ok",
                 "prompt_tokens": 10, "completion_tokens": 2} for n in range(3)
                for target, cost in (("x/m", 3 * PICO), ("y/<script>", 1), ("z/m", None))])
    page = usage(desk, "--format", "html").out
    assert "<script" not in page.lower().replace("&lt;script", "") and "<b>a" not in page and "src=" not in page
    assert "9 requests in 9 attempts, 9.000000000003 USD and 3 attempts of unknown cost" in page
    assert page.count("<svg ") == 1 and ">x/m</text>" in page and ">y/&lt;script&gt;</text>" in page and ">z/m</text>" not in page
    for title in ("By target", "By team", "By day"):
        assert f"<h2>{title}</h2>" in page
    assert "<h2>By workflow</h2>" not in page  # nobody named one
    days = re.findall(r"<th scope=row>(\d{4}-\d\d-\d\d)", page)
    assert days == ["2026-01-01", "2026-01-03", "2026-01-05"]
    assert "<td class=n>9<td class=n>3.000000" in page  # x/m: its three answers, and what each cost
    assert usage(desk, "--format", "html", "--since", "2027-01-01").out.count("<svg ") == 0
    assert desk("usage", "--format", "html", "--by", "team").code == 2


def test_rows_come_oldest_first_and_by_their_names_within_a_moment(desk):
    """However they were written: an export of today and one of tomorrow can be compared line by line."""
    dice = random.Random(3)
    rows = [{"request_id": f"q{number // 3:04d}", "attempt": number % 3 + 1, "started_at": 1767225600000 + number // 60}
            for number in range(3000)]
    dice.shuffle(rows)
    fill(desk, rows)
    wanted = [(f"q{number // 3:04d}", str(number % 3 + 1)) for number in range(3000)]
    assert [(row["request_id"], row["attempt"]) for row in table(usage(desk, "--format", "csv"))] == wanted
    said = json.loads(usage(desk, "--format", "json", "--since", "2026-01-01T00:00:00.010Z").out)
    assert [(row["request_id"], str(row["attempt"])) for row in said] == wanted[600:]


def test_days_bound_what_is_counted(desk):
    midnight = 1767312000000  # 2026-01-02
    fill(desk, [{"started_at": midnight - 1, "cost_usd": PICO}, {"started_at": midnight, "cost_usd": 2 * PICO},
                {"started_at": midnight + 86400000, "cost_usd": 4 * PICO}])

    def cost(*arguments):
        return sum(int(row["cost_usd"]) for row in table(usage(desk, "--by", "day", "--format", "csv", *arguments)))
    assert cost() == 7
    assert cost("--since", "2026-01-02") == 6
    assert cost("--until", "2026-01-02") == 3
    assert cost("--since", "2026-01-02", "--until", "2026-01-02") == 2
    assert cost("--until", "2026-01-02T00:00:00Z") == 1


BUDGETS = """budgets:
  - {scope: {team: search}, limit_usd: "10", per: month, soft: "0.8"}
  - {scope: {team: search, target: lab/small}, limit_usd: "100", per: prepaid}
  - {scope: {provider: lab}, limit_usd: "5.5", per: week}
"""
EVER, ONCE = 32472144000000, 978307200000  # 2999 and 2001: in every period that has begun, and in none but the prepaid


def test_budgets_say_what_is_spent_and_left(desk):
    """Whoever has to top up a prepaid account, or asks why requests are refused, sees it without reading a log."""
    (desk.cwd / "proviso.yaml").write_text(CONFIG + BUDGETS)
    key = create(desk, "--budget", "2", "--per", "day")[3:11]
    create(desk, "--budget", "3", "--per", "day", "--expires", "2999-12-31")
    gone = create(desk, "--budget", "4", "--per", "day")[3:11]
    assert desk("key", "revoke", gone).code == 0
    fill(desk, [{"team": "search", "key_id": key, "started_at": EVER, "cost_usd": 8 * PICO + 1, "charged": 8 * PICO + 1},
                {"team": "search", "started_at": ONCE, "cost_usd": 20 * PICO, "charged": 21 * PICO},
                {"team": "ads", "started_at": EVER, "cost_usd": None, "charged": None}])
    db = sqlite3.connect(desk.cwd / "k.db")
    db.execute("INSERT INTO open_attempts(request_id, attempt, started_at, team, target, charged) VALUES('o', 1, ?, 'search', "
               "'lab/small', ?)", [EVER, PICO // 2])
    db.execute("INSERT INTO swept VALUES(?, '', 'search', '', '', 'lab/small', 7, 30, 5)", [ONCE])
    db.commit()
    db.close()
    rows = table(usage(desk, "--budgets", "--format", "csv"))
    said = json.loads(usage(desk, "--budgets", "--format", "json").out, parse_float=Fraction, parse_int=Fraction)
    shown = usage(desk, "--budgets").out.splitlines()
    assert [row["budget"] for row in rows] == ["team=search per month", "team=search target=lab/small prepaid", "provider=lab per week",
                                               f"key={key} per day", rows[4]["budget"]]
    assert [(row["spent_usd"], row["reserved_usd"], row["left_usd"], row["standing"]) for row in rows] == [
        ("8.000000000001", "0.5", "1.499999999999", "soft"), ("59.000000000006", "0.5", "40.499999999994", "ok"),
        ("8.000000000001", "0.5", "-3.000000000001", "full"), ("8.000000000001", "0", "-6.000000000001", "full"),
        ("0", "0", "3", "ok")]
    month, prepaid, week, own, _ = rows
    assert (month["limit_usd"], month["soft_usd"], month["used_share"]) == ("10", "8", "0.85") and month["period_end"] > month["period_start"]
    assert (prepaid["period_start"], prepaid["period_end"], prepaid["soft_usd"], prepaid["target"]) == ("", "", "", "lab/small")
    assert (own["key_id"], own["key_name"], own["per"], week["provider"]) == (key, "ci", "day", "lab")
    for row, one in zip(rows, said):
        assert list(row) == list(one)
        for name in row:
            text = name.endswith("_usd") or name == "used_share"
            assert (row[name] or None) == one[name] or (text and Fraction(row[name]) == one[name]), name
    assert len(shown) == 6 and "team=search per month" in shown[1] and " 85%  soft" in shown[1] and shown[2].endswith("never")
    assert f"key={key} per day (ci)" in shown[4] and "-6.00" in shown[4]
    assert shown[1].split()[3:7] == ["10.00", "8.00", "0.500000", "1.50"] and "0.00" in shown[5].split()


def test_budgets_of_a_proxy_that_never_ran_are_whole(desk):
    (desk.cwd / "proviso.yaml").write_text(CONFIG + BUDGETS)
    rows = table(usage(desk, "--budgets", "--format", "csv"))
    assert [(row["spent_usd"], row["left_usd"]) for row in rows] == [("0", "10"), ("0", "100"), ("0", "5.5")]
    assert not (desk.cwd / "k.db").exists()
    (desk.cwd / "proviso.yaml").write_text(CONFIG)
    done = usage(desk, "--budgets")
    assert "no budget is in the config" in done.err and len(done.out.splitlines()) == 1
    assert json.loads(usage(desk, "--budgets", "--format", "json").out) == []


@pytest.mark.parametrize("arguments, says", [
    (("--by", "cost_usd"), "--by is"), (("--by", "started_at"), "--by is"), (("--by", "nothing"), "--by is"),
    (("--since", "yesterday"), "want a day"), (("--format", "focus", "--by", "team"), "does not go with it"),
    (("--format", "xml"), "table, csv, json, focus"), (("--budgets", "--by", "team"), "do not go with it"),
    (("--budgets", "--since", "2026-01-01"), "do not go with it"), (("--budgets", "--format", "focus"), "want table, csv or json"), (("k.db",), "unexpected argument"),
    (("--by", "team") * 9, "at most 8"), (("--by", "team", "--by", "day", "--by", "team"), "--by team is given twice"),
    (("--since", "2026-01-02", "--until", "2026-01-01"), "--until ends before --since begins"),
    (("--ledger", "absent.db"), "absent.db is not there"), ((), "k.db is not there"),
])
def test_wrong_usage_of_usage_is_told(desk, arguments, says):
    done = usage(desk, *arguments, code=2)
    assert says in done.err and done.out == ""
    assert not (desk.cwd / "k.db").exists() and not (desk.cwd / "absent.db").exists()
