"""What .github/SECURITY.md claims of hostile providers, clients, files and neighbours, tried on the real program."""
import csv
import gzip
import io
import json
import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import threading

import pytest

from conftest import PLAIN, RUN_LIMIT_S, Proviso, chat, environment, program_for_anybody, reply
from proxy_rig import KEYS, SSE_HEAD, chunk, config_of, key_of

EVIL = "\x1b[2J=cmd|' /C calc'!A0<script>alert(1)</script>\u202e\r\n::error::forged"
ONE = ("--model", "m", "--case", "CH-03")


def elsewhere(url, status):
    return reply(b"", status, extra=f"location: {url}/chat/completions\r\n")


# --- a hostile provider -----------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_a_redirect_is_followed_by_nobody(proviso, scripted, start, status):
    """Not by check, not by the proxy, and not by its client: no request and no key goes where a provider points to."""
    inside = scripted(lambda head, body, number: reply(chat()))
    provider = scripted(lambda head, body, number: elsewhere(inside.url, status))
    done = proviso("check", "--base-url", provider.url, *ONE, "--api-key-env", "KEY", env={"KEY": "sk-goes-nowhere-else"})
    assert done.code == 1 and f"status is {status[:3]}, want 200" in done.out, done
    proxy = start({"a": provider.url})
    for answer in (proxy.chat(), proxy.stream()):
        assert answer.status >= 400 and "location" not in answer.headers, answer
    assert inside.requests == []


def test_a_providers_headers_do_not_speak_for_the_proxy(start, scripted):
    provider = scripted(lambda head, body, number: reply(chat(), extra=(
        "x-proviso-target: forged/target\r\nx-proviso-cost-usd: 0\r\nset-cookie: a=b\r\nstrict-transport-security: max-age=1\r\n"
        "access-control-allow-origin: *\r\nserver: forged\r\nx-proviso-request-id: forged\r\n")))
    answer = start({"a": provider.url}).chat()
    assert answer.status == 200 and answer.headers["x-proviso-target"] == "a/m", answer
    assert answer.headers["x-proviso-request-id"] != "forged" and float(answer.headers["x-proviso-cost-usd"]) > 0
    assert not {"set-cookie", "strict-transport-security", "access-control-allow-origin"} & set(answer.headers), answer
    assert answer.headers.get("server") != "forged"


@pytest.mark.parametrize("status", ["400 Bad Request", "401 Unauthorized", "500 Internal Server Error"])
def test_a_providers_key_reaches_no_client(start, scripted, status):
    """Many servers quote the key that they refuse."""
    key = key_of("a")
    error = {"error": {"message": f"Incorrect API key provided: {key}", "type": "invalid_request_error", "param": key, "code": None}}
    provider = scripted(lambda head, body, number: reply(error, status, extra=f"x-echo: {key}\r\nretry-after: 0\r\n"))
    proxy = start({"a": provider.url})
    for answer in (proxy.chat(), proxy.stream()):
        assert answer.status >= 400 and key.encode() not in answer.body and key not in str(answer.headers), answer


def test_nor_within_a_stream(start, scripted):
    """After the commit the provider's own words pass, but for our key."""
    key, seen = key_of("a"), threading.Event()

    def answer(connection):
        connection.sendall(SSE_HEAD + b"\r\n" + chunk({"role": "assistant", "content": "hel"}))
        assert seen.wait(RUN_LIMIT_S)
        connection.sendall(b'data: {"error":{"message":"the key ' + key.encode() + b' is used up","type":"server_error","code":"x"}}\n\n')

    proxy = start({"a": scripted(lambda head, body, number: answer).url})
    client = proxy.connect()
    client.request("POST", "/v1/chat/completions", json.dumps({"model": "coder", "stream": True, "messages": [
        {"role": "user", "content": "hello"}]}), {"content-type": "application/json"})
    response = client.getresponse()
    got = response.read1(65536)
    seen.set()
    got += response.read()
    client.close()
    assert response.status == 200 and b"hel" in got and b"is used up" in got and key.encode() not in got, got


def test_a_body_that_unpacks_without_end_is_cut_off(proviso, scripted):
    """Nobody asked for gzip, and 256 MiB of blanks are a quarter MB of it."""
    bomb = io.BytesIO()
    with gzip.GzipFile(fileobj=bomb, mode="wb", compresslevel=1) as out:
        for _ in range(256):
            out.write(b" " * (1 << 20))
    provider = scripted(lambda head, body, number: reply(bomb.getvalue(), extra="content-encoding: gzip\r\n")
                        if number == 1 else reply(chat()))
    # Without sanitizers: 64 MiB are read.
    done, peak_kib = Proviso(proviso.cwd, PLAIN).measured(
        "check", "--base-url", provider.url, "--model", "m", "--case", "CH-03", "--profile", "smoke")
    assert done.code == 1, done
    written = sum(path.stat().st_size for path in proviso.cwd.rglob("*") if path.is_file())
    assert 64 << 20 < written < 100 << 20
    assert peak_kib < 800_000


@pytest.mark.parametrize("usage", [{"prompt_tokens": -1000000, "completion_tokens": -5, "total_tokens": -1000005},
                                   {"prompt_tokens": 1 << 62, "completion_tokens": 1 << 62, "total_tokens": 1 << 63},
                                   {"prompt_tokens": 1e300, "completion_tokens": "1", "total_tokens": None}])
def test_a_usage_that_cannot_be_earns_nobody_money(start, scripted, usage, tmp_path):
    """Nor does it wrap: what was spent never goes down."""
    provider = scripted(lambda head, body, number: reply(chat(usage=usage)))
    proxy = start({"a": provider.url}, ledger={"path": "proviso.db"}, budgets=[{"scope": {"target": "a/m"}, "limit_usd": "1", "per": "month"}])
    assert proxy.chat().status in (200, 502)
    proxy.stop()
    done = Proviso(tmp_path)("usage", "--format", "csv")
    assert done.code == 0, done
    rows = list(csv.DictReader(io.StringIO(done.out)))
    # It is counted here instead, and the budget pays for that.
    assert [(row["usage_source"], float(row["cost_usd"]) > 0) for row in rows] == [("estimated", True)], rows


def test_names_of_a_provider_forge_no_line_of_log_or_metrics(start, scripted):
    provider = scripted(lambda head, body, number: reply(
        {"error": {"message": EVIL, "type": EVIL, "code": EVIL}}, "500 Oops\x1b[31m", extra="retry-after: 0\r\n")
        if number % 2 else reply(chat(model='m"} 1\nforged_metric 1', content=EVIL)))
    proxy = start({"a": provider.url})
    for _ in range(4):
        proxy.chat()
    metrics = proxy.get("/metrics").body.decode()
    assert "\x1b" not in metrics and not any(line.startswith("forged") for line in metrics.splitlines())
    proxy.stop()
    log = proxy.log_path.read_bytes()
    assert b"\x1b" not in log and "\u202e".encode() not in log and b"\n::error" not in log


# --- a hostile client -------------------------------------------------------------------------------


def test_words_of_a_client_are_no_formula_and_no_escape_in_the_books(start, scripted, tmp_path):
    provider = scripted(lambda head, body, number: reply(chat()))
    proxy = start({"a": provider.url}, ledger={"path": "proviso.db"})
    assert proxy.chat(headers={"x-proviso-workflow": "=HYPERLINK(1)"}).status == 200
    proxy.chat(headers={"x-proviso-workflow": "\x9b31m"})
    proxy.stop()
    desk = Proviso(tmp_path)
    done = desk("usage", "--format", "csv")
    assert done.code == 0 and "HYPERLINK" in done.out, done
    for row in csv.reader(io.StringIO(done.out)):
        assert not any(cell[:1] in ("=", "+", "@", "\t", "\r") for cell in row), row
    table = desk("usage", "--by", "workflow").out
    assert "HYPERLINK" in table and "\x9b" not in table and "\x1b" not in table


def test_a_name_is_no_sql_and_no_path(tmp_path):
    (tmp_path / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"a": {
        "base_url": "http://127.0.0.1:9/v1", "models": {"m": {}}}}, "keys": {"store": "proviso.db"}}))
    desk = Proviso(tmp_path)
    for name in ("x'); DROP TABLE keys; --", "../../etc/passwd", "=1+1", "a\x1b[2Jb\u202ec"):
        done = desk("key", "create", "--name", name)
        assert done.code in (0, 2) and (done.code == 0) == (done.out.startswith("pv_")), done
    table = desk("key", "list")
    assert table.code == 0 and "DROP TABLE" in table.out and "\x1b" not in table.out and "\u202e" not in table.out, table
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.startswith("proviso.")) == []


def test_a_client_without_a_key_learns_nothing(start, scripted, tmp_path, proviso):
    """With keys configured only liveness is told to whoever asks."""
    provider = scripted(lambda head, body, number: reply(chat()))
    proxy = start({"a": provider.url}, keys={"store": "proviso.db"})
    for method, path, body in (("POST", "/v1/chat/completions", {"model": "coder", "messages": []}), ("GET", "/v1/models", None),
                               ("GET", "/v1/models/coder", None), ("POST", "/v1/proviso/explain", {"model": "coder", "messages": []}),
                               ("POST", "/v1/messages", {"model": "coder", "messages": [], "max_tokens": 1})):
        answer = proxy.send(method, path, body)
        assert answer.status == 401 and b"coder" not in answer.body, (path, answer)
    assert provider.requests == []


# --- hostile files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("evidence", ["../../secret:0", "/etc/passwd:0", "000001:0/../../../secret", "000001:-1", "000001:99999999999999999999",
                                      "\x00:0", "%2e%2e/secret:0"])
def test_evidence_that_points_elsewhere_is_not_opened(proviso, sim, evidence):
    """A run's folder of somebody else shows its own bytes or none: not even where what it points to has their form."""
    assert proviso("check", "--base-url", sim().url, "--model", "sim-small", "--case", "CH-03", "--api-key-env", "K",
                   "--out", "run", env={"K": "sim-key"}).code == 0
    record = (proviso.cwd / "run/evidence/000001.rec").read_bytes()
    words = b"the secret of this machine"
    stolen = record.replace(b"Reply with this code word ", words.ljust(26)[:26])
    assert words in stolen and len(stolen) == len(record)
    for name in ("secret", "secret.rec"):
        (proviso.cwd / name).write_bytes(stolen)
    for name in ("matrix.json", "journal.jsonl"):
        path = proviso.cwd / "run" / name
        lines = path.read_text().splitlines()
        out = []
        for line in lines:
            at = line.find('"evidence":"')
            if at >= 0:
                end = line.index('"', at + 12)
                line = line[:at + 12] + json.dumps(evidence)[1:-1] + line[end:]
            out.append(line)
        path.write_text("\n".join(out) + "\n")
    for command in (("report", "html", "--run", "run"), ("explain", "--run", "run", "--target", "127.0.0.1/sim-small", "--case", "CH-03"),
                    ("check", "--replay", "run")):
        done = proviso(*command)
        assert "the secret of this machine" not in done.out + done.err and "root:" not in done.out, (command, done)
        assert done.code != 70, (command, done)


def test_a_matrix_of_somebody_else_is_shown_as_text(proviso, sim):
    assert proviso("check", "--base-url", sim().url, "--model", "sim-small", "--case", "CH-03", "--api-key-env", "K", env={"K": "sim-key"}).code == 0
    path = proviso.cwd / "proviso-matrix.json"
    lines = path.read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith('{"target"'))
    cell = json.loads(lines[at].rstrip(","))
    cell["verdict"], cell["outcomes"], cell["rate"], cell["rate_low"], cell["rate_high"] = "fail", {"miss": 3}, 0, 0, 0.5615
    cell["first_error"] = cell["reported_model"] = EVIL
    lines[at] = json.dumps(cell, separators=(",", ":")) + ("," if lines[at].endswith(",") else "")
    path.write_text("\n".join(lines) + "\n")
    for form in ("table", "csv", "json", "markdown", "html", "junit", "github", "codequality"):
        done = proviso("matrix", "--format", form)
        assert done.code == 0 and "owned" not in done.err, (form, done)
        assert "\x1b" not in done.out + done.err, (form, done)
        assert not any(line.startswith("::error::forged") for line in done.out.splitlines()), (form, done)
        if form in ("markdown", "html", "junit"):
            assert "<script" not in done.out and "alert(1)" in done.out, (form, done)


# --- other users of this machine --------------------------------------------------------------------


@pytest.fixture
def open_umask():
    old = os.umask(0)
    yield
    os.umask(old)


def test_what_is_secret_is_the_owners_alone_whatever_the_umask(start, scripted, tmp_path, open_umask):
    provider = scripted(lambda head, body, number: reply(chat()))
    desk = Proviso(tmp_path)
    config = {"version": 1, "providers": {"a": {"base_url": provider.url, "api_key": "env:KEY_A", "models": {"m": {}}}},
              "keys": {"store": "proviso.db"}}
    (tmp_path / "proviso.yaml").write_text(json.dumps(config))
    made = desk("key", "create", "--name", "me", env=KEYS)
    assert made.code == 0, made
    proxy = start({"a": provider.url}, keys={"store": "proviso.db"}, ledger={"path": "proviso.db"})
    assert proxy.chat(headers={"authorization": f"Bearer {made.out.strip()}"}).status == 200
    there = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir() if path.name.startswith("proviso.db")}
    assert {"proviso.db", "proviso.db-wal"} <= set(there) and any("pepper" in name for name in there), there
    assert set(there.values()) == {0o600}, there


@pytest.mark.parametrize("mode, taken", [(0o644, False), (0o600, True)])
def test_a_planted_link_is_not_written_through(tmp_path, mode, taken):
    """Where the pepper or the ledger would be made, somebody has put a link to a file of the user. What only the user
    reads is a pepper that stands elsewhere, as secrets do that are mounted."""
    mine = tmp_path / "mine"
    mine.write_text("precious")
    mine.chmod(mode)
    folder = tmp_path / "store"
    folder.mkdir()
    (folder / "proviso.yaml").write_text(json.dumps({"version": 1, "providers": {"a": {
        "base_url": "http://127.0.0.1:9/v1", "models": {"m": {}}}}, "keys": {"store": "proviso.db"}}))
    desk = Proviso(folder)
    assert desk("key", "create", "--name", "first").code == 0
    pepper = next(path for path in folder.iterdir() if "pepper" in path.name)
    for path in folder.iterdir():
        if path.name.startswith("proviso.db"):
            path.unlink()
    pepper.symlink_to(mine)
    done = desk("key", "create", "--name", "second")
    assert (done.code == 0) == taken == ("pv_" in done.out), done
    assert mine.read_text() == "precious"


@pytest.mark.parametrize("name", ["proviso.db", "proviso.db.lock", "proviso-matrix.live.json.lock", "proviso.db.pepper"])
def test_nor_is_one_that_leads_to_nothing(proviso, tmp_path, matrix, name):
    """Else an empty file of ours would come about where somebody else wants one."""
    (tmp_path / "proviso.yaml").write_text(json.dumps(config_of({"a": "http://127.0.0.1:9/v1"}, keys={"store": "proviso.db"},
                                                                ledger={"path": "proviso.db"})))
    (tmp_path / "proviso-matrix.json").write_bytes(pathlib.Path(matrix).read_bytes())
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    process = proviso.start("proxy", "--listen", "127.0.0.1:0", env=KEYS)
    try:
        if process.stdout.readline():
            process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=RUN_LIMIT_S)
    finally:
        process.kill()
    assert name in err and not (tmp_path / "nowhere").exists(), err


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of somebody else and look at it")
def test_a_process_that_holds_keys_is_not_read_by_its_neighbours():
    """Not dumpable: /proc/PID belongs to root, so that nobody of the same user attaches to it or finds its core."""
    folder = tempfile.TemporaryDirectory()
    os.chmod(folder.name, 0o755)
    process = subprocess.Popen([program_for_anybody(folder.name), "sim"], env=environment(), user=65534, group=65534, extra_groups=[],
                               cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().startswith("http://")
        assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0
    finally:
        process.terminate()
        process.communicate(timeout=RUN_LIMIT_S)
        folder.cleanup()


def test_no_option_takes_a_key(proviso):
    """What stands on a command line is read by everybody on the machine; the simulator's key protects nothing."""
    for line in proviso("--help").out.split("commands:\n")[1].split("\n\n")[0].splitlines():
        command = line.split()[0]
        words = proviso(command, "--help").out
        assert command == "sim" or "--api-key " not in words, command
