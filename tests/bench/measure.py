"""Runs a command through launch.c, keeps what it used, and sets one thing beside another."""
import json
import statistics
import subprocess
import sys

FLOOR = "/bin/true"  # what this machine asks for any process: no ratio to it says anything
LIMIT_SECONDS = 900  # a hang is a failure


def matrix_text(matrix):
    """As the program writes one: a cell a line. Another form is read as a whole, which takes longer."""
    head = {key: value for key, value in matrix.items() if key != "cells"}
    lines = ",\n".join(json.dumps(cell, separators=(",", ":")) for cell in matrix["cells"])
    return json.dumps(head, separators=(",", ":"))[:-1] + ',"cells":[\n' + lines + "\n]}\n"


class Samples:
    """What the system said of some runs of one command."""

    def __init__(self):
        self.runs = []

    def add(self, run):
        self.runs.append(run)

    def first(self, count):
        """Those of the rounds in which a slower peer took its turns too."""
        some = Samples()
        some.runs = self.runs[:count]
        return some

    def wall_ms(self):
        return [run["wall_s"] * 1000 for run in self.runs]

    def cpu_ms(self):
        return [(run["user_s"] + run["system_s"]) * 1000 for run in self.runs]

    def peak_mb(self):
        return [run["peak_kib"] / 1024 for run in self.runs]


class Bench:
    def __init__(self, launch, folder, environment):
        self.launch, self.folder, self.environment = str(launch), folder, environment

    def run(self, *command, codes=(0,)):
        """(what it used, what it said); ends the benchmark where the command exits otherwise than it should."""
        figures = self.folder / "figures"
        figures.unlink(missing_ok=True)
        done = subprocess.run([self.launch, "1", str(figures), *command], cwd=self.folder, env=self.environment,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=LIMIT_SECONDS)
        wall, user, system, peak, code = figures.read_text().split()
        if int(code) not in codes or done.returncode not in codes:
            sys.exit(f"{' '.join(command)}: exit {code}\n{done.stdout[-4000:]}")
        return {"wall_s": float(wall), "user_s": float(user), "system_s": float(system), "peak_kib": int(peak)}, done.stdout


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "all": list(values)}


def ratios(above, below):
    """Median against median, and the least and most that turns of the same round say."""
    pairs = [a / b for a, b in zip(above, below)]
    return statistics.median(above) / statistics.median(below), min(pairs), max(pairs)


def figure(value):
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


class Table:
    def __init__(self):
        self.rows, self.notes = [], []

    def note(self, text):
        self.notes.append(text)
        print(text, file=sys.stderr)

    def add(self, what, unit, ours, peer_name, peer, below=None, ratio_at_most=None, peer_at_least=None):
        """`below`: of our own median. The ratio is ours to the peer's; beside promptfoo the other way round."""
        turned = peer_name == "promptfoo"
        ratio = ratios(peer, ours) if turned else ratios(ours, peer)
        goal, met = None, None
        if below is not None:
            goal, met = f"under {below} {unit}", statistics.median(ours) < below
        elif ratio_at_most is not None:
            goal, met = f"at most {ratio_at_most} times", ratio[0] <= ratio_at_most
        elif peer_at_least is not None:
            goal, met = f"at least {peer_at_least} times less", ratio[0] >= peer_at_least
        self.rows.append({"what": what, "unit": unit, "ours": spread(ours), "peer": peer_name, "theirs": spread(peer),
                          "ratio": dict(zip(("median", "min", "max"), ratio)),
                          "ratio_is": "peer to ours" if turned else "ours to peer", "goal": goal, "met": met})

    def add_ratio(self, what, unit, ours, peer_name, theirs, ratio, ratio_at_least=None):
        """Where a program of its own took the turns and says speeds: more is better."""
        goal = None if ratio_at_least is None else f"at least {ratio_at_least} times as fast"
        self.rows.append({"what": what, "unit": unit, "ours": spread([ours]), "peer": peer_name,
                          "theirs": spread([theirs]), "ratio": dict(zip(("median", "min", "max"), ratio)),
                          "ratio_is": "ours to peer", "goal": goal,
                          "met": None if ratio_at_least is None else ratio[0] >= ratio_at_least})

    def add_alone(self, what, unit, ours, below):
        """Nothing stands beside it."""
        value = spread(ours)
        self.rows.append({"what": what, "unit": unit, "ours": value, "peer": "", "theirs": None, "ratio": None,
                          "ratio_is": None, "goal": f"under {below:,} {unit}", "met": value["median"] < below})

    def print(self, where):
        head = ("what", "ours", "peer", "ratio", "goal", "met")
        lines = [[row["what"], self._side(row["ours"], row["unit"]),
                  f"{self._side(row['theirs'], row['unit'])} {row['peer']}" if row["theirs"] else "", self._ratio(row), row["goal"] or "", {None: "", True: "yes", False: "NO"}[row["met"]]] for row in self.rows]
        widths = [max(len(line[i]) for line in [head, *lines]) for i in range(len(head))]
        print(f"\n{where['commit']}, {where['cores']} x {where['cpu']}, kernel {where['kernel']}, "
              f"libcurl {where['libcurl']}, load {where['load_before']:.1f} before")
        print("medians (least .. most); ratios of medians (least .. most of single rounds)\n")
        for line in [head, ["-" * width for width in widths], *lines]:
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
        judged = [row for row in self.rows if row["met"] is not None]
        print(f"\n{sum(row['met'] for row in judged)} of {len(judged)} goals met")
        for text in self.notes:
            print(text)

    @staticmethod
    def _side(side, unit):
        if len(side["all"]) == 1:
            return f"{figure(side['median'])} {unit}"
        return f"{figure(side['median'])} {unit} ({figure(side['min'])} .. {figure(side['max'])})"

    @staticmethod
    def _ratio(row):
        ratio = row["ratio"]
        if ratio is None or row["peer"] == FLOOR:
            return ""
        way = "1/" if row["ratio_is"] == "peer to ours" else ""
        return f"{way}{figure(ratio['median'])} ({figure(ratio['min'])} .. {figure(ratio['max'])})"
