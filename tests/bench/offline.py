"""The offline half on a recorded run of 20 targets and a matrix of 50: replay, HTML report, gate, forecast.

The run is made here, by asking the simulator the profile onboard of all its models; no data is kept.
"""
import json
import pathlib
import shutil
import subprocess
import sys

import forecast_log
from measure import FLOOR, Samples, matrix_text

TARGETS, GATE_TARGETS = 20, 50
ROUNDS = 7
HTML_MAX_MB = 5
CHECK_CODES = (0, 1, 3, 4)  # it was asked to the end
SHAPES = ("chat", "chat stream", "chat stream tools", "chat response_format.json_schema", "chat tools tool_choice.named")


def models(count):
    return [f"m{number:02}" for number in range(count)]


def config(url, count):
    price = 'price: {input: "0.10", output: "0.30"}'
    lines = [f"      {name}: {{context: 8192, max_output: 1024, {price}}}" for name in models(count)]
    targets = ", ".join(f"lab/{name}" for name in models(count))
    return "\n".join(["version: 1", "providers:", "  lab:", f"    base_url: {url}", "    api_key: env:SIM_KEY",
                      "    limits: {concurrency: 64}", "    models:", *lines,
                      "policy: {max_age: 3650d}", f"routes: {{coder: {{targets: [{targets}]}}}}", ""])


class Offline:
    def __init__(self, bench, proviso, folder):
        self.bench, self.proviso = bench, proviso
        self.folder = folder
        self.run = folder / "run"
        self.floor = Samples()

    def record(self):
        """A run of all cases at 20 targets, as `check --profile onboard` leaves it."""
        sim = subprocess.Popen([self.proviso, "sim", "--models", ",".join(models(TARGETS))],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            self.write("twenty.yaml", config(sim.stdout.readline().strip(), TARGETS))
            done = subprocess.run([self.proviso, "check", "--config", "twenty.yaml", "--profile", "onboard", "--jobs", "32",
                                   "--out", str(self.run), "--matrix", "twenty.json"], cwd=self.folder,
                                  env={**self.bench.environment, "SIM_KEY": "sim-key"}, capture_output=True, text=True)
        finally:
            sim.terminate()
            sim.wait()
        # On a busy machine some case about time may not pass; what is measured is the same.
        if done.returncode not in CHECK_CODES:
            sys.exit(f"the run that is to be judged again was not made: exit {done.returncode}\n{done.stderr[-2000:]}")
        self.cells = json.loads((self.run / "matrix.json").read_text())["cells"]

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def widen(self):
        """The matrix for 50 targets: each is as good as the first; and traffic for the gate to look at."""
        matrix = json.loads((self.run / "matrix.json").read_text())
        one = [cell for cell in matrix["cells"] if cell["target"] == "lab/m00"]
        matrix["cells"] = [{**cell, "target": f"lab/{name}"} for name in models(GATE_TARGETS) for cell in one]
        self.write("fifty.json", matrix_text(matrix))
        self.write("fifty.yaml", config("http://127.0.0.1:9/v1", GATE_TARGETS))
        rows = [f"{number},1,coder,coder,lab/m00,{SHAPES[number % len(SHAPES)]},100,20,0.001" for number in range(500)]
        self.write("usage.csv", "\n".join(["request_id,attempt,route,requested_model,target,shape,prompt_tokens,"
                                           "completion_tokens,cost_usd", *rows, ""]))

    def sample(self, *arguments, codes=(0,)):
        self.floor.add(self.bench.run(FLOOR)[0])
        return self.bench.run(self.proviso, *arguments, codes=codes)

    def measure_replay(self, table):
        samples = Samples()
        asked = [cell for cell in self.cells if cell["verdict"] != "skipped"]
        for _ in range(ROUNDS):
            samples.add(self.sample("check", "--replay", str(self.run), "--matrix", str(self.folder / "again.json"), codes=CHECK_CODES)[0])
            if [cell for cell in json.loads((self.run / "matrix.json").read_text())["cells"] if cell["verdict"] != "skipped"] != asked:
                sys.exit("judged again, the run says something else")
        lines = sum(1 for _ in open(self.run / "journal.jsonl", "rb")) - 1
        what = f"replay of {TARGETS} targets, {len(self.cells):,} cells, {lines:,} lines"
        table.add(f"{what}: wall", "ms", samples.wall_ms(), FLOOR, self.floor.wall_ms()[-ROUNDS:], below=2000)
        table.add(f"{what}: CPU", "ms", samples.cpu_ms(), FLOOR, self.floor.cpu_ms()[-ROUNDS:])
        table.add(f"{what}: peak RSS", "MB", samples.peak_mb(), FLOOR, self.floor.peak_mb()[-ROUNDS:])

    def measure_html(self, table):
        samples, page = Samples(), self.folder / "report.html"
        for _ in range(ROUNDS):
            samples.add(self.sample("report", "html", "--run", str(self.run), "--out", str(page))[0])
        size = page.stat().st_size / 1e6
        table.add("HTML report of that run: wall", "ms", samples.wall_ms(), FLOOR, self.floor.wall_ms()[-ROUNDS:], below=1000)
        table.add("HTML report of that run: CPU", "ms", samples.cpu_ms(), FLOOR, self.floor.cpu_ms()[-ROUNDS:])
        table.add("HTML report of that run: size", "MB", [size] * ROUNDS, FLOOR, [1] * ROUNDS, below=HTML_MAX_MB)

    def measure_gate(self, table):
        samples = Samples()
        self.widen()
        for _ in range(3 * ROUNDS):
            sample, text = self.sample("gate", "--config", "fifty.yaml", "--matrix", "fifty.json", "--usage", "usage.csv",
                                       "--format", "json", codes=(0, 1, 3))
            samples.add(sample)
        checks = len(json.loads(text)["checks"])
        what = f"gate on {GATE_TARGETS} targets, {checks} shapes"
        table.add(f"{what}: wall", "ms", samples.wall_ms(), FLOOR, self.floor.wall_ms()[-3 * ROUNDS:], below=50)
        table.add(f"{what}: CPU", "ms", samples.cpu_ms(), FLOOR, self.floor.cpu_ms()[-3 * ROUNDS:])

    def measure_forecast(self, table):
        samples, log, rounds = Samples(), self.folder / "million.csv", 3
        forecast_log.write(log)
        for _ in range(rounds):
            sample, text = self.sample("forecast", log, "--config", "twenty.yaml", "--matrix", "twenty.json", "--format", "json",
                                       codes=(0, 1, 3))
            samples.add(sample)
        said = json.loads(text)
        if said["traffic"]["requests"] != forecast_log.ROWS:
            sys.exit("the forecast has not read every request")
        what = f"forecast of {forecast_log.ROWS:,} rows, {len(said['policies'])} policies"
        table.add(f"{what}: wall", "ms", samples.wall_ms(), FLOOR, self.floor.wall_ms()[-rounds:], below=3000)
        table.add(f"{what}: CPU", "ms", samples.cpu_ms(), FLOOR, self.floor.cpu_ms()[-rounds:])
        table.add(f"{what}: peak RSS", "MB", samples.peak_mb(), FLOOR, self.floor.peak_mb()[-rounds:], below=50)


def prepare(bench, proviso, work):
    folder = pathlib.Path(work) / "offline"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    bench = type(bench)(bench.launch, folder, bench.environment)
    offline = Offline(bench, proviso, folder)
    offline.record()
    return offline
