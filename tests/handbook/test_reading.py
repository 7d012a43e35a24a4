"""The texts of the handbook: complete, named in full, and what is wrong with one names file and key."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Mistake
from pipeline.handbook.fitting import FITS
from pipeline.handbook.playbooks import ORDER, PLAYBOOKS, REMEDIES, load
from pipeline.handbook.queries import ALARMS, QUERIES
from pipeline.handbook.reading import FOLDER, every, made, read
from pipeline.handbook.severity import SEVERITIES, Severity
from pipeline.handbook.techniques import Technique
from pipeline.handbook.troubles import TROUBLES

LEAST: dict[str, Any] = {
    "title": "T", "symptom": "s", "means": "m", "impact": "i", "severity": "P0", "unless": "u",
    "ask": [], "look": [], "mitigate": [], "verify": [], "tell": [],
}  # fmt: skip


def changed(**keys: object) -> dict[str, object]:
    return {key: value for key, value in {**LEAST, **keys}.items() if value is not None}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (changed(unless=None), "playbooks/x.yml: unless: is missing"),
        (changed(unles="u"), "playbooks/x.yml: unles: there is no such key; there are name, title, symptom"),
        (changed(severity="P9"), "playbooks/x.yml: severity: there is no P9; there are P0, P1, P2, P3"),
        (changed(means=5), "playbooks/x.yml: means: 5 is not text"),
        (changed(ask="now"), "playbooks/x.yml: ask: 'now' is not a list"),
        (changed(ask=["now"]), "playbooks/x.yml: ask[0]: 'now' has no keys"),
        (changed(ask=[{"gate": "no.such", "no_means": "n"}]), "playbooks/x.yml: ask[0].gate: there is no no.such"),
        (changed(verify=["no.such"]), "playbooks/x.yml: verify[0]: there is no no.such"),
        (changed(mitigate=["roll_bak"]), "playbooks/x.yml: mitigate[0]: there is no roll_bak; there are roll_back"),
        (
            changed(mitigate=[{"when": "w", "does": "d", "fits": "never"}]),
            "playbooks/x.yml: mitigate[0].fits: there is no never",
        ),
        ([], "playbooks/x.yml: has no keys"),
    ],
)
def test_a_wrong_playbook_is_a_mistake_that_names_file_and_key(text: object, says: str) -> None:
    with pytest.raises(Mistake) as caught:
        load("x", text)
    assert str(caught.value).startswith(says)


def test_a_playbook_that_has_what_it_needs_is_read() -> None:
    playbook = load("x", changed(mitigate=["roll_back"], verify=["health.is-well-before"]))
    assert (playbook.name, playbook.severity, playbook.mitigate) == ("x", SEVERITIES[0], (REMEDIES["roll_back"],))
    assert [gate.name for gate in playbook.verify] == ["health.is-well-before"]


def test_a_file_that_is_no_yaml_or_not_there_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.handbook.reading.FOLDER", tmp_path)
    (tmp_path / "broken.yml").write_text("a: [", encoding="utf-8")
    for name in ("broken.yml", "missing.yml"):
        with pytest.raises(Mistake, match=f"{name}: cannot be read"):
            read(name)


def test_durations_are_seconds_and_nothing_is_nothing() -> None:
    assert made(float | None, "30m", "x.yml: a") == 1800
    assert made(float | None, None, "x.yml: a") is None
    for raw in ("soon", True, "7"):
        with pytest.raises(Mistake, match=r"^x\.yml: a: "):
            made(float, raw, "x.yml: a")
    with pytest.raises(Mistake, match=r"^x\.yml: \[1\]\.title: is missing"):
        every(Technique, [{"title": "t", "steps": []}, {"steps": []}], "x.yml: ")


def test_every_text_is_read() -> None:
    assert {path.stem for path in (FOLDER / "playbooks").iterdir()} == set(ORDER)
    assert len(list((FOLDER / "troubles").iterdir())) == len(TROUBLES)
    assert [type(severity) for severity in SEVERITIES] == [Severity] * 4
    assert {query.name for queries in QUERIES.values() for query in queries} >= set(ALARMS)


def test_every_condition_of_a_remedy_is_used() -> None:
    used = {remedy.fits for playbook in PLAYBOOKS for remedy in playbook.mitigate if remedy.fits}
    assert used == set(FITS.values())


def test_no_sentence_is_broken_over_lines() -> None:
    """A search for a sentence finds it: only commands, SQL and templates have several lines."""
    for path in FOLDER.rglob("*.yml"):
        lines = path.read_text(encoding="utf-8").splitlines()
        folded = [line for line in lines if line.endswith((": >", ": >-", "- >", "- >-"))]
        assert not folded, path
