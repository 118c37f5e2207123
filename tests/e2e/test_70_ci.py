"""The CI kit: its YAML files are read, and the shell in them is what runs here, against the simulator."""
import json
import os
import pathlib
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
import yaml
from conftest import PROVISO, ROOT, RUN_LIMIT_S, environment

ACTION = yaml.safe_load((ROOT / ".github/actions/check/action.yml").read_text())
TEMPLATE = yaml.safe_load((ROOT / ".gitlab/proviso.yml").read_text())[".proviso-check"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
TARGET = "lab/sim-small"
KEY = {"SIM_KEY": "sim-key"}


class Repository:
    """A git repository with a config and, once blessed, a baseline."""

    def __init__(self, folder, proviso):
        self.folder, self.proviso = folder, proviso
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "proviso").symlink_to(os.path.abspath(PROVISO))
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments):
        identity = ["-c", "user.name=t", "-c", "user.email=t@t", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *identity, *arguments], cwd=self.folder, env=environment(), check=True,
                              capture_output=True, text=True).stdout

    def commit(self, message):
        self.git("add", "proviso.yaml")
        if (self.folder / "proviso-baseline.json").exists():
            self.git("add", "proviso-baseline.json")
        self.git("commit", "-q", "-m", message)

    def configure(self, url, policy=""):
        (self.folder / "proviso.yaml").write_text(f"""version: 1
providers:
  lab: {{base_url: "{url}", api_key: "env:SIM_KEY", models: {{sim-small: {{context: 8192, max_output: 1024}}}}}}
{policy}""")

    def shell(self, script, shell, **env):
        path = f"{self.bin}:{os.environ['PATH']}"
        return subprocess.run([*shell, script], cwd=self.folder, env=environment(**KEY, **{"PATH": path, **env}),
                              capture_output=True, text=True, timeout=RUN_LIMIT_S)

    def github_job(self, **inputs):
        """The shell steps of the action as the runner runs them; (exit code, log, summary, outputs)."""
        files = {name: self.folder / name for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_PATH")}
        for path in files.values():
            path.write_text("")
        values = {f"inputs.{name}": inputs.get(name, given["default"]) for name, given in ACTION["inputs"].items()}
        assert set(inputs) <= set(ACTION["inputs"])
        values |= {"github.action_path": str(ROOT / ".github/actions/check"), "runner.temp": str(self.folder / "tmp")}
        log, code = "", 0
        for step in ACTION["runs"]["steps"]:
            if "run" not in step or code:
                continue
            assert "${{" not in step["run"], "an input in a script is a shell injection"
            env = {name: re.sub(r"\$\{\{ *(\S+) *\}\}", lambda m: values[m[1]], text) for name, text in step["env"].items()}
            env |= {name: str(path) for name, path in files.items()} | {"GITHUB_ACTIONS": "true", "CI": "true"}
            done = self.shell(step["run"], ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"], **env)
            code, log = done.returncode, log + done.stdout + done.stderr
        return code, log, files["GITHUB_STEP_SUMMARY"].read_text(), outputs(files["GITHUB_OUTPUT"].read_text())


def outputs(text):
    """NAME=VALUE and NAME<<MARK ... MARK, as the runner reads them."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        if re.match(r"[\w-]+<<", line):
            name, mark = line.split("<<", 1)
            found[name] = "\n".join(iter(lambda: next(lines), mark))
        else:
            name, value = line.split("=", 1)
            found[name] = value
    return found


@pytest.fixture
def repository(tmp_path, proviso):
    return Repository(tmp_path, proviso)


def blessed(repository, url):
    repository.configure(url)
    assert repository.proviso("check", "--profile", "ci", env=KEY).code == 0
    assert repository.proviso("bless").code == 0
    repository.commit("accept what there is")


def test_the_story_of_a_repository(repository, sim):
    proviso = repository.proviso
    blessed(repository, sim().url)
    code, log, summary, said = repository.github_job()
    assert code == 0, log
    assert "::error" not in log and said["regressed"] == said["failing"] == said["exit-code"] == "0", (log, said)
    assert int(said["cells"]) == int(said["passing"]) and said["run"] == "proviso-reports/run"
    assert summary.startswith("### Against the baseline: ")
    # The provider breaks.
    subprocess.run(["rm", "-r", str(repository.folder / "proviso-reports")], check=True)
    broken = sim("--break", "TS-01").url
    repository.configure(broken)
    repository.commit("another server")
    code, log, summary, said = repository.github_job()
    assert code == 1 and (said["regressed"], said["exit-code"]) == ("1", "1"), (log, said)
    errors = re.findall(r"^::error title=(.*?)::", log, re.M)
    assert errors == ["REGRESSED lab/sim-small%3A TS-01~stream"], log
    assert "**regressed**" in summary
    reports = repository.folder / "proviso-reports"
    assert ElementTree.parse(reports / "junit.xml").getroot().get("failures") == "1"
    assert "1 regression in gate or required cells" in (reports / "report.html").read_text()
    done = proviso("explain", "--target", TARGET, "--case", "TS-01~stream", "--run", reports / "run")
    assert done.code == 0 and "FAIL" in done.out and "curl" in done.out
    done = proviso("diff", "proviso-baseline.json", reports / "matrix.json")
    assert done.code == 1 and "TS-01~stream" in done.out
    # A waiver excuses it, and is seen.
    done = proviso("bless", "--waive", f"{TARGET}:TS-01", "--owner", "me", "--until", "2099-12-31", "--why", "ticket 12")
    repository.configure(broken, done.out)
    repository.commit("waive it")
    code, log, summary, said = repository.github_job(reports="second")
    assert code == 0 and said["regressed"] == "0", log
    assert "::error" not in log and "waived by me until 2099-12-31" in log and "waived by me" in summary
    # Accepted for good: the diff of the baseline is one line of it and its head.
    repository.configure(broken)
    assert proviso("bless", "second/matrix.json").code == 0
    repository.commit("accept it")
    turned = [line for line in repository.git("show", "--format=", "-U0").splitlines()
              if line.startswith("+") and "TS-01" in line and '"verdict":"fail"' in line]
    assert len(turned) == 1, turned
    code, log, _, said = repository.github_job(reports="third")
    assert code == 0 and said["regressed"] == "0", log


GATE_USAGE = """request_id,attempt,route,requested_model,target,shape,prompt_tokens,completion_tokens,cost_usd
1,1,coder,coder,sound/sim-small,chat,1000,1000,0.003
2,1,coder,coder,sound/sim-small,chat stream tools tool_choice.named,1000,1000,0.003
"""


def test_a_routing_change_is_gated_before_it_goes_live(repository, sim):
    """check, bless, change, gate: what the job of a pull request that touches the routes says at each step."""
    price = 'models: {{sim-small: {{context: 8192, max_output: 1024, price: {{input: "{}", output: "{}"}}}}}}'
    urls = {"sound": sim().url, "cheap": sim("--break", "TC-10").url}

    def route(targets):
        providers = "".join(f'  {name}: {{base_url: "{url}", api_key: "env:SIM_KEY", {price.format(*prices)}}}\n'
                            for (name, url), prices in zip(urls.items(), [("1", "2"), ("0.5", "1")]))
        (repository.folder / "proviso.yaml").write_text(
            f"version: 1\nproviders:\n{providers}routes:\n  coder: {{targets: [{targets}]}}\n")

    def gate():
        summary, head = repository.folder / "summary.md", repository.folder / "live.yaml"
        summary.write_text("")
        head.write_text(repository.git("show", "main:proviso.yaml"))
        done = repository.shell("proviso gate --usage usage.csv --base-config live.yaml", ["bash", "-c"],
                                GITHUB_ACTIONS="true", CI="true", GITHUB_STEP_SUMMARY=str(summary))
        return done.returncode, re.findall(r"^::error title=(.*?)::(.*)", done.stderr, re.M), done.stdout, summary.read_text()

    (repository.folder / "usage.csv").write_text(GATE_USAGE)
    # check and bless: cheap fails TC-10, and that is accepted; the routes know it all the same.
    route("sound/sim-small")
    assert repository.proviso("check", "--profile", "ci", env=KEY).code == 1
    assert repository.proviso("bless").code == 0
    repository.commit("routes to what is proven")
    code, log, _, said = repository.github_job()
    assert code == 0 and said["regressed"] == "0" and "::error" not in log, log
    code, errors, out, _ = gate()
    assert (code, errors) == (0, []), out
    # A change that leaves a part of the traffic without a proven target.
    repository.git("checkout", "-q", "-b", "cheaper")
    route("cheap/sim-small")
    repository.commit("all to the cheap one")
    code, errors, out, summary = gate()
    assert code == 1, out
    ((title, message),) = errors
    assert title == "refused coder%3A chat stream tools tool_choice.named", errors
    assert "0 proven of 1" in message and "cheap/sim-small" in message and "TC-10~stream" in message, message
    assert "refused: 1 of 2 shapes lack proven targets" in out, out
    assert "Gate: refused: 1 of 2 shapes" in summary and "**lost**" in summary and "TC-10" in summary, summary
    # One that leaves it where it is proven, and moves the rest.
    route("sound/sim-small, cheap/sim-small], strategy: cheapest, shapes: [[chat]")
    repository.commit("the rest to the cheap one")
    code, errors, out, summary = gate()
    assert (code, errors) == (0, []), out
    assert "50.0 % of the requests go elsewhere" in out and "-$0.0015 (-25.0 %)" in out, out
    assert re.search(r"^moves +coder +chat +sound/sim-small -> cheap/sim-small", out, re.M), out
    assert "Gate: holds" in summary and "tool\\_choice.named | 1 of 1" in summary, summary


def test_a_mistake_of_the_config_ends_the_job_before_anything_is_asked(repository, sim):
    repository.configure(sim().url, "polcy: {}\n")
    code, log, _, said = repository.github_job()
    assert code == 2 and said == {"exit-code": "2"} and "proviso.yaml:4:1: error:" in log, log


def test_inputs_are_words_and_never_shell(repository, sim):
    repository.configure(sim().url)
    code, log, _, _ = repository.github_job(profile="smoke", targets="$(touch owned) `touch owned`", config="proviso.yaml")
    assert code == 2 and not (repository.folder / "owned").exists(), log


def gitlab_job(repository, **variables):
    lines = "\n".join(TEMPLATE["script"])
    return repository.shell("set -eo pipefail\n" + lines, ["bash", "-c"], **{**TEMPLATE["variables"], **variables})


def test_a_gitlab_job_leaves_what_its_template_names(repository, sim):
    repository.configure(sim("--break", "TS-01").url)
    done = gitlab_job(repository)
    assert done.returncode == 1, done
    reports = {name: path.replace("$PROVISO_CI_REPORTS", "proviso-reports")
               for name, path in TEMPLATE["artifacts"]["reports"].items()}
    junit = ElementTree.parse(repository.folder / reports["junit"]).getroot()
    assert junit.get("failures") == "1"
    names = [(case.get("classname"), case.get("name")) for case in junit.iter("testcase")]
    assert len(names) == len(set(names))
    findings = json.loads((repository.folder / reports["codequality"]).read_text())
    assert [(f["check_name"], f["severity"]) for f in findings if f["severity"] != "info"] == [("TS-01~stream", "critical")]
    for finding in findings:
        assert re.fullmatch(r"[0-9a-f]{64}", finding["fingerprint"]) and finding["description"]
        assert finding["location"] == {"path": "proviso.yaml", "lines": {"begin": 1}}
    # With a baseline that accepts it the job is green, and the finding is for information.
    assert repository.proviso("bless", "proviso-reports/matrix.json").code == 0
    done = gitlab_job(repository, PROVISO_CI_REPORTS="again")
    assert done.returncode == 0, done
    assert {f["severity"] for f in json.loads((repository.folder / "again/codequality.json").read_text())} == {"info"}
    assert TEMPLATE["allow_failure"]["exit_codes"] == [3, 4]


def test_a_case_of_the_repository_is_told_with_its_file_and_line(repository, sim):
    folder = repository.folder
    (folder / "own").mkdir()
    (folder / "own" / "lab.yaml").write_text("""# ours
capability: own
cases:
  - id: OW-01
    title: a word comes back
    class: deterministic
    severity: gate
    request: {messages: [{role: user, content: "Say hello"}]}
    expect: {content: {equals: "never said"}}
    reference: {content: "never said"}
""")
    repository.configure(sim().url, "check: {cases: [own], core: false}\n")
    done = repository.proviso("check", "--junit", "a.xml", "--codequality", "a.json", env=KEY)
    assert done.code == 1, done
    (case,) = ElementTree.parse(folder / "a.xml").getroot().iter("testcase")
    assert (case.get("file"), case.get("line")) == ("own/lab.yaml", "4"), case.attrib
    (finding,) = json.loads((folder / "a.json").read_text())
    assert finding["location"] == {"path": "own/lab.yaml", "lines": {"begin": 4}}, finding
    repository.configure(sim("--break", "CH-03").url, "check: {cases: [own]}\n")
    repository.proviso("check", "--case", "OW-01", "--case", "CH-03", "--junit", "b.xml", "--codequality", "b.json", env=KEY)
    places = {c.get("name"): c.get("file") for c in ElementTree.parse(folder / "b.xml").getroot().iter("testcase")}
    # A core case lies in no repository of the reader's: there is nothing to lead to.
    assert places["OW-01"] == "own/lab.yaml" and places["CH-03"] is None, places
    findings = json.loads((folder / "b.json").read_text())
    assert {f["location"]["path"] for f in findings if f["check_name"].startswith("CH-03")} == {"proviso.yaml"}


def test_the_hook_finds_mistakes_in_the_files_it_is_for(repository, sim):
    (hook,) = HOOKS
    assert re.search(hook["files"], "deploy/proviso.yaml") and not re.search(hook["files"], "proviso-baseline.json")
    repository.configure(sim().url)
    run = lambda: repository.shell(f"{hook['entry']} proviso.yaml", ["sh", "-c"])
    assert run().returncode == 0
    repository.configure(sim().url, "rotes: {}\n")
    done = run()
    assert done.returncode == 2 and "proviso.yaml:4:1: error:" in done.stderr, done


def test_the_manual_names_what_the_kit_has():
    page = (ROOT / "harness/cli/man/proviso-ci.7").read_text()
    for name in [*ACTION["inputs"], *ACTION["outputs"], *TEMPLATE["variables"], *(hook["id"] for hook in HOOKS)]:
        assert re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", page), name
    assert all(pathlib.Path(ROOT / path).exists() for path in re.findall(r"\.Pa (\.git\S+)", page))
