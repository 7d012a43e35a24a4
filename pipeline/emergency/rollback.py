"""Finds out what ``invoke rollback`` needs from whatever is there, and says how it went."""

import asyncio
import contextlib
import json
import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.clients.vercelshapes import Deployment
from pipeline.clock import SystemClock, origin
from pipeline.emergency.access import Access, RollbackOrder, access
from pipeline.emergency.choice import ProductionSeen, Stranded
from pipeline.emergency.domain import client, is_here
from pipeline.emergency.memory import Memory
from pipeline.emergency.schema import Schema, Unsafe
from pipeline.emergency.steps import Returned, State, return_to_previous
from pipeline.errors import Broken, ServiceError
from pipeline.redact import Redactor
from pipeline.signals import heed

BLOCKED, STRANDED = 1, 4


def rollback_now(wanted: RollbackOrder, root: Path, deploy_file: Path, out: Callable[[str], None]) -> int:
    """Roll back and prove it. Returns the exit code: 0 proved and well, 1 the old release cannot live with the schema
    and nothing was touched, else 4."""
    with access(wanted, root, deploy_file) as to, contextlib.closing(Memory(to, root)) as memory:
        out = _without((to.token, to.bypass, to.database), out)
        for remark in () if wanted.json else to.ignored:
            out(f"  note     {remark}")
        try:
            return asyncio.run(_undisturbed(to, wanted, memory, Schema(to, wanted, root, out), out, root))
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None  # by SIGTERM, too: nothing was touched
        except Unsafe as unsafe:
            out(str(unsafe))
            return BLOCKED
        except Stranded as stranded:
            out(_stranded(to, stranded, as_json=wanted.json))
            return STRANDED
        except ServiceError as error:
            out(_stranded(to, Stranded(str(error), _by_hand(to, wanted)), as_json=wanted.json))
            return STRANDED


def _by_hand(to: Access, wanted: RollbackOrder) -> str:
    return (
        f"vercel rollback {wanted.to or '$PREVIOUS'}   or, in the dashboard: Deployments → the previous one → "
        f"Instant Rollback; again: ./inv rollback {to.flags}{wanted.choice()}"
    )


def _explained(bug: BaseException, root: Path) -> str:
    """Say in a line what a bug of ours is, and in which file its traceback is; both without secrets."""
    from pipeline.record.debug import explained

    return explained(bug, root)


def _without(secrets: Iterable[str], out: Callable[[str], None]) -> Callable[[str], None]:
    """Wrap ``out`` so that it never says a secret, in any spelling."""
    redactor = Redactor(secrets)
    return lambda text: out(redactor(text))


async def _undisturbed(
    to: Access, wanted: RollbackOrder, memory: Memory, schema: Schema, out: Callable[[str], None], root: Path
) -> int:
    """Roll back in a task of its own, which the first Ctrl-C or SIGTERM cancels until its end is decided.

    No other signal changes anything: not a second one, and not a terminal that is gone, as whoever asked for an
    emergency still wants it. Raises Broken for a bug of ours that comes once production is back.
    """
    if not is_here(to.api):
        from pipeline.emergency.lookup import Unwaited

        asyncio.get_running_loop().set_default_executor(Unwaited())
    end = _End()
    rolling = asyncio.ensure_future(_roll_back(to, wanted, memory, schema, out, root, end))

    def interrupted(how: str) -> None:
        if not end.decided:
            end.decided = True
            rolling.cancel()

    heed(interrupted, of=(signal.SIGINT, signal.SIGTERM))
    try:
        return await rolling
    except (asyncio.CancelledError, Exception) as stop:
        if end.code is None:
            raise
        if isinstance(stop, Exception):
            raise Broken(_explained(stop, root), end.code) from stop
        return end.code


@dataclass
class _End:
    """How a rollback ends. ``code``: its exit code, as soon as that is known and nothing changes it any more."""

    decided: bool = False
    code: int | None = None


async def _roll_back(
    to: Access, wanted: RollbackOrder, memory: Memory, schema: Schema, out: Callable[[str], None], root: Path, end: _End
) -> int:
    from pipeline.clients.vercel import Vercel

    clock = SystemClock()
    async with client(to.api) as http:
        vercel = Vercel(to.api, to.token, to.team, to.project, http, clock)
        if wanted.plan:
            from pipeline.emergency.planned import plan

            await plan(to, wanted, memory, schema, vercel, http, out)
            return 0
        began = clock.monotonic()
        unknown: list[str] = []
        aimed: list[tuple[ProductionSeen, Deployment]] = []
        said: list[str] = []

        def tell(state: State) -> None:
            if wanted.json:
                return
            out(f"  {state.value:<10} {clock.monotonic() - began:5.2f} s")
            if state is State.REFUSED and aimed and not said:
                said.append(aimed[0][1].id)
                out(f"  by hand    vercel rollback {said[0]}   while it is asked for again")

        def known_bad() -> frozenset[str]:
            bad, sentences = memory.bad()
            unknown.extend(sentences)
            return bad

        async def allow(seen: ProductionSeen, target: Deployment) -> None:
            await schema.allow(seen, target)
            aimed.append((seen, target))  # from here on it may have happened

        stale = asyncio.ensure_future(vercel.variables())  # read meanwhile; nothing waits for it
        try:
            returned = await return_to_previous(
                vercel,
                http,
                clock,
                to=wanted.to,
                domain=to.domain,
                health=to.health,
                bad=known_bad,
                even_bad=wanted.even_bad,
                tell=tell,
                allow=allow,
                bypass=to.bypass,
            )
            aimed.clear()  # it is proved: whatever comes now changes neither the act nor the exit code
            end.decided, end.code = True, 0 if returned.answer.well else STRANDED
            unwritten = _written_down(memory, returned, schema.overruled)
            unseen = [f"Vercel did not say where {name} leads" for name in returned.unseen]
            out(_said(to, returned, [*unknown, *unseen, *unwritten], as_json=wanted.json))
            if returned.changed:
                await _say_what_else(vercel, returned, stale, out, as_json=wanted.json)
        except (asyncio.CancelledError, Exception) as stop:
            end.decided = True
            if not aimed:
                raise
            seen, target = aimed[0]
            if seen.live:
                why = f"a rollback to {target.id} was asked for by hand, and is not proved"
                memory.write(seen.domain, target, seen.live.id, seen.live.commit, why, schema.overruled, proved=False)
            if isinstance(stop, Stranded):
                raise
            cut = isinstance(stop, asyncio.CancelledError)
            how = "interrupted" if cut else _explained(stop, root)
            says = f"{how}; that was after Vercel was asked to go back to {target.id}: nobody knows yet whether it did"
            raise Stranded(says, f"./inv rollback {to.flags}{wanted.choice(target.id)}   says whether it did") from (
                None if cut else stop
            )
        finally:
            stale.cancel()
            await asyncio.gather(stale, return_exceptions=True)
    return 0 if returned.answer.well else STRANDED


def _written_down(memory: Memory, returned: Returned, overruled: str) -> list[str]:
    """Write the rollback down, also one that an earlier call did and could not write; say what went wrong with that."""
    if not returned.was:
        return []
    if not returned.changed and returned.was in memory.bad()[0]:
        return []
    how = "taken back by hand" if returned.changed else "taken back earlier, and written down by a later call"
    why = f"{how}; {returned.target.id} serves instead"
    failure = memory.write(returned.domain, returned.target, returned.was, returned.was_commit, why, overruled)
    return [failure] if failure else []


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


def _said(to: Access, returned: Returned, unknown: Iterable[str], *, as_json: bool) -> str:
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
                "unknown": list(unknown),
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
            f"  further  ./inv rollback {to.flags} --to ID   goes back to an older deployment: "
            "vercel ls --environment production"
        )
    return "\n".join([*lines, *(f"  unknown  {sentence}" for sentence in unknown)])


def _stranded(to: Access, stranded: Stranded, *, as_json: bool) -> str:
    if as_json:
        return json.dumps(
            {"outcome": "stranded", "target": to.name, "reason": str(stranded), "by_hand": stranded.by_hand}
        )
    return f"STRANDED ({to.name}): the rollback is not proved\n  because  {stranded}\n  BY HAND  {stranded.by_hand}"
