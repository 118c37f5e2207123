"""A key planted in the environment, in upstream errors and in headers is found nowhere."""
import base64
import json
import urllib.parse

from conftest import chat, reply

KEY = "sk-planted-0123456789abcdefghij/+Zz"


def everything(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            yield path, path.read_bytes()


def assert_nowhere(done, folder):
    forms = [KEY, urllib.parse.quote(KEY, safe=""), json.dumps(KEY)[1:-1].replace("/", "\\/")]
    forms += [base64.b64encode(b"x" * shift + KEY.encode()).decode()[4 * (shift > 0) + 4:-8] for shift in range(3)]
    for form in forms:
        assert form not in done.out and form not in done.err, form
        for path, body in everything(folder):
            assert form.encode() not in body, (form, path)


def test_an_echoed_key_is_masked_everywhere(proviso, scripted):
    def answer(head, body, number):
        assert KEY.encode() in head  # it did travel where it belongs
        error = {"error": {"message": f"bad thing with {KEY} and Bearer {KEY}, b64 {base64.b64encode(KEY.encode()).decode()}, url {urllib.parse.quote(KEY, safe='')}",
                           "type": "invalid_request_error", "param": None, "code": KEY}}
        if number % 3 == 0:
            return reply(error, "500 Internal Server Error", extra=f"x-debug-key: {KEY}\r\nretry-after: 0\r\n")
        if number % 3 == 1:
            return reply(error, "400 Bad Request", extra=f"x-echo: Bearer {KEY}\r\n")
        return reply(chat(f"your key is {KEY}", model=KEY), extra=f"set-cookie: k={KEY}\r\n")

    provider = scripted(answer)
    done = proviso("check", "--base-url", provider.url, "--model", "m", "--api-key-env", "PLANTED",
                   "--capability", "chat", "--csv", "out.csv", "--json", "out.json", "--markdown", "out.md",
                   env={"PLANTED": KEY, "PROVISO_LOG_LEVEL": "debug"})
    assert done.code in (1, 4), done
    assert provider.requests
    assert_nowhere(done, proviso.cwd)


def test_a_key_written_into_the_config_is_refused_and_not_shown(proviso):
    (proviso.cwd / "proviso.yaml").write_text(
        f"version: 1\nproviders:\n  lab:\n    base_url: http://127.0.0.1:9/v1\n    api_key: {KEY}\n    models: {{m: {{}}}}\n")
    done = proviso("validate")
    assert done.code == 2, done
    assert KEY not in done.out + done.err
    assert "proviso.yaml:5:" in done.err
