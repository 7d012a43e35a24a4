"""Every probe is listed by the module that has it."""

import importlib
import inspect
from pathlib import Path

import pytest

from checks.evidence import Evidence
from pipeline import probes
from pipeline.probes.every import PROBES

MODULES = sorted(path.stem for path in Path(probes.__path__[0]).glob("*.py") if path.stem not in ("__init__", "every"))


@pytest.mark.parametrize("name", MODULES)
def test_a_module_lists_its_probes(name: str) -> None:
    module = importlib.import_module(f"pipeline.probes.{name}")
    own = [value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__]
    reading = [value for value in own if inspect.iscoroutinefunction(value)]
    public = {probe for probe in reading if gives_evidence(probe.__annotations__["return"])}
    assert set(getattr(module, "PROBES", ())) == public, "one without any helps the others"
    assert public <= set(PROBES)


def gives_evidence(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Evidence)
