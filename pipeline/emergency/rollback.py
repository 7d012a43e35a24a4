"""Finds out what ``invoke rollback`` needs from whatever is there, and says how it went."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from pipeline.clock import SystemClock, origin
from pipeline.emergency.access import Access, RollbackOrder, access
from pipeline.emergency.choice import Stranded, choose, is_there, look
from pipeline.emergency.schema import Schema, Unsafe
from pipeline.emergency.steps import Returned, State, client, return_to_previous
from pipeline.environment import variable
from pipeline.errors import ServiceError

BLOCKED, STRANDED = 1, 4


def rollback_now(wanted: RollbackOrder, root: Path, deploy_file: Path, out: Callable[[str], None]) -> int:
    """Roll back and prove it. Returns the exit code: 0 proved and well, 1 the old release cannot live with the schema
    and nothing was touched, else 4."""
    with access(wanted, root, deploy_file) as to:
        out = _without(to.token, out)
        try:
            return asyncio.run(_roll_back(to, wanted, root, out))
        except Unsafe as unsafe:
            out(str(unsafe))
            return BLOCKED
        except Stranded as stranded:
            out(_stranded(to, stranded, as_json=wanted.json))
            return STRANDED
        except ServiceError as error:
            out(
                _stranded(
                    to,
                    Stranded(str(error), "vercel rollback $PREVIOUS, or Instant Rollback in the dashboard"),
                    as_json=wanted.json,
                )
            )
            return STRANDED


def _without(token: str, out: Callable[[str], None]) -> Callable[[str], None]:
    """Wrap ``out`` so that it never says the token."""
    return lambda text: out(text.replace(token, "***") if token else text)


async def _roll_back(to: Access, wanted: RollbackOrder, root: Path, out: Callable[[str], None]) -> int:
    from pipeline.clients.vercel import Vercel

    clock = SystemClock()
    schema = Schema(to, wanted, root, out)
    async with client(to.api) as http:
        vercel = Vercel(to.api, to.token, to.team, to.project, http, clock)
        if wanted.plan:
            seen = await look(vercel, to.domain, wanted.to)
            live = seen.live.id if seen.live else "nothing"
            if is_there(seen, wanted.to):
                out(f"{seen.domain} serves {live} already, after an earlier rollback; --to ID goes further back.")
                return 0
            target = choose(seen, wanted.to, _known_bad(root), even_bad=wanted.even_bad)
            commit = target.commit[:12] or "commit unknown"
            out(f"{seen.domain} serves {live}; would go back to {target.id} ({commit}). Nothing was touched.")
            await schema.say(seen, target)
            return 0
        began = clock.monotonic()

        def tell(state: State) -> None:
            if not wanted.json:
                out(f"  {state.value:<10} {clock.monotonic() - began:5.2f} s")

        stale = asyncio.ensure_future(vercel.variables())  # read meanwhile; nothing waits for it
        try:
            returned = await return_to_previous(
                vercel,
                http,
                clock,
                to=wanted.to,
                domain=to.domain,
                health=to.health,
                bad=_known_bad(root),
                even_bad=wanted.even_bad,
                tell=tell,
                allow=schema.allow,
            )
            out(_said(to, returned, as_json=wanted.json))
            if returned.changed:
                await asyncio.gather(
                    _say_what_else(vercel, returned, stale, out, as_json=wanted.json),
                    asyncio.to_thread(_record, to, returned, root, schema.overruled),
                )
        finally:
            stale.cancel()
            await asyncio.gather(stale, return_exceptions=True)
    return 0 if returned.answer.well else STRANDED


async def _say_what_else(
    vercel: Any, returned: Returned, variables: Awaitable[Any], out: Callable[[str], None], *, as_json: bool
) -> None:
    """Say which environment values and cron jobs went back too. Production is back: what fails here is left out."""
    with contextlib.suppress(Exception):
        from pipeline.emergency.aftermath import aftermath

        seen = await asyncio.wait_for(aftermath(vercel, returned.target, returned.crons, variables), 3)
        if not as_json:
            for name in seen.variables:
                out(f"  stale    {name} was changed after that deployment was made; it has the old value")
            for text in seen.crons:
                out(f"  cron     {text}")


def _said(to: Access, returned: Returned, *, as_json: bool) -> str:
    """Say what is true of production now: what serves, that auto-assignment is off, how to undo."""
    target = returned.target
    if as_json:
        return json.dumps(
            {
                "outcome": "rolled back" if returned.changed else "already there",
                "target": to.name,
                "domain": returned.domain,
                "deployment": target.id,
                "commit": target.commit,
                "was": returned.was,
                "answered": returned.answer.status,
                "well": returned.answer.well,
                "state": returned.state.value,
            }
        )
    head = "ROLLED BACK" if returned.changed else "ALREADY THERE: nothing was changed"
    if not returned.answer.well:
        head += ", BUT PRODUCTION IS NOT WELL: the fault is not only in the release; open an incident"
    lines = [
        f"{head} ({to.name})",
        f"  serves   {target.id}, commit {target.commit[:12] or 'unknown'}, on {origin(returned.domain)}",
        f"  answers  {returned.answer}",
    ]
    if returned.changed:
        lines.append("  pinned   Vercel no longer points production at new deployments until something is promoted")
        lines.append(f"  undo     vercel promote {returned.was}   (also lifts the pin)")
        lines.append(
            "  stays    migrations are not undone; environment values and cron jobs are those of the old build"
        )
    else:
        lines.append(
            "  further  ./inv rollback --to ID   goes back to an older deployment: vercel ls --environment production"
        )
    return "\n".join(lines)


def _stranded(to: Access, stranded: Stranded, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(
            {"outcome": "stranded", "target": to.name, "reason": str(stranded), "by_hand": stranded.by_hand}
        )
    return f"STRANDED ({to.name}): the rollback is not proved\n  because  {stranded}\n  BY HAND  {stranded.by_hand}"


def _known_bad(root: Path) -> frozenset[str]:
    """Ids of the deployments that the journal of this checkout says were taken back, when it can be read."""
    with contextlib.suppress(Exception):
        if (root / ".runs/journal.db").is_file():
            from pipeline.record.journal import taken_back
            from pipeline.record.store import open_store

            return taken_back(open_store("", root))
    return frozenset()


def _record(to: Access, returned: Returned, root: Path, overruled: str = "") -> None:
    """Write the rollback into the journal, if it can be: a full disk or a missing folder is no reason to fail now."""
    with contextlib.suppress(Exception):
        from pipeline.record.journal import Journal, new_run_id
        from pipeline.record.store import open_store
        from pipeline.redact import Redactor

        clock = SystemClock()
        journal = Journal(open_store("", root), new_run_id(clock.now()), clock.now, Redactor((to.token,)))
        journal.append(
            "run begins",
            pipeline="rollback",
            target=to.name,
            commit=returned.target.commit,
            folder="",
            production=origin(returned.domain),
            by=variable("USER"),
        )
        if overruled:
            journal.append("break glass", reason=overruled, by=variable("USER"))
        why = f"taken back by hand; {returned.target.id} serves instead"
        journal.append("release bad", deployment=returned.was, commit=returned.was_commit, reason=why)
        journal.append(
            "run ended", outcome="rolled back", reason=f"{returned.was} was taken back by hand", taken_back=returned.was
        )
