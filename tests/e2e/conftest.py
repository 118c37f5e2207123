"""What every end-to-end test shares: the real binary, simulated and scripted providers.

Tests wait for events (a line on stdout, a connection, an exit), never for time to pass.
"""
import contextlib
import fcntl
import json
import os
import pathlib
import pty
import shutil
import signal
import socket
import subprocess
import sys
import threading

import pytest

# Ten seconds and more of one test, which would be waited for at the end: they begin first.
LONG = ("test_90_soak.py", "test_80_every_shape.py", "test_a_killed_run_goes_on", "test_sums_are_exact_over", "test_what_never_ends",
        "leaves_the_others_alone[ST-12]", "test_a_clean_provider_passes_every_case", "test_83_clients.py::test_no_scenario",
        "test_95_guides.py", "test_89_hours.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: not any(name in item.nodeid for name in LONG))


ROOT = pathlib.Path(__file__).resolve().parents[2]
PROVISO = os.environ.get("PROVISO", str(ROOT / ".build/release/proviso"))
# The same without sanitizers, for what is asked many thousand times; sanitized where there is no other.
PLAIN = os.environ.get("PROVISO_PLAIN", PROVISO)
SHARED = ROOT.parent / "shared"
RUN_LIMIT_S = 600  # a hang is a failure, not a wait; the longest takes a minute, and a busy machine ten times as long


def environment(**extra):
    """A clean environment: nothing of the caller's keys or settings leaks in."""
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "LANG": "C.UTF-8", "TERM": "dumb"}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
        if name in os.environ:
            env[name] = os.environ[name]
    env.update(extra)
    return env


def program_for_anybody(folder, program=PROVISO):
    """A copy that another user may run: the clone may stand where nobody else may enter, as in /root."""
    copy = pathlib.Path(folder) / "proviso"
    shutil.copy(program, copy)
    copy.chmod(0o755)
    return str(copy)


def open_terminal():
    """Both ends of a new terminal."""
    try:
        return pty.openpty()
    except OSError as error:
        pytest.skip(f"there are no terminals here (no /dev/pts): {error}")


class Result:
    def __init__(self, done):
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    def __repr__(self):
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


# Runs a command and writes the most memory that it had, in KiB, to a file: of that command alone.
MEASURE = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[2:]); "
           "open(sys.argv[1], 'w').write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)); sys.exit(code)")


class Proviso:
    """Runs the program in a folder of its own."""

    def __init__(self, cwd, program=PROVISO):
        self.cwd = cwd
        self.program = program

    def measured(self, *arguments):
        """The result, and the most memory that it took, in KiB."""
        peak = self.cwd / "peak-kib"
        measuring = Proviso(self.cwd, sys.executable)
        done = measuring("-c", MEASURE, peak, self.program, *arguments)
        return done, int(peak.read_text())

    def __call__(self, *arguments, env=None, stdin=None):
        done = subprocess.run([self.program, *map(str, arguments)], cwd=self.cwd, env=environment(**(env or {})),
                              input=stdin, capture_output=True, text=True, timeout=RUN_LIMIT_S,
                              errors="surrogateescape")
        assert done.returncode >= 0, f"died by signal {-done.returncode}: {done.stderr[-4000:]}"
        assert "Sanitizer" not in done.stderr, done.stderr[-4000:]
        return Result(done)

    def start(self, *arguments, env=None):
        return subprocess.Popen([self.program, *map(str, arguments)], cwd=self.cwd, env=environment(**(env or {})),
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def proviso(tmp_path):
    return Proviso(tmp_path)


class Sim:
    def __init__(self, *arguments, program=PROVISO):
        self.process = subprocess.Popen([program, "sim", *map(str, arguments)], env=environment(),
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("http://"), self.process.stderr.read()
        self.port = int(self.url.split(":")[2].split("/")[0])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        _, err = self.process.communicate(timeout=RUN_LIMIT_S)
        assert self.process.returncode == 0, err
        assert "Sanitizer" not in err, err


@pytest.fixture
def sim():
    """sim("--break", "TS-01") -> a running simulator with .url and .port; stopped afterwards."""
    started = []

    def start(*arguments):
        started.append(Sim(*arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()


class Scripted:
    """A provider that sends exactly these bytes: answer(request_bytes, number) -> bytes or callable(socket)."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        """Until the other side closes; one that is killed resets its connections, and that is no failure here."""
        with connection, contextlib.suppress(ConnectionError):
            held = b""
            while True:
                while b"\r\n\r\n" not in held:
                    more = connection.recv(65536)
                    if not more:
                        return
                    held += more
                head, held = held.split(b"\r\n\r\n", 1)
                length = 0
                for line in head.split(b"\r\n")[1:]:
                    name, value = line.split(b":", 1)
                    if name.lower() == b"content-length":
                        length = int(value)
                while len(held) < length:
                    more = connection.recv(65536)
                    if not more:
                        return
                    held += more
                body, held = held[:length], held[length:]
                with self.lock:
                    self.requests.append((head, body))
                    number = len(self.requests)
                answer = self.answer(head, body, number)
                try:
                    if callable(answer):
                        answer(connection)
                        return
                    connection.sendall(answer)
                except OSError:
                    return

    def stop(self):
        self.listener.close()


@pytest.fixture
def scripted():
    started = []

    def start(answer):
        started.append(Scripted(answer))
        return started[-1]

    yield start
    for one in started:
        one.stop()


def replace(path, text):
    """As an editor does it: whoever watches the file never reads half of it, or none of it."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(text if isinstance(text, bytes) else text.encode())
    fresh.replace(path)


def reply(body, status="200 OK", kind="application/json", extra=""):
    if not isinstance(body, bytes):
        body = (body if isinstance(body, str) else json.dumps(body)).encode()
    return (f"HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\n{extra}\r\n").encode() + body


def chat(content="hello", finish="stop", **more):
    """A plain chat completion as OpenAI sends it."""
    return {"id": "chatcmpl-1", "object": "chat.completion", "created": 1760000000, "model": "m",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": content, "refusal": None},
                         "logprobs": None, "finish_reason": finish}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 2, "total_tokens": 12}, **more}


def journal(folder):
    """The attempts of a run: all lines but the head."""
    lines = (pathlib.Path(folder) / "journal.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines[1:]]


def cells(path):
    """Matrix cells by (target, case, variant)."""
    matrix = json.loads(pathlib.Path(path).read_text())
    return {(c["target"], c["case"], c["variant"]): c for c in matrix["cells"]}


def once(tmp_path_factory, name, make):
    """The folder that make(folder) filled: once a session, however many workers of pytest take part in it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # each worker's own folder lies in it
    folder = shared / name
    with open(shared / f"{name}.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)  # of a worker that failed
            folder.mkdir()
            make(folder)
            (folder / "made").touch()
    return folder


@pytest.fixture(scope="session")
def matrix(tmp_path_factory):
    """What good providers a, b and c prove: asked once for all tests of the proxy."""
    from proxy_rig import make_matrix  # which needs this file itself

    return once(tmp_path_factory, "matrix", make_matrix) / "proviso-matrix.json"


@pytest.fixture
def start(tmp_path, matrix):
    """start({"a": URL}, *options, policy=...) -> a running proxy; `proven`: another matrix than the good one."""
    from proxy_rig import Proxy, config_of

    running = []

    def begin(urls, *arguments, proven=matrix, env=None, **sections):
        running.append(Proxy(tmp_path, config_of(urls, **sections), proven, *arguments, env=env))
        return running[-1]

    yield begin
    for one in running:
        one.stop()
