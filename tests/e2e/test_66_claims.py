"""What a config claims of a model, against what the cells measured, in every report for people."""
import json

KEY = {"SIM_KEY": "sim-key"}


def check(proviso, url, features):
    (proviso.cwd / "proviso.yaml").write_text(f"""version: 1
providers:
  lab: {{base_url: "{url}", api_key: "env:SIM_KEY", models: {{sim-small: {{context: 8192, features: {features}}}}}}}
""")
    return proviso("check", "--case", "CH-*", "--case", "TC-10", "--case", "PA-0*", "--out", "run", "--json", "a.json",
                   "--html", "a.html", "--markdown", "a.md", env=KEY)


def test_claims_are_proven_refuted_or_unproven(proviso, sim):
    done = check(proviso, sim("--break", "TC-10").url, "[tool_choice.named, chat, images]")
    assert done.code == 1, done
    claims = {c["claim"]: c for c in json.loads((proviso.cwd / "a.json").read_text())["claims"]}
    assert {name: c["state"] for name, c in claims.items()} == {
        "tool_choice.named": "refuted", "chat": "proven", "images": "unproven"}, claims
    assert claims["tool_choice.named"]["against"] == "TC-10" and claims["images"]["asked"] == 0
    page = (proviso.cwd / "a.html").read_text()
    assert '<td>tool_choice.named<td><span class="v fail">refuted</span><td>' in page
    assert "### Claimed against measured" in (proviso.cwd / "a.md").read_text()
    for kind, name in [("html", "a.html"), ("json", "a.json"), ("markdown", "a.md")]:
        again = proviso("report", kind, "--run", "run", "--config", "proviso.yaml")
        assert again.code == 0 and again.out == (proviso.cwd / name).read_text(), kind
    assert "Claimed against" not in proviso("report", "html", "--run", "run").out


def test_a_sound_provider_proves_its_claims_and_no_claim_shows_nothing(proviso, sim):
    url = sim().url
    assert check(proviso, url, "[tool_choice.named, chat]").code == 0
    claims = json.loads((proviso.cwd / "a.json").read_text())["claims"]
    assert [c["state"] for c in claims] == ["proven", "proven"] and all(c["passing"] == c["asked"] for c in claims)
