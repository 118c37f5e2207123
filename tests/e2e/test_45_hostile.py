"""A provider may send anything: a recorded finding, never a crash, a hang, or code run by whoever reads the report."""
import csv
import json

import pytest
from conftest import cells, chat, reply

ONE = ["--model", "m", "--case", "CH-03", "--csv", "out.csv", "--markdown", "out.md"]
STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(body):
    return b"%x\r\n%s\r\n" % (len(body), body)


def endless(connection):
    connection.sendall(STREAM_HEAD)
    piece = chunk(b'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
                  b'"delta":{"content":"' + b"y" * 60000 + b'"},"finish_reason":null}]}\n\n')
    while True:
        connection.sendall(piece)


def one_endless_line(connection):
    connection.sendall(STREAM_HEAD + chunk(b"data: {"))
    while True:
        connection.sendall(chunk(b"z" * 65536))


def endless_body(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n{\"a\":\"")
    while True:
        connection.sendall(b"z" * 65536)


def deep(connection):
    connection.sendall(reply("[" * 200000 + "]" * 200000))


def endless_headers(connection):
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        connection.sendall(b"x-more: " + b"h" * 1000 + b"\r\n")


@pytest.mark.parametrize("answer", [endless, one_endless_line, endless_body, deep, endless_headers])
def test_what_never_ends_is_ended(proviso, scripted, answer):
    provider = scripted(lambda head, body, number: answer)
    # One cell, three trials, since it misses: each reply is read up to its cap of 64 MiB.
    done = proviso("check", "--base-url", provider.url, "--model", "m", "--case", "CH-03~stream", "--profile", "smoke")
    assert done.code in (1, 4) and provider.requests, done
    verdicts = [cell["verdict"] for cell in cells(proviso.cwd / "proviso-matrix.json").values()]
    assert len(verdicts) == 1 and verdicts[0] != "pass"
    written = sum(path.stat().st_size for path in proviso.cwd.rglob("*") if path.is_file())
    assert written < 240 << 20


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b"\x00\xff\xfe", b"<html>502</html>", b'{"choices":{}}',
                                  b'{"choices":[null]}', b'{"choices":[{"message":[]}]}', b'data: [DONE]\n\n', b"data: \n\n"])
@pytest.mark.parametrize("kind", ["application/json", "text/event-stream", "text/html"])
def test_nonsense_with_status_200_never_passes(proviso, scripted, body, kind):
    provider = scripted(lambda head, request, number: reply(body, kind=kind))
    done = proviso("check", "--base-url", provider.url, "--model", "m", "--profile", "smoke")
    assert done.code == 1, done
    passed = [key for key, cell in cells(proviso.cwd / "proviso-matrix.json").items() if cell["verdict"] == "pass"]
    # Nonsense may be well-formed HTTP all the same, and that is all it may be.
    assert {case for _, case, _ in passed} <= {"HT-01", "HT-02"}
    if body in (b"", b"{}", b"null", b"data: [DONE]\n\n"):
        assert passed == []


EVIL = "\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>=cmd|' /C calc'!A0 \u202e | `x` \r\n::error::forged"


def test_hostile_text_reaches_no_terminal_spreadsheet_or_page(proviso, scripted):
    error = {"error": {"message": EVIL, "type": EVIL, "param": EVIL, "code": EVIL}}
    provider = scripted(lambda head, body, number: reply(error, "400 Bad Request") if number % 2 else reply(chat(EVIL, model="=1+1")))
    done = proviso("check", "--base-url", provider.url, *ONE, "--capability", "chat", "--json", "out.json")
    assert done.code == 1, done
    for text in (done.out, done.err, (proviso.cwd / "out.md").read_text()):
        assert "\x1b" not in text and "\x07" not in text and "\u202e" not in text
        assert "<script>" not in text or text is done.out
        assert not any(line.startswith("::error") for line in text.splitlines())
    assert "<script>" not in (proviso.cwd / "out.md").read_text()
    with open(proviso.cwd / "out.csv", newline="") as file:
        for row in csv.reader(file):
            assert not any(cell[:1] in ("=", "+", "@", "\t", "\r") for cell in row), row
    json.loads((proviso.cwd / "out.json").read_text())


def test_memory_stays_flat_over_large_replies(proviso, scripted):
    provider = scripted(lambda head, body, number: reply(chat("w" * 5_000_000)))
    done, peak_kib = proviso.measured("check", "--base-url", provider.url, *ONE, "--trials", "6")
    assert done.code == 1, done
    assert peak_kib < 800_000  # sanitizers take their share
