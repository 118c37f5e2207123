"""The soak (tests/soak/soak.py, `make soak`) in short, with the sanitizers watching: all kinds of traffic, faults,
reloads and keys at once leak no descriptor, and nobody gets an answer that he should not."""
import importlib.util

from conftest import ROOT

SECONDS = 20


def test_a_short_soak_leaks_nothing(tmp_path, monkeypatch):
    # What is freed is kept for a while to catch uses of it: that much is no growth.
    monkeypatch.setenv("ASAN_OPTIONS", "quarantine_size_mb=4")
    spec = importlib.util.spec_from_file_location("soak", ROOT / "tests/soak/soak.py")
    soak = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(soak)
    seen, faults = soak.soak(tmp_path, SECONDS)
    assert not faults, faults[:3]
    kinds = {kind.split()[0] for kind, count in seen["requests"].items() if "2xx" in kind}
    assert {"chat", "tools", "messages", "embeddings", "explain"} <= kinds, seen
    for what in ("reloads", "reloads_failed", "fallbacks", "hedges", "left", "probes"):
        assert seen[what] > 0, f"no {what} in this soak: {seen}"
    # In so short a time the allocator's own growth is most of what is seen: `make soak` looks closer.
    assert not soak.grown(seen, 32 << 10), seen
