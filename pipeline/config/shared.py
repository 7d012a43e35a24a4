"""Sections of ``deploy.yml`` that a fleet says for several projects: below the file's own words, and above them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.config.example import merged
from pipeline.environment import variable
from pipeline.errors import Mistake

VARIABLE = "DEPLOY_SHARED"
"""How the process of a project is told by its fleet: both parts as JSON. It holds no secret, as sections hold none."""
PACE = "pace"
"""Stands among the sections that are shared, and is the `pace` of every target of the file."""


@dataclass(frozen=True)
class SharedSections:
    """``under``: what counts where the file says nothing; ``over``: what counts whatever it says, on every target."""

    under: Mapping[str, Any] = field(default_factory=dict)
    over: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.under or self.over)

    def __str__(self) -> str:
        return json.dumps({"under": self.under, "over": self.over}, default=str)  # YAML knows moments, JSON does not

    def in_file(self, raw: Mapping[str, Any]) -> dict[str, Any]:
        """The file ``raw`` with what is under it, and every target's pace; what is over its sections comes last."""
        if not self:
            return dict(raw)
        whole: dict[str, Any] = merged(_sections(self.under), raw)
        targets = whole.get("targets")
        if isinstance(targets, dict) and (PACE in self.under or PACE in self.over):
            whole["targets"] = {name: self._paced(target) for name, target in targets.items()}
        return whole

    def over_sections(self, sections: Mapping[str, Any]) -> dict[str, Any]:
        """The sections of a target, with what is over them."""
        whole: dict[str, Any] = merged(sections, _sections(self.over))
        return whole

    def _paced(self, target: Any) -> Any:
        if not isinstance(target, dict):
            return target
        pace = merged(merged(self.under.get(PACE, {}), target.get(PACE) or {}), self.over.get(PACE, {}))
        return {**target, PACE: pace}


def shared_here() -> SharedSections:
    """What the fleet has told this process; nothing when no fleet has started it. Raises Mistake."""
    said = variable(VARIABLE)
    if not said:
        return SharedSections()
    try:
        body = json.loads(said)
        return SharedSections(dict(body["under"]), dict(body["over"]))
    except (ValueError, KeyError, TypeError) as error:
        raise Mistake(f"{VARIABLE}: is set by a fleet for its projects; unset it") from error


def _sections(said: Mapping[str, Any]) -> dict[str, Any]:
    return {name: part for name, part in said.items() if name != PACE}
