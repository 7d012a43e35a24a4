"""The corpus of migrations in cases.yml, as its tests read it."""

from dataclasses import dataclass
from pathlib import Path

import yaml

FILE = Path(__file__).parent / "cases.yml"


@dataclass(frozen=True)
class Case:
    """One migration and what is to be said of it."""

    name: str
    sql: str
    kind: str
    lock: str
    rewrites: bool
    stops: str
    squawk: list[str]
    on: str = ""
    differs: str = ""
    not_run: str = ""


_document = yaml.load(FILE.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # it is long
SCHEMAS: dict[str, str] = {"": "", **_document["schemas"]}
CASES = [Case(**case) for case in _document["cases"]]
