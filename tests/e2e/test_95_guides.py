"""The guides of the manual, and the README's five minutes: every command is run as it stands there.

In a guide a line that begins with `$ ` is a command, what follows is what it prints: these lines in this
order, `...` for what differs each time. A command exits 0 unless `$ echo $?` follows it. A user who
copies the page line by line loses nothing but the ports, which are taken from those that are free.
"""
import os
import pathlib
import queue
import random
import re
import socket
import subprocess
import threading
import time

import pytest

from conftest import PLAIN, ROOT, RUN_LIMIT_S, environment

GUIDES = sorted((ROOT / "harness/cli/man").glob("proviso-guide-*.7"))
COMMAND_LIMIT_S = 120


def free_port():
    """Below those that the kernel hands out itself: nobody's connection takes it before the guide listens there."""
    first = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(10000, max(first, 20000))
        try:
            with socket.create_server(("127.0.0.1", port)):
                return str(port)
        except OSError:
            continue


def with_free_ports(text):
    """All in one pass: a port that is put in may begin with one that is still to be replaced."""
    ports = {port: free_port() for port in re.findall(r"127\.0\.0\.1:(\d{4})\b", text)}
    return re.sub(r":(\d{4})\b", lambda found: ":" + ports.get(found.group(1), found.group(1)), text)


class Shell:
    """One bash for a whole guide, as its reader has one. Ends all that it started."""

    def __init__(self, folder, program=PLAIN):
        path = f"{pathlib.Path(program).parent}:{os.environ['PATH']}"
        self.process = subprocess.Popen(["/bin/bash", "--norc"], cwd=folder, env=environment(PATH=path), text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        start_new_session=True)
        self.lines = queue.Queue()
        self.code = 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))

    def run(self, command, wanted):
        """Its output and exit code; of a command in the background, as far as what is wanted of it."""
        self.process.stdin.write(f"{command}\n_code=$?; echo; echo '<<'ended $_code'>>'; (exit $_code)\n")
        seen, ended = [], None
        deadline = time.monotonic() + COMMAND_LIMIT_S
        while ended is None or missing(wanted, seen) and command.split("#")[0].rstrip().endswith("&"):
            try:
                line = self.lines.get(timeout=max(0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"`{command}` is not done after {COMMAND_LIMIT_S} s:\n" + "\n".join(seen)) from None
            found = re.fullmatch(r"<<ended (\d+)>>", line)
            if found:
                ended = int(found.group(1))
            else:
                seen.append(line)
        return ended, seen

    def stop(self):
        """Whatever is still in the background is ended first."""
        try:
            self.process.communicate("kill $(jobs -p) 2>/dev/null; wait; exit\n", timeout=RUN_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, 9)
            raise


def missing(wanted, seen):
    """The first of the wanted lines that does not follow the ones before it; None where all are there."""
    at = 0
    for line in wanted:
        if line.strip() == "...":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in line.rstrip().split("...")))
        while at < len(seen) and not pattern.fullmatch(seen[at].rstrip()):
            at += 1
        if at == len(seen):
            return line
        at += 1
    return None


def whole_command(command, lines):
    """With what belongs to it: continued lines, the text of a here-document."""
    heredoc = re.search(r"<<'?(\w+)'?$", command)
    while command.endswith("\\") or heredoc and not command.endswith(f"\n{heredoc.group(1)}"):
        command += "\n" + lines.pop(0)
    return command


def commands_of(page):
    """[(command, lines it is to print)] of the literal blocks of a page."""
    found = []
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", page, re.M | re.S):
        lines = [line.replace(r"\&", "").replace(r"\e", "\\") for line in block.splitlines()]
        while lines:
            line = lines.pop(0)
            if not line.startswith("$ "):
                assert found, f"{line!r} is printed by no command"
                found[-1][1].append(line)
                continue
            found.append((whole_command(line[2:], lines), []))
    return found


def test_what_is_wanted_has_to_be_there_in_order():
    """The judge of this file itself: it must be able to say no."""
    assert missing(["a ...", "...", "d"], ["a b", "c", "d"]) is None
    assert missing(["d", "a ..."], ["a b", "c", "d"]) == "a ..."
    assert missing(["a"], ["a b"]) == "a"
    assert commands_of(".Bd -literal\n$ cat <<E\n\\&.x\nE\nout\n.Ed\n") == [("cat <<E\n.x\nE", ["out"])]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem.removeprefix("proviso-guide-"))
def test_a_guide_works_as_written(tmp_path, guide):
    page = with_free_ports(guide.read_text())
    steps = commands_of(page)
    assert len(steps) >= 8
    shell = Shell(tmp_path)
    try:
        code = 0
        for number, (command, wanted) in enumerate(steps):
            before, (code, seen) = code, shell.run(command, wanted)
            if command == "echo $?":
                assert wanted == [str(before)], f"the command before it exits {before}, not {wanted}"
            told = number + 1 < len(steps) and steps[number + 1][0] == "echo $?"
            assert told or code == 0, f"`{command}` exits {code}:\n" + "\n".join(seen)
            lost = missing(wanted, seen)
            assert lost is None, f"`{command}` does not print {lost!r} (there):\n" + "\n".join(seen)
    finally:
        shell.stop()


# --- README.md, "Five minutes" ----------------------------------------------------------------------

# Files that a reader has already, by the names that README.md gives them.
OWN_FILES = {
    "config.yaml": "model_list: [{model_name: m, litellm_params: {model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}}]\n",
    "prices.json": '{"gpt-4o": {"litellm_provider": "openai", "mode": "chat", "input_cost_per_token": 2.5e-06, "output_cost_per_token": 1e-05}}',
    "response.sse": 'data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"hi"}}]}\n\n',
    "request.json": '{"model":"coder","messages":[{"role":"user","content":"hello"}],"stream":true}',
    "last-week.csv": "started_at,requested_model,shape,prompt_tokens,completion_tokens\n2026-10-01T10:00:00Z,coder,chat,900,100\n",
    "last-month.csv": "timestamp,input_tokens,output_tokens\n2026-10-01T10:00:00Z,900,100\n2026-10-30T10:00:00Z,900,100\n",
}


def commands_of_readme(text):
    section = text.split("\n## Five minutes\n")[1].split("\n## ")[0]
    found = []
    for block in re.findall(r"^```sh\n(.*?)^```$", section, re.M | re.S):
        lines = block.splitlines()
        while lines:
            line = lines.pop(0)
            if line.strip() and not line.startswith("#"):
                found.append(whole_command(line, lines))
    return found


def test_the_five_minutes_of_the_readme_work_as_written(tmp_path):
    """Line by line in one shell, each exits 0; only ports differ, and what `make` has built is there already."""
    commands = commands_of_readme(with_free_ports((ROOT / "README.md").read_text()))
    assert len(commands) >= 20 and commands[0].startswith("make && ")
    own = tmp_path / "own"
    own.mkdir()
    for name, body in OWN_FILES.items():
        (own / name).write_text(body)
    shell, printed = Shell(tmp_path), []
    try:
        shell.run(f"make() {{ :; }}; export TMPDIR={tmp_path}", [])
        for command in commands:
            if command.startswith("proviso import litellm-config"):  # the first that needs files of the reader's own
                shell.run(f"cp proviso.yaml live.yaml; cp {own}/* .", [])
            # What goes on in the background has to listen before the next line asks it.
            code, seen = shell.run(command, ["http://..."] if command.split("#")[0].rstrip().endswith("&") else [])
            assert code == 0, f"`{command}` exits {code}:\n" + "\n".join(seen[-40:])
            printed += seen
        folder = pathlib.Path(shell.run("pwd", [])[1][0])
        for name in ("cells.csv", "report.html", "forecast.html", "proviso-baseline.json"):
            assert (folder / name).stat().st_size > 100
    finally:
        shell.stop()
    # The story: it goes live, the provider changes, both the job and the gate are red, and chat is still served.
    assert missing(["... TS-01~stream ...", "exit code 1", "refused  coder  chat stream tools ...", "exit code 1", "HTTP/1.1 200 OK",
                    "x-proviso-target: lab/qwen3-8b"], printed) is None, "\n".join(printed)


def test_no_guide_is_forgotten():
    assert [guide.name for guide in GUIDES] == ["proviso-guide-ci.7", "proviso-guide-onboard.7", "proviso-guide-reports.7"]
