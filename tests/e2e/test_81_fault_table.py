"""The table of faults is whole: every cell of every row has its tests, or says why it cannot be, and each of these exists."""
import re
import subprocess
import sys

import pytest

from conftest import PROVISO, ROOT, RUN_LIMIT_S, SHARED
from fault_table import CELLS, ROWS

HERE = ROOT / "tests/e2e"


@pytest.fixture(scope="module")
def collected():
    """The id of every end-to-end test that the table may name, as pytest knows it."""
    files = sorted({name.split("::")[0] for row in ROWS for cell in row[2] if isinstance(cell, list) for name in cell
                    if not name.startswith("proxy/")})
    done = subprocess.run([sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
                          cwd=HERE, capture_output=True, text=True, timeout=RUN_LIMIT_S)
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.rsplit("/", 1)[-1] for line in done.stdout.splitlines() if "::" in line]


def exists(name, collected):
    if not name.startswith("proxy/"):
        # A name without parameters stands for all of them; what is open at the end, for those that begin so.
        return any(one == name or one.startswith(name if "[" in name and not name.endswith("]") else name + "[") for one in collected)
    path, test = name.split("::")
    source = (ROOT / "tests/unit" / path).read_text()
    return f"START_TEST({test})" in source and re.search(rf"_test\w*\([^;]*\b{test}\b", source) is not None


@pytest.mark.parametrize("row", ROWS, ids=[row[0].split(":")[0].split(" / ")[0] for row in ROWS])
def test_every_cell_is_proven_by_tests_that_exist(row, collected):
    words, _, cells = row
    assert len(cells) == len(CELLS), words
    for cell, proof in zip(CELLS, cells):
        if isinstance(proof, str):
            assert proof.startswith("cannot happen: ") and len(proof) > 30, (words, cell)
            continue
        assert proof, f"{words}: {cell} has no test"
        missing = [name for name in proof if not exists(name, collected)]
        assert not missing, f"{words}: {cell} names what does not exist: {missing}"


def test_the_simulator_plays_every_fault_of_the_table():
    said = subprocess.run([PROVISO, "sim", "--list"], capture_output=True, text=True, timeout=RUN_LIMIT_S).stdout
    known = {line.split()[0] for line in said.splitlines() if line.startswith("  ")}
    assert {name for _, names, _ in ROWS for name in names} <= known


def test_the_rows_are_those_of_the_contract():
    contract = SHARED / "GATEWAY.md"
    if not contract.exists():
        pytest.skip("the contract is not here")
    table = contract.read_text().split("## Faults to be able to play")[1]
    rows = [line.split("|")[1].strip().replace("`", "") for line in table.splitlines() if line.startswith("| ")][1:]
    assert rows == [words for words, _, _ in ROWS]
