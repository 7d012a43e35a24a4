"""Asks, while Vercel is asked, whether the release to go back to can live with the schema; nobody waits for it long."""

import asyncio
import functools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.clients.vercelshapes import Deployment
from pipeline.emergency.access import Access, RollbackOrder
from pipeline.emergency.choice import ProductionSeen
from pipeline.errors import PipelineError

PATIENCE = 2.0  # seconds from the beginning that anybody waits for the database


class Unsafe(PipelineError):
    """The release to go back to cannot live with the schema; nothing was touched. Exit 1."""


class Schema:
    """What was migrated since the release that one wants to go back to. It is read while Vercel is asked."""

    def __init__(self, to: Access, wanted: RollbackOrder, root: Path, out: Callable[[str], None]) -> None:
        self._wanted, self._root, self._out = wanted, root, out
        self._paths: dict[str, Any] = dict(to.paths)
        self._again = f"./inv rollback {to.flags}{wanted.choice(break_glass=True)}"
        self._until = time.monotonic() + PATIENCE
        self._asked = None
        self.overruled = ""
        """What `--break-glass` overruled."""
        if to.database:
            from pipeline.emergency.schemaback import ask

            self._asked = ask(to.database, to.unencrypted)

    async def allow(self, seen: ProductionSeen, target: Deployment) -> None:
        """Raises Unsafe when the old release would miss something, unless that is what somebody wants."""
        judged = await self._judged(seen, target)
        if isinstance(judged, str) or judged is None or judged.way == "alias only":
            self._tell(judged)
        elif self._wanted.break_glass:
            self.overruled = "; ".join(judged.reasons)
            self._tell(judged)
        else:
            raise Unsafe(_refused(target, judged, self._again, as_json=self._wanted.json))

    async def say(self, seen: ProductionSeen, target: Deployment) -> None:
        """Print whether the old release can live with the schema, and stop nothing."""
        self._tell(await self._judged(seen, target))

    async def _judged(self, seen: ProductionSeen, target: Deployment) -> Any:
        if self._asked is None:
            return None
        from pipeline.emergency.schemaback import judge

        known = [one.created for one in (*seen.candidates, *([seen.live] if seen.live else [])) if one.id != target.id]
        newer = min((at for at in known if at > target.created), default=target.created) / 1000
        folders = tuple(dict.fromkeys((Path.cwd(), self._root)))
        try:
            await asyncio.to_thread(self._asked.done.wait, max(self._until - time.monotonic(), 0))
            journal = self._root / ".runs/journal.db"
            asked = functools.partial(judge, self._asked, target, newer, folders, journal, **self._paths)
            look = asyncio.to_thread(asked)
            return await asyncio.wait_for(look, PATIENCE)
        except Exception as error:  # an emergency does not end because of what it would only like to know
            return f"it could not be looked up ({type(error).__name__})"

    async def said(self, seen: ProductionSeen, target: Deployment) -> list[str]:
        """The same as lines; none when no database is known."""
        return _lines(await self._judged(seen, target))

    def _tell(self, judged: Any) -> None:
        if self._wanted.json:
            return
        for number, line in enumerate(_lines(judged)):
            self._out(f"  {'' if number else 'schema':<10} {line}")


def _lines(judged: Any) -> list[str]:
    if judged is None:
        return []
    return [judged] if isinstance(judged, str) else [f"{judged.way}: {'; '.join(judged.reasons)}", *judged.remarks]


def _refused(target: Deployment, judged: Any, again: str, *, as_json: bool) -> str:
    if as_json:
        point = judged.point
        return json.dumps(
            {
                "outcome": "blocked",
                "way": judged.way,
                "deployment": target.id,
                "reasons": judged.reasons,
                "remarks": judged.remarks,
                "restore": point.by_hand if point else "",
                "loses_minutes": round(judged.loses_minutes, 1),
            }
        )
    lines = [f"NOT ROLLED BACK: {target.id} cannot live with the schema as it is now. Nothing was touched."]
    lines += [f"  because  {reason}" for reason in judged.reasons]
    lines += [f"  and      {remark}" for remark in judged.remarks]
    lines.append("  forward  put back what is missing with a new, additive migration and deploy: ./inv deploy")
    if judged.point:
        lines.append(
            f"  restore  the database of {judged.point.made:%Y-%m-%d %H:%M} UTC ({judged.point.name}), which loses what"
            f" was written in the last {judged.loses_minutes:.0f} min: {judged.point.by_hand}"
        )
        lines.append(f"           then: {again}")
    else:
        lines.append("  restore  no restore point of those migrations is known here; Neon console → Branches, before-…")
    lines.append(f"  all the same   {again}   (it is recorded; pages that read it will fail)")
    return "\n".join(lines)
