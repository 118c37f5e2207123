"""Ids, classes and severities of the suite are those of the catalogue: people and scripts know the cases by them."""
import re

import pytest
from conftest import ROOT, SHARED

CATALOGUE = SHARED / "CATALOGUE.md"
CLASSES = {"D": "deterministic", "S": "stochastic", "N": "negative", "T": "timing"}
SEVERITIES = {"G": "gate", "R": "required", "A": "advisory"}
# What differs on purpose; the case file says why.
OTHERWISE = {
    "CH-09": ("stochastic", "required"), "JO-03": ("stochastic", "required"), "UN-02": ("stochastic", "required"),
    "VI-02": ("negative", "required"), "RS-08": ("negative", "required"), "TC-12": ("deterministic", "advisory"),
}


def suite():
    found = {}
    for file in sorted((ROOT / "cases/core").glob("*.yaml")):
        for block in re.split(r"^  - id: ", file.read_text(), flags=re.M)[1:]:
            name = block.split("\n", 1)[0].strip()
            assert name not in found, name
            found[name] = tuple(re.search(rf"^    {key}: (\w+)", block, re.M)[1] for key in ("class", "severity"))
    return found


@pytest.mark.skipif(not CATALOGUE.exists(), reason="the catalogue is not there")
def test_the_suite_is_the_catalogue_s():
    wanted = {row[0]: (CLASSES[row[1]], SEVERITIES[row[2]])
              for row in re.findall(r"^- ([A-Z]{2}-\d\d) ([DSNT])·([GRA])", CATALOGUE.read_text(), re.M)}
    assert len(wanted) == 195
    have = suite()
    assert not set(wanted) - set(have)
    assert {name: have[name] for name in wanted if have[name] != wanted[name]} == OTHERWISE
    # What is split off stands beside the case that it was split from.
    assert all(name.split(".")[0] in wanted for name in have if "." in name)
