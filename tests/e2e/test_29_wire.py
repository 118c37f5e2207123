"""How requests travel and when replies come: connections that are kept, streams that are left, HTTP/2, limits.

The real binary against servers that are watched, because what matters here is what goes over the wire."""
import json
import re
import subprocess
import threading
import time

import pytest
from conftest import RUN_LIMIT_S, cells, chat, journal, reply

KEY = {"K": "sim-key"}
# What travels in a way of its own, or is judged by when it came.
OWN_WAYS = ["HT-03", "HT-05", "HT-06", "HT-07", "HT-08", "HT-10", "ER-18", "ER-19", "ST-11", "ST-12", "ST-13"]

HTTP2_SERVER = """
import http2 from 'node:http2';
import https from 'node:https';
import fs from 'node:fs';
const [key, cert, versions] = process.argv.slice(2);
const create = versions === '1' ? https.createServer : http2.createSecureServer;
const server = create({
  key: fs.readFileSync(key), cert: fs.readFileSync(cert), allowHTTP1: versions !== '2',
}, (request, response) => {
  let body = '';
  request.on('data', (part) => { body += part; });
  request.on('end', () => {
    const word = JSON.parse(body).messages[0].content.split(' ').at(-1);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({id: 'chatcmpl-1', object: 'chat.completion', created: 1760000000, model: 'm', choices: [
      {index: 0, message: {role: 'assistant', content: word}, finish_reason: 'stop'}],
      usage: {prompt_tokens: 1, completion_tokens: 1, total_tokens: 2}}));
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
"""


def check(proviso, url, *arguments, env=None):
    chosen = [] if "--case" in arguments or "--replay" in arguments else [word for case in OWN_WAYS for word in ("--case", case)]
    return proviso("check", "--base-url", url, "--model", "m", "--api-key-env", "K", "--profile", "smoke", "--out", "run",
                   *chosen, *arguments, env={**KEY, **(env or {})})


def verdicts(path):
    return {case + ("~stream" if variant == "stream" else ""): cell["verdict"] for (_, case, variant), cell in cells(path).items()}


def records(tmp_path):
    """The lines of the evidence; bodies hold line feeds too, but no line of theirs begins so."""
    raw = b"".join(path.read_bytes() for path in sorted((tmp_path / "run/evidence").glob("*.rec")))
    return [json.loads(line) for line in re.findall(rb'^\{"request_bytes".*$', raw, re.M)]


def test_what_was_seen_on_the_wire_is_judged_alike_at_replay(proviso, sim, tmp_path):
    done = check(proviso, sim("--models", "m").url)
    assert done.code == 0, done
    live = verdicts(tmp_path / "run/matrix.json")
    assert len(live) == 12 and set(live.values()) == {"pass"}, live
    again = proviso("check", "--replay", "run", "--matrix", "again.json")
    assert again.code == 0, again
    assert verdicts(tmp_path / "again.json") == live


def test_a_defect_of_the_connection_is_a_defect_at_replay_too(proviso, sim, tmp_path):
    cases = ("--case", "HT-06", "--case", "HT-03", "--case", "HT-10")
    check(proviso, sim("--models", "m", "--break", "HT-06,HT-03,HT-10").url, *cases)
    live = verdicts(tmp_path / "run/matrix.json")
    assert live == {"HT-03~stream": "fail", "HT-06": "unsupported", "HT-10": "fail"}
    proviso("check", "--replay", "run", "--matrix", "again.json")
    assert verdicts(tmp_path / "again.json") == live


def test_the_second_request_goes_over_the_connection_of_the_first(proviso, scripted, tmp_path):
    seen = []

    def answer(head, body, number):
        seen.append(number)
        return reply(chat(json.loads(body)["messages"][0]["content"].split()[-1]))

    provider = scripted(answer)
    assert check(proviso, provider.url, "--case", "HT-06").code == 0
    assert [line.get("reused", False) for line in records(tmp_path)] == [False, True]


def test_a_provider_that_closes_each_connection_keeps_none(proviso, scripted, tmp_path):
    def answer(head, body, number):
        said = reply(chat(json.loads(body)["messages"][0]["content"].split()[-1]), extra="connection: close\r\n")
        return lambda connection: connection.sendall(said)

    check(proviso, scripted(answer).url, "--case", "HT-06")
    assert verdicts(tmp_path / "run/matrix.json") == {"HT-06": "unsupported"}


def test_a_stream_is_left_on_the_wire_and_the_trial_goes_on(proviso, scripted, tmp_path):
    left = threading.Event()

    def event(content, finish=None):
        return ("data: " + json.dumps({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [
            {"index": 0, "delta": {"role": "assistant", "content": content}, "finish_reason": finish}]}) + "\n\n").encode()

    def answer(head, body, number):
        asked = json.loads(body)["messages"][0]["content"]
        begin = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"

        def endless(connection):
            connection.sendall(begin + event("one ") * 5)
            while connection.recv(4096):  # until the client closes
                pass
            left.set()

        def whole(connection):
            connection.sendall(begin + event(asked.split()[-1], "stop") + b"data: [DONE]\n\n")

        return endless if "two hundred" in asked else whole

    done = check(proviso, scripted(answer).url, "--case", "HT-10")
    assert done.code == 0, done
    assert left.wait(RUN_LIMIT_S), "the client stayed"
    assert [line["end"] for line in records(tmp_path)] == ["left", "complete"]


def test_a_large_body_waits_for_continue_and_costs_no_token(proviso, scripted, tmp_path):
    heads = []

    def answer(head, body, number):
        heads.append((head, len(body)))
        return reply({"error": {"message": "too large"}}, status="413 Content Too Large")

    done = check(proviso, scripted(answer).url, "--case", "HT-08")
    assert done.code == 0, done
    assert heads[0][1] == 1 << 20 and b"expect: 100-continue" in heads[0][0].lower()


@pytest.mark.parametrize("case", ["ER-18", "ER-19"])
def test_a_limit_that_nobody_hit_is_neither_kept_nor_broken(proviso, scripted, tmp_path, case):
    provider = scripted(lambda head, body, number: reply(chat()))
    done = check(proviso, provider.url, "--case", case)
    cell = cells(tmp_path / "run/matrix.json")[(next(iter(cells(tmp_path / "run/matrix.json")))[0], case, "sync")]
    assert cell["verdict"] == "unsupported" and "no such answer was seen" in json.dumps(cell), cell
    assert done.code == 0, "what only comes by occasion fails nobody"


@pytest.mark.parametrize("error, verdict", [
    (("402 Payment Required", {"message": "no money"}), "pass"),
    (("429 Too Many Requests", {"message": "You exceeded your quota", "code": "insufficient_quota"}), "pass"),
    (("429 Too Many Requests", {"message": "You exceeded your quota", "code": "rate_limit_exceeded"}), "fail"),
    (("429 Too Many Requests", {"message": "slow down", "code": "rate_limit_exceeded"}), "unsupported"),
])
def test_spent_money_is_told_from_a_high_rate(proviso, scripted, tmp_path, error, verdict):
    status, said = error
    check(proviso, scripted(lambda head, body, number: reply({"error": said}, status=status, extra="retry-after: 0\r\n")).url,
          "--case", "ER-19")
    assert verdicts(tmp_path / "run/matrix.json") == {"ER-19": verdict}


@pytest.mark.parametrize("header, verdict", [
    ("retry-after: 1\r\n", "pass"), ("retry-after: Sat, 21 Nov 2026 10:00:02 GMT\r\n", "pass"),
    ("x-ratelimit-reset-requests: 6m0s\r\n", "pass"), ("retry-after: soon\r\n", "fail"), ("", "fail"),
])
def test_whoever_is_told_to_wait_is_told_how_long(proviso, scripted, tmp_path, header, verdict):
    limited = reply({"error": {"message": "slow down"}}, status="429 Too Many Requests", extra=header)
    check(proviso, scripted(lambda head, body, number: limited).url, "--case", "ER-18")
    assert verdicts(tmp_path / "run/matrix.json") == {"ER-18": verdict}


@pytest.mark.parametrize("versions, spoken", [("2", 20), ("both", 20), ("1", 11)])
def test_http_2_is_spoken_where_the_server_has_it(proviso, tmp_path, versions, spoken):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
                   cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "server.mjs").write_text(HTTP2_SERVER)
    server = subprocess.Popen(["node", "server.mjs", "key.pem", "cert.pem", versions], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline())
        done = check(proviso, f"https://127.0.0.1:{port}/v1", "--case", "HT-07", env={"SSL_CERT_FILE": str(tmp_path / "cert.pem")})
        assert done.code == 0, done
        assert [line["http_version"] for line in records(tmp_path)] == [spoken]
    finally:
        server.kill()
        server.wait()


def test_white_space_is_no_token_and_is_not_in_the_bound(proviso, tmp_path):
    (tmp_path / "proviso.yaml").write_text("""version: 1
providers:
  far: {base_url: "https://far.invalid/v1", models: {m: {context: 1000000, max_output: 100, price: {input: "10.00", output: "1.00"}}}}
""")
    done = proviso("check", "--dry-run", "--profile", "smoke", "--case", "HT-08")
    bound = re.search(r"first round at most ([\d.]+) USD", done.out)
    assert done.code == 0 and float(bound[1]) < 0.01, "a MiB of tokens at 10 USD a million would be some USD"


def test_after_a_crash_the_connection_is_not_taken_for_closed(proviso, scripted, tmp_path):
    second = threading.Event()

    def answer(head, body, number):
        if number == 2:
            second.set()
            return lambda connection: connection.recv(1)  # until the client dies
        return reply(chat(json.loads(body)["messages"][0]["content"].split()[-1]))

    provider = scripted(answer)
    running = proviso.start("check", "--base-url", provider.url, "--model", "m", "--api-key-env", "K", "--profile", "smoke",
                            "--out", "run", "--case", "HT-06", env=KEY)
    assert second.wait(RUN_LIMIT_S)
    deadline = time.monotonic() + RUN_LIMIT_S
    while not journal(tmp_path / "run"):  # the first answer is on disk beside the second question
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.kill()
    running.communicate()
    done = proviso("check", "--resume", "run", env=KEY)
    assert done.code == 0, done
    assert verdicts(tmp_path / "run/matrix.json") == {"HT-06": "pass"}, "both requests are asked anew, on one connection"
