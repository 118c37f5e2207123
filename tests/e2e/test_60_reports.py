"""Reports through the real program: each format to the byte, a CI job, a page that nothing escapes from.

`make golden` writes tests/golden anew from what the program prints; look at the diff before it is committed.
"""
import html.parser
import json
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import ROOT, RUN_LIMIT_S, reply, chat

GOLDEN = ROOT / "tests/golden"
WRITE = os.environ.get("PROVISO_GOLDEN") == "write"
REPORTS = {
    "cells.csv": ["report", "csv"], "report.json": ["report", "json"], "report.md": ["report", "markdown"],
    "junit.xml": ["report", "junit"], "github.txt": ["report", "github"], "report.html": ["report", "html"],
    "codequality.json": ["report", "codequality"],
}


def compare(name, text):
    path = GOLDEN / name
    if WRITE:
        path.write_bytes(text.encode())
    assert path.read_bytes().decode() == text, f"{name} differs; `make golden` writes it anew"


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_is_what_it_was(proviso, name):
    done = proviso(*REPORTS[name], "--run", GOLDEN / "run", "--out", name)
    assert done.code == 0 and done.out == "", done
    compare(name, (proviso.cwd / name).read_bytes().decode())


def test_the_table_is_what_it_was(proviso):
    done = proviso("matrix", GOLDEN / "run")
    assert done.code == 0
    compare("table.txt", done.out)


# What the schema of Jenkins's xunit plugin lets an element have: its children, the attributes that it must have and those
# that it may (jenkinsci/xunit-plugin, types/model/xsd/junit-10.xsd at 031e285); and one count more at the root, which
# other readers look for.
RESULT = ((), (), ("type", "message"))
JUNIT = {
    "testsuites": (("testsuite",), (), ("name", "time", "tests", "failures", "errors", "skipped")),
    "testsuite": (("testsuite", "properties", "testcase", "system-out", "system-err"),
                  ("name", "tests", "failures", "errors"),
                  ("group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url")),
    "testcase": (("skipped", "error", "failure", "system-out", "system-err"), ("name",), ("time", "classname", "group")),
    "properties": (("property",), (), ()), "property": ((), ("name", "value"), ()),
    "skipped": RESULT, "error": RESULT, "failure": RESULT, "system-out": ((), (), ()), "system-err": ((), (), ()),
}


def assert_valid_junit(element):
    children, needed, allowed = JUNIT[element.tag]
    assert set(needed) <= set(element.attrib) <= {*needed, *allowed}, element.attrib
    if element.tag in ("testsuites", "testsuite") and "time" in element.attrib:
        assert re.fullmatch(r"[0-9]+\.[0-9]*", element.get("time"))
    for child in element:
        assert child.tag in children, (element.tag, child.tag)
        assert_valid_junit(child)


@pytest.mark.parametrize("baseline", (False, True))
def test_junit_is_what_the_schema_of_jenkins_lets_it_be(proviso, baseline):
    matrix = json.loads((GOLDEN / "run/matrix.json").read_text())
    gone = dict(matrix["cells"][0], case="ZZ-01")
    (proviso.cwd / "base.json").write_text(json.dumps(dict(matrix, cells=[*matrix["cells"], gone])))
    done = proviso("report", "junit", GOLDEN / "run/matrix.json", *(("--baseline", "base.json") if baseline else ()))
    assert done.code == 0, done
    root = ElementTree.fromstring(done.out)
    assert root.tag == "testsuites" and len(list(root.iter("testcase"))) == len(matrix["cells"])
    assert ("gone since the baseline: ZZ-01" in done.out) == baseline
    assert_valid_junit(root)


class Page(html.parser.HTMLParser):
    """The tags, their attributes, and whether each is one that may be there."""

    VOID = {"meta"}

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.links, self.ids = [], [], set(), set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        for name, value in attributes:
            assert name in {"lang", "charset", "http-equiv", "content", "name", "class", "id", "href", "scope", "open"}
            if name == "href":
                assert value.startswith("#")
                self.links.add(value[1:])
            if name == "id":
                assert value not in self.ids
                self.ids.add(value)

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_holds_text_only_and_its_links_lead_somewhere(proviso):
    proviso("report", "html", "--run", GOLDEN / "run", "--out", "a.html")
    page = Page((proviso.cwd / "a.html").read_text())
    assert set(page.tags) <= {
        "html", "head", "meta", "title", "style", "body", "header", "nav", "section", "h1", "h2", "h3", "p", "a", "b",
        "span", "div", "table", "thead", "tbody", "tr", "th", "td", "details", "summary", "dl", "dt", "dd", "pre"}
    assert page.links <= page.ids
    assert "</pre><script>alert(1)</script>" in "".join(page.text)


def test_the_page_has_a_dark_and_a_print_style_and_asks_no_network(proviso):
    proviso("report", "html", "--run", GOLDEN / "run", "--out", "a.html")
    page = (proviso.cwd / "a.html").read_text()
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.search(r"url\(|@import|https?:|//", style)
    colours = {"ink", "page", "soft", "line", "mute", "link", "good", "bad", "warn", "goodbg", "badbg", "warnbg"}

    def root(query):
        """The colours that the root gets under this query."""
        found = re.search(re.escape(query) + r"\{?:root\{(.*?)\}", style, re.S)
        assert found, query
        return dict(re.findall(r"--(\w+):([^;}]+)", found[1]))

    light = dict(re.findall(r"--(\w+):([^;}]+)", style[:style.index("}")]))
    dark, printed = root("@media(prefers-color-scheme:dark)"), root("@media print")
    # One left out would be dark on dark; paper gets no ground.
    assert set(light) == set(dark) == colours and set(printed) == colours
    assert all(light[name] != dark[name] for name in colours)
    assert {printed[name] for name in ("page", "soft", "goodbg", "badbg", "warnbg")} == {"#fff"}
    # On paper nothing scrolls, and a long group may break where a short cell may not.
    paper = style[style.index("@media print"):]
    assert "max-height:none" in paper and "overflow:visible" in paper
    assert "details details,tr{break-inside:avoid}" in paper


def test_a_matrix_alone_shows_ids_and_no_bytes(proviso):
    done = proviso("report", "html", "--matrix", GOLDEN / "run/matrix.json")
    assert done.code == 0 and "000007:5" in done.out and "curl" not in done.out


def test_a_run_whose_evidence_is_gone_is_still_a_page(proviso):
    shutil.copytree(GOLDEN / "run", proviso.cwd / "run")
    (proviso.cwd / "run/evidence/000001.rec").write_bytes(b"{}\n")
    done = proviso("report", "html", "--run", "run")
    assert done.code == 0 and "can&#39;t be read" in done.out


def test_the_command_of_a_page_asks_the_same_again(proviso, scripted):
    assert shutil.which("curl"), "tests/deps.sh installs curl for this"
    server = scripted(lambda head, body, number: reply(chat("it's")))
    config = f"""version: 1
providers:
  odd-lab:
    base_url: {server.url}
    api_key: env:WHATEVER
    models: {{m: {{}}}}
"""
    (proviso.cwd / "proviso.yaml").write_text(config)
    proviso("check", "--case", "CH-01", "--out", "run", "--html", "a.html", env={"WHATEVER": "sk-very-secret"})
    text = (proviso.cwd / "a.html").read_text()
    assert "sk-very-secret" not in text
    command = re.search(r"<pre>(curl .*?)</pre>", text, re.S).group(1)
    command = html.unescape(command)
    assert "$WHATEVER\"" in command  # the variable that the config names
    asked = [body for _, body in server.requests]
    subprocess.run(["sh", "-c", command], env={"PATH": os.environ["PATH"], "WHATEVER": "k-1"}, check=True,
                   stdout=subprocess.DEVNULL, timeout=RUN_LIMIT_S)
    head, body = server.requests[-1]
    assert b"Bearer k-1" in head and body in asked and len(server.requests) == len(asked) + 1


def check_in_ci(proviso, sim, tmp_path, **env):
    one = sim("--break", "ST-06")
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    done = proviso("check", "--base-url", one.url, "--model", "sim-small", "--api-key-env", "K", "--case", "ST-0*",
                   "--junit", "junit.xml", "--html", "report.html",
                   env={"K": "sim-key", "GITHUB_STEP_SUMMARY": str(summary), **env})
    assert done.code == 1, done
    return done, summary.read_text()


def test_a_github_job_gets_annotations_and_a_summary(proviso, sim, tmp_path):
    done, summary = check_in_ci(proviso, sim, tmp_path, GITHUB_ACTIONS="true")
    assert re.search(r"^::error title=FAIL .*%3A ST-06~stream::gate FAIL, 0 of ", done.err, re.M), done.err
    assert "::error" not in done.out
    assert summary.startswith("before\n## Proviso: ") and "ST-06" in summary
    root = ElementTree.parse(proviso.cwd / "junit.xml").getroot()
    failed = [case.get("name") for case in root.iter("testcase") if case.find("failure") is not None]
    assert "ST-06~stream" in failed and int(root.get("failures")) == len(failed)
    assert "ST-06" in (proviso.cwd / "report.html").read_text()


def test_elsewhere_nothing_is_annotated(proviso, sim, tmp_path):
    done, summary = check_in_ci(proviso, sim, tmp_path)
    assert "::error" not in done.err and summary == "before\n"
