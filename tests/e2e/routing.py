"""A proven pair of targets, made once: good/sim-small passes all, bad/sim-small fails TC-10."""
import json
import shutil

import pytest

from conftest import Proviso, Sim, once

KEY = {"SIM_KEY": "sim-key"}
ROUTES = "routes:\n  coder: {targets: [good/sim-small, bad/sim-small]}\n"


def config(good, bad):
    price = '{{context: 8192, max_output: 1024, price: {{input: "{}", output: "{}"}}}}'
    return (f"version: 1\nproviders:\n"
            f"  good: {{base_url: {good}, api_key: env:SIM_KEY, models: {{sim-small: {price.format(1, 2)}}}}}\n"
            f"  bad: {{base_url: {bad}, api_key: env:SIM_KEY, models: {{sim-small: {price.format(0.5, 1)}}}}}\n")


def prove(folder):
    sims = [Sim(), Sim("--break", "TC-10")]
    (folder / "proviso.yaml").write_text(config(sims[0].url, sims[1].url) + ROUTES)
    done = Proviso(folder)("check", "--profile", "ci", env=KEY)
    for sim in sims:
        sim.stop()
    assert done.code == 1, done


@pytest.fixture(scope="session")
def proven(tmp_path_factory):
    return once(tmp_path_factory, "proven", prove)


@pytest.fixture
def desk(proviso, proven):
    """A folder with config and matrix, and the means to change both."""
    for name in ("proviso.yaml", "proviso-matrix.json"):
        shutil.copy(proven / name, proviso.cwd / name)
    return Desk(proviso)


def chat_body(model="coder", **more):
    return {"model": model, "messages": [{"role": "user", "content": "hi"}], **more}


def tool(name="f"):
    parameters = {"type": "object", "properties": {"a": {"type": "string"}}}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


class Desk:
    def __init__(self, proviso):
        self.proviso = proviso
        self.config_path = proviso.cwd / "proviso.yaml"
        self.matrix_path = proviso.cwd / "proviso-matrix.json"

    def configure(self, more, replace=None):
        text = self.config_path.read_text()
        for old, new in (replace or {}).items():
            assert old in text, f"no {old} in the config"
            text = text.replace(old, new)
        self.config_path.write_text(text + more)

    def matrix(self):
        return json.loads(self.matrix_path.read_text())

    def write_matrix(self, matrix, path=None):
        path = path or self.matrix_path
        path.write_text(json.dumps(matrix))
        return path

    def change_cells(self, change, target=None, case=None, variant=None, path=None):
        """change(cell) -> the cell, or None to take it out; for the cells that fit."""
        matrix = self.matrix()
        kept = []
        hits = 0
        for cell in matrix["cells"]:
            if all(wanted in (None, cell[name])
                   for name, wanted in (("target", target), ("case", case), ("variant", variant))):
                hits += 1
                cell = change(cell)
            if cell is not None:
                kept.append(cell)
        assert hits > 0, "no cell fits"
        matrix["cells"] = kept
        return self.write_matrix(matrix, path)

    def explain(self, body, *more, code=0):
        done = self.proviso("explain", *more, stdin=body if isinstance(body, str) else json.dumps(body))
        assert done.code == code, done
        return json.loads(done.out) if code in (0, 1) and "table" not in more else done


def failing(cell):
    cell = dict(cell, verdict="fail", trials=3, outcomes={"miss": 3}, rate=0)
    return cell
