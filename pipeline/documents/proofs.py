"""``runbooks/proofs.json``: what of the runbooks was really done, when, and how it went."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.errors import Mistake

FILE = "runbooks/proofs.json"


@dataclass(frozen=True)
class Proof:
    """A proof says when something was really done, and how it went. ``result``: ran, or not run and ``why``."""

    result: str
    on: str
    why: str = ""

    @property
    def ran(self) -> bool:
        return self.result == "ran"


@dataclass(frozen=True)
class Proofs:
    """All proofs, by the by-hand command, drill, gate or pipeline that each is about."""

    commands: Mapping[str, Proof] = field(default_factory=dict)
    drills: Mapping[str, Proof] = field(default_factory=dict)
    """``why`` is the score, e.g. ``100 %``."""
    gates: Mapping[str, Proof] = field(default_factory=dict)
    """Seen to stop, and cured; ``why`` is what it said."""
    runs: Mapping[str, Proof] = field(default_factory=dict)
    """Pipelines that ran for real, on a target that is no sandbox; ``why`` is the run."""


def load(root: Path) -> Proofs:
    """All proofs of a checkout; none when there is no file. Raises Mistake naming what is wrong with it."""
    path = root / FILE
    if not path.is_file():
        return Proofs()
    try:
        raw: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return Proofs(
            **{kind: {name: Proof(**proof) for name, proof in by_name.items()} for kind, by_name in raw.items()}
        )
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise Mistake(f"{FILE}: is no record of proofs: {error}") from error


def save(root: Path, proofs: Proofs) -> None:
    """Writes all proofs into the file, which is replaced."""
    text = json.dumps(asdict(proofs), indent=1, ensure_ascii=False, sort_keys=True)
    (root / FILE).write_text(text + "\n", encoding="utf-8")
