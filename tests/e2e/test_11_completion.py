"""Completions: what TAB offers in bash, zsh and fish is what the program takes.

A user would lose time on an option that is offered and refused, or exists and is never offered.
"""
import os
import re
import select
import shutil
import subprocess
import time

import pytest

from conftest import RUN_LIMIT_S, environment, open_terminal
from test_10_commands import commands_of

# What stands before TAB -> what is offered, all of it; None: files, which the shell itself finds.
OFFERED = {
    "proviso matrix -f ma": ["markdown"],
    "proviso key ": ["create", "list", "rotate", "revoke"],
    "proviso completion z": ["zsh"],
    "proviso key create --per ": ["hour", "day", "week", "month", "prepaid"],
    "proviso check --max-spend ": [],
    "proviso check --config ": None,
    "proviso import litellm-config ": None,
}


def options_of(proviso, command):
    return re.findall(r"^ +(?:-\w, +)?--([a-z-]+)", proviso(command, "--help").out, re.M)


def needs(shell):
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"no {shell} here")


class Bash:
    def __init__(self, proviso):
        self.script = proviso("completion", "bash").out

    def __call__(self, line):
        words = line.replace("=", " = ").split()
        if line.endswith((" ", "=")):
            words.append("")
        quoted = " ".join(f"'{word}'" for word in words)
        done = subprocess.run(["bash", "--norc", "-c", f"""{self.script}
compopt() {{ echo "FILES $*"; }}
COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}
_proviso && printf '%s\\n' "${{COMPREPLY[@]}}" """], env=environment(), capture_output=True, text=True, timeout=RUN_LIMIT_S)
        assert not done.stderr, done.stderr
        return None if "FILES" in done.stdout else done.stdout.split()


class Fish:
    def __init__(self, proviso):
        self.folder = proviso.cwd
        (self.folder / "p.fish").write_text(proviso("completion", "fish").out)
        (self.folder / "a-file").write_text("")

    def __call__(self, line):
        # The functions of this file are heard of only while nothing of that name is loaded already.
        done = subprocess.run(["fish", "--no-config", "-c", f"source p.fish; complete -C '{line}'"], cwd=self.folder,
                              env=environment(HOME=str(self.folder)), capture_output=True, text=True, timeout=RUN_LIMIT_S)
        assert not done.stderr, done.stderr
        words = [each.split("\t")[0] for each in done.stdout.splitlines()]
        return None if "a-file" in words else words


@pytest.fixture(params=[pytest.param(Bash, marks=needs("bash")), pytest.param(Fish, marks=needs("fish"))])
def complete(request, proviso):
    return request.param(proviso)


def test_commands_and_options_are_those_of_the_program(proviso, complete):
    commands = commands_of(proviso)
    assert set(complete("proviso ")) - {"--help", "--version"} == set(commands)
    for command in commands:
        offered = {word for word in complete(f"proviso {command} --") if word.startswith("--")}
        assert offered == {f"--{name}" for name in options_of(proviso, command)}, command


def test_a_value_is_completed_by_its_kind(proviso, complete):
    formats = re.search(r"--format FORMAT +(.*)", proviso("matrix", "--help").out).group(1).replace(" (default)", "").split(", ")
    reports = proviso("report", "--help").out.split("[OPTIONS] ")[1].split(" ")[0].split("|")
    assert "markdown" in formats and "csv" in reports
    for line, wanted in {**OFFERED, "proviso matrix --format ": formats, "proviso report ": reports}.items():
        offered = complete(line)
        assert offered is None if wanted is None else sorted(offered or []) == sorted(wanted), (line, offered)


def test_a_value_after_an_equals_sign_too(proviso):
    assert Bash(proviso)("proviso matrix --format=ma") == ["markdown"]
    assert sorted(Bash(proviso)("proviso diff --format=")) == ["csv", "json", "markdown", "table"]


def test_an_unknown_shell_is_wrong_usage(proviso):
    done = proviso("completion", "tcsh")
    assert done.code == 2 and "bash, zsh, fish" in done.err
    assert proviso("completion").code == 2


@needs("zsh")
def test_zsh_completes_as_its_user_types(proviso):
    (proviso.cwd / "_proviso").write_text(proviso("completion", "zsh").out)
    terminal, its_end = open_terminal()
    shell = subprocess.Popen(["zsh", "-f", "-i"], cwd=proviso.cwd, stdin=its_end, stdout=its_end, stderr=its_end,
                             env=environment(TERM="xterm", HOME=str(proviso.cwd)), start_new_session=True)
    os.close(its_end)
    seen = ""

    def type_until(text, wanted):
        nonlocal seen
        seen = ""
        os.write(terminal, text.encode())
        deadline = time.monotonic() + RUN_LIMIT_S
        while not re.search(wanted, seen):
            assert select.select([terminal], [], [], max(0, deadline - time.monotonic()))[0], seen
            seen += os.read(terminal, 65536).decode(errors="replace")

    try:
        type_until("PS1=; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D; zstyle ':completion:*' insert-tab false; "
                   "print rea''dy\n", "ready")
        type_until("proviso() { print \"=$*=\" }; print o''n\n", "\non")
        for typed, made in (("mat", "matrix"), ("matrix --format mark", "matrix --format markdown"), ("key cr", "key create"),
                            ("matrix --format=mark", "matrix --format=markdown"), ("report codeq", "report codequality")):
            # Once the word is whole it is run: what the shell made of the line is printed.
            type_until(f"proviso {typed}\t", made.split()[-1])
            type_until("\n", f"={made} ?=")
    finally:
        shell.kill()
        shell.wait()
        os.close(terminal)
