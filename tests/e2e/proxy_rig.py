"""A running proxy with the providers behind it, and clients that see every byte.

The matrix is asked once a session, of good simulators under the names a/m, b/m and c/m; the tests
then put whatever provider they like behind these names.
"""
import http.client
import json
import pathlib
import signal
import socket
import subprocess

from conftest import PROVISO, RUN_LIMIT_S, Sim, environment

KEYS = {"KEY_A": "sim-key-of-a", "KEY_B": "sim-key-of-b", "KEY_C": "sim-key-of-c"}
MODEL = {"context": 8192, "max_output": 4096}
PRICES = {"a": {"input": "0.10", "output": "0.30"}, "b": {"input": "1", "output": "3"},
          "c": {"input": "10", "output": "30"}}


# Clocks of which one is short: whoever is to be in time has to be so for the other one alone. A good provider that
# is asked after a silent one has the short clock, too, on a machine that is busy.
SHORT_FIRST = {"timeouts": {"connect": "60s", "first_event": "2s", "idle": "60s", "total": "120s"}}
SHORT_IDLE = {"timeouts": {"connect": "60s", "first_event": "60s", "idle": "1s", "total": "120s"}}


def key_of(name):
    return KEYS[f"KEY_{name.upper()}"]


def config_of(urls, **sections):
    """YAML is a superset of JSON: a config as a dict. urls: base URL by provider's name."""
    providers = {name: {"base_url": url, "api_key": f"env:KEY_{name.upper()}",
                        "models": {"m": {**MODEL, "price": PRICES[name]}}}
                 for name, url in urls.items()}
    config = {"version": 1, "providers": providers,
              "routes": {"coder": {"targets": [f"{name}/m" for name in urls], "strategy": "ordered"}}}
    for name, section in sections.items():
        config[name] = {**config.get(name, {}), **section} if isinstance(section, dict) else section
    return config


def make_matrix(folder, **breaks):
    """Three providers, asked with profile ci; good ones, but for those with faults: a="TS-01"."""
    sims = {name: Sim("--models", "m", "--api-key", key_of(name),
                      *(["--break", breaks[name]] if name in breaks else [])) for name in "abc"}
    try:
        (folder / "proviso.yaml").write_text(json.dumps(config_of({n: s.url for n, s in sims.items()})))
        done = subprocess.run([PROVISO, "check", "--profile", "ci"], cwd=folder, env=environment(**KEYS),
                              capture_output=True, text=True, timeout=RUN_LIMIT_S)
        assert done.returncode == (1 if breaks else 0), done.stdout + done.stderr
    finally:
        for sim in sims.values():
            sim.stop()
    return folder / "proviso-matrix.json"


class Answer:
    def __init__(self, status, headers, body, cut=False):
        self.status, self.body, self.cut = status, body, cut
        self.headers = {name.lower(): value for name, value in headers}

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.json["error"]

    @property
    def events(self):
        """The data of each event, as text."""
        return [block[5:].strip().decode() for block in self.body.replace(b"\r\n", b"\n").split(b"\n\n")
                if block.startswith(b"data:")]

    @property
    def content(self):
        out = ""
        for event in self.events:
            if event != "[DONE]":
                for choice in json.loads(event).get("choices", []):
                    out += choice["delta"].get("content") or ""
        return out

    def __repr__(self):
        return f"{self.status} {self.headers} cut={self.cut}\n{self.body[:3000]!r}"


class Proxy:
    def __init__(self, folder, config, matrix, *arguments, env=None):
        self.folder = pathlib.Path(folder)
        self.config_path = self.folder / "proviso.yaml"
        self.matrix_path = self.folder / "proviso-matrix.json"
        self.config_path.write_text(json.dumps(config))
        if matrix is not None:
            self.matrix_path.write_bytes(pathlib.Path(matrix).read_bytes())
        self.log_path = self.folder / "proxy.log"
        self.log = open(self.log_path, "w")
        self.process = subprocess.Popen([PROVISO, "proxy", "--listen", "127.0.0.1:0", *map(str, arguments)],
                                        cwd=folder, stdout=subprocess.PIPE, stderr=self.log, text=True,
                                        env=environment(**{"PROVISO_LOG_LEVEL": "info", **KEYS, **(env or {})}))
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), self.log_path.read_text()
        self.port = int(self.url.split(":")[2].split("/")[0])

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=RUN_LIMIT_S)

    def send(self, method, path, body=None, headers=None):
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = self.connect()
        connection.request(method, path, body, {"content-type": "application/json", **(headers or {})})
        response = connection.getresponse()
        try:
            return Answer(response.status, response.getheaders(), response.read())
        except http.client.IncompleteRead as short:
            return Answer(response.status, response.getheaders(), short.partial, cut=True)
        finally:
            connection.close()

    def get(self, path):
        return self.send("GET", path)

    def chat(self, content="hello", headers=None, **fields):
        body = {"model": "coder", "messages": [{"role": "user", "content": content}], **fields}
        return self.send("POST", "/v1/chat/completions", body, headers)

    def stream(self, content="hello", headers=None, **fields):
        return self.chat(content, headers, stream=True, **fields)

    def metric(self, name):
        for line in self.get("/metrics").body.decode().splitlines():
            if line.startswith(f"proviso_{name} "):
                return float(line.rsplit(" ", 1)[1])
        raise AssertionError(f"no metric {name}")

    def wait_for_log(self, words):
        """Follows the log until a line has the words."""
        with open(self.log_path) as log:
            line = ""
            while True:
                # The end of the file may be the middle of a line that is being written.
                line = ("" if line.endswith("\n") else line) + log.readline()
                if words in line and line.endswith("\n"):
                    return line
                if not line.endswith("\n"):
                    assert self.process.poll() is None, self.log_path.read_text()
                    # Any answer is an event of the proxy: it gives it a turn.
                    self.get("/livez")

    def stop(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
        self.process.wait(timeout=RUN_LIMIT_S)
        self.process.stdout.close()
        self.log.close()
        log = self.log_path.read_text()
        assert self.process.returncode == 0, log
        assert "Sanitizer" not in log, log
        for key in KEYS.values():
            assert key not in log


def raw(port, request):
    """The bytes that come back until the other side closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=RUN_LIMIT_S) as connection:
        connection.sendall(request)
        got = b""
        while True:
            more = connection.recv(65536)
            if not more:
                return got
            got += more


def chunk(delta=None, finish=None, **more):
    """One event of a streamed chat completion."""
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "m",
            "choices": [{"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish}], **more}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def usage_chunk(prompt=10, completion=2):
    body = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1760000000, "model": "m",
            "choices": [], "usage": {"prompt_tokens": prompt, "completion_tokens": completion,
                                     "total_tokens": prompt + completion}}
    return b"data: " + json.dumps(body).encode() + b"\n\n"


SSE_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
DONE = b"data: [DONE]\n\n"


def sse(*events, extra=b""):
    """A whole streamed answer, its framing clean."""
    body = b"".join(events)
    return SSE_HEAD + extra + b"content-length: %d\r\n\r\n" % len(body) + body


def cut_sse(*events):
    """A stream that promises more than comes: the connection breaks."""
    body = b"".join(events)

    def answer(connection):
        connection.sendall(SSE_HEAD + b"content-length: %d\r\n\r\n" % (len(body) + 100) + body)
    return answer
