"""The proxy as a service: what systemd hears of it, the unit that is installed, and the example configs."""
import ctypes
import errno
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile

import pytest
import yaml

from conftest import ROOT, RUN_LIMIT_S, Proviso, Result, environment, program_for_anybody, replace
from proxy_rig import Proxy, key_of

EXAMPLES = sorted((ROOT / "proxy/examples").glob("*.yaml"))
UNIT = (ROOT / "proxy/systemd/proviso.service.in").read_text()


# --- what the service manager hears -----------------------------------------------------------------


class Manager:
    """Takes what is said to NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = str(folder / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(RUN_LIMIT_S)

    def hear(self):
        """The next message, as a dict."""
        return dict(line.split("=", 1) for line in self.socket.recv(65536).decode().splitlines())

    def hear_until(self, name):
        while True:
            said = self.hear()
            if name in said:
                return said


@pytest.fixture
def manager(tmp_path):
    manager = Manager(tmp_path)
    yield manager
    manager.socket.close()


def provider(sim):
    return sim("--models", "m", "--api-key", key_of("a")).url


def test_systemd_hears_of_start_reload_and_end(start, sim, manager):
    proxy = start({"a": provider(sim)}, env={"NOTIFY_SOCKET": manager.path})
    ready = manager.hear()
    assert ready["READY"] == "1" and proxy.url in ready["STATUS"] and "last good" not in ready["STATUS"]
    proxy.process.send_signal(signal.SIGHUP)
    reloading = manager.hear()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
    assert manager.hear()["READY"] == "1"
    replace(proxy.config_path, "version: 2\n")
    assert "RELOADING" in manager.hear()
    bad = manager.hear()
    assert bad["READY"] == "1" and "last good" in bad["STATUS"]
    proxy.process.send_signal(signal.SIGTERM)
    assert manager.hear_until("STOPPING")["STOPPING"] == "1"
    assert proxy.process.wait(RUN_LIMIT_S) == 0


def test_an_abstract_socket_is_one_too(start, sim):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as taken:
        name = f"proviso-test-{os.getpid()}"
        taken.bind(f"\0{name}")
        taken.settimeout(RUN_LIMIT_S)
        start({"a": provider(sim)}, env={"NOTIFY_SOCKET": f"@{name}"})
        assert b"READY=1" in taken.recv(65536)


@pytest.mark.parametrize("path", ["/nowhere/at/all", "relative", "@" + "x" * 200])
def test_a_socket_that_is_none_disturbs_nothing(start, sim, path):
    proxy = start({"a": provider(sim)}, env={"NOTIFY_SOCKET": path})
    assert proxy.chat().status == 200


PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


def test_a_worker_that_hangs_is_no_sign_of_life(start, sim, manager):
    proxy = start({"a": provider(sim)}, "--workers", "2",
                  env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "400000"})
    for _ in range(3):
        manager.hear_until("WATCHDOG")
    libc = ctypes.CDLL(None, use_errno=True)
    threads = sorted(int(name) for name in os.listdir(f"/proc/{proxy.process.pid}/task"))
    held = threads[-1]  # made last: a worker
    if libc.ptrace(PTRACE_SEIZE, held, 0, 0) != 0:
        assert ctypes.get_errno() == errno.EPERM, os.strerror(ctypes.get_errno())
        pytest.skip("only who may look into any process can hold one of its threads")
    try:
        assert libc.ptrace(PTRACE_INTERRUPT, held, 0, 0) == 0
        os.waitpid(held, 0x40000000)  # __WALL: it has stopped
        # What was said before it stopped, however long ago that is; then at most one sign that it had earned already.
        manager.socket.settimeout(0)
        with pytest.raises(BlockingIOError):
            while True:
                manager.hear()
        manager.socket.settimeout(1.5)
        signs = 0
        with pytest.raises(TimeoutError):
            while signs <= 2:
                signs += "WATCHDOG" in manager.hear()
    finally:
        libc.ptrace(PTRACE_DETACH, held, 0, 0)
    manager.socket.settimeout(RUN_LIMIT_S)
    manager.hear_until("WATCHDOG")


def test_a_watchdog_of_another_process_is_not_ours(start, sim, manager):
    proxy = start({"a": provider(sim)},
                  env={"NOTIFY_SOCKET": manager.path, "WATCHDOG_USEC": "10000", "WATCHDOG_PID": "1"})
    assert "READY" in manager.hear()
    proxy.process.send_signal(signal.SIGTERM)
    assert "STOPPING" in manager.hear()
    assert proxy.process.wait(RUN_LIMIT_S) == 0


# --- the unit and what it gives ---------------------------------------------------------------------


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    unit = tmp_path / "proviso.service"
    binary = tmp_path / "bin/proviso"
    binary.parent.mkdir()
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    unit.write_text(UNIT.replace("@PREFIX@", str(tmp_path)))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True,
                          timeout=RUN_LIMIT_S)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_what_the_unit_runs_and_its_manual_exist():
    command = re.search(r"^ExecStart=@PREFIX@/bin/proviso (.*)$", UNIT, re.M).group(1).split()
    done = Proviso(ROOT)(command[0], "--help")
    for option in (word for word in command if word.startswith("--")):
        assert option in done.out
    for page, section in re.findall(r"man:([a-z.-]+)\((\d)\)", UNIT):
        assert (ROOT / f"harness/cli/man/{page}.{section}").exists()


def make(target, folder):
    done = subprocess.run(["make", "-s", target, f"DESTDIR={folder}", "PREFIX=/opt/proviso"], cwd=ROOT,
                          env=environment(**{name: value for name, value in os.environ.items() if name == "CI"}),
                          capture_output=True, text=True, timeout=RUN_LIMIT_S)
    assert done.returncode == 0, done.stderr


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_make_install_brings_all_and_uninstall_takes_it_away_again(tmp_path):
    make("install", tmp_path)
    prefix = tmp_path / "opt/proviso"
    unit = (prefix / "lib/systemd/system/proviso.service").read_text()
    assert "ExecStart=/opt/proviso/bin/proviso proxy" in unit and "@" not in unit.split("[Service]")[1].split("#")[0]
    assert "u proviso" in (prefix / "lib/sysusers.d/proviso.conf").read_text()
    assert sorted(p.name for p in (prefix / "share/doc/proviso/examples").iterdir()) == [p.name for p in EXAMPLES]
    pages = sorted(path.name for path in (ROOT / "harness/cli/man").iterdir() if path.suffix in (".1", ".5", ".7"))
    assert sorted(path.name for path in (prefix / "share/man").glob("man?/*")) == pages
    assert (prefix / "share/doc/proviso/LICENSE").exists()
    installed = Proviso(tmp_path, prefix / "bin/proviso")
    for shell, file in (("bash", "bash-completion/completions/proviso"), ("zsh", "zsh/site-functions/_proviso"),
                        ("fish", "fish/vendor_completions.d/proviso.fish")):
        assert (prefix / "share" / file).read_text() == installed("completion", shell).out
    modes = {path: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()}
    assert modes.pop(prefix / "bin/proviso") == 0o755 and set(modes.values()) == {0o644}
    mine = prefix / "share/doc/proviso/examples/mine.yaml"
    mine.write_text("version: 1\n")
    make("uninstall", tmp_path)
    assert files_below(tmp_path) == [str(mine.relative_to(tmp_path))]
    make("uninstall", tmp_path)  # nothing there: fine


class Nobody(Proviso):
    """The program as a user without rights."""

    def __call__(self, *arguments):
        done = subprocess.run([self.program, *map(str, arguments)], cwd=self.cwd, env=environment(), user=65534, group=65534,
                              extra_groups=[], capture_output=True, text=True, timeout=RUN_LIMIT_S)
        return Result(done)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to root and be somebody else")
@pytest.mark.parametrize("mode, taken", [(0o440, True), (0o400, False), (0o444, False), (0o460, False)])
def test_a_credential_of_systemd_is_a_key_file(sim, mode, taken):
    """Owned by root, read through a group: what LoadCredential makes for a service with a user of its own."""
    with tempfile.TemporaryDirectory() as name:  # one that anybody may enter
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        key = folder / "key"
        key.write_text("sim-key\n")
        os.chown(key, 0, 65534)
        key.chmod(mode)
        config = folder / "proviso.yaml"
        config.write_text(json.dumps({"version": 1, "providers": {"s": {
            "base_url": sim().url, "api_key": f"file:{key}", "models": {"sim-small": {"context": 8192}}}}}))
        config.chmod(0o644)
        out = folder / "out"
        out.mkdir()
        os.chown(out, 65534, 65534)
        done = Nobody(out, program_for_anybody(folder))("check", "--config", config, "--profile", "smoke", "--case", "CH-03")
        assert (done.code == 0) == taken, done
        assert ("key file" in done.err) == (not taken), done


# --- the examples -----------------------------------------------------------------------------------


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_a_whole_config(proviso, example):
    done = proviso("validate", example)
    assert done.code == 0 and done.err == "", done
    config = yaml.safe_load(example.read_text())
    catalogue = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "providers/catalog").glob("*.yaml")}
    for route in config["routes"].values():
        for target in route["targets"]:
            provider, model = target.split("/", 1)
            known = {**catalogue.get(provider, {}).get("models", {}), **config["providers"][provider].get("models", {})}
            # Without a price no budget can hold, and `cheapest` means nothing.
            assert "price" in known.get(model, {}), f"{target} has no price"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_a_proxy_starts_with_an_example(tmp_path, example):
    key = tmp_path / "openai"
    key.write_text("sk-any-key-of-openai\n")
    key.chmod(0o600)
    config = yaml.safe_load(example.read_text().replace("/run/credentials/proviso.service/openai", str(key)))
    config = json.loads(json.dumps(config, default=str))  # a day is a date to YAML
    keys = {f"{name}_API_KEY": f"any-key-of-{name}" for name in ("OPENAI", "MISTRAL", "GROQ", "VLLM")}
    proxy = Proxy(tmp_path, config, None, env=keys)
    try:
        answer = proxy.chat(model=next(iter(config["routes"])))
        # Nothing is proven yet; where there are keys, nobody was let in.
        assert answer.error["code"] == ("invalid_api_key" if "keys" in config else "no_proven_target"), answer
        if "keys" not in config:
            assert {one["target"] for one in answer.error["excluded"]} == set(
                config["routes"][next(iter(config["routes"]))]["targets"])
    finally:
        proxy.stop()
