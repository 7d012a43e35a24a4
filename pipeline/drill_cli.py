"""``invoke drill.…``: plays one or all, prints and keeps the score."""

import contextlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path

from pipeline import actions
from pipeline.config import Config
from pipeline.drills.place import own_place
from pipeline.drills.play import Played, play
from pipeline.drills.scenario import scenarios
from pipeline.incidents.person import Person
from pipeline.journal import plain
from pipeline.render.drill import result_markdown, result_text
from pipeline.world import SystemClock

Out = Callable[[str], None]
RESULTS = "runbooks/drills/results"


def drill(
    config: Config, names: Iterable[str], root: Path, deploy_file: Path, person: Person, out: Out, *,
    record: bool, as_json: bool,
) -> bool:  # fmt: skip
    """Play them one after the other; whether one of them left a gap. ``record``: keep result and gaps in the folder."""
    gaps, played = False, []
    for name in names:
        with own_place(root) if person.auto else contextlib.nullcontext(root) as place:
            done = play(config, name, place, deploy_file, person)
        played.append(done)
        gaps |= bool(done.score.gaps)
        if not as_json:
            out(result_text(done.scenario, done.score, done.incident))
        if record:
            for line in keep(done, root):
                out(line)
    if as_json:
        out(json.dumps([{**plain(one.score), "percent": one.score.percent} for one in played], ensure_ascii=False))
    elif len(played) > 1:
        whole = sum(one.score.percent == 100 for one in played)
        out(f"\n{whole} of {len(played)} drills were played without a gap")
    return gaps


def keep(done: Played, root: Path) -> list[str]:
    """Write the result, and the gaps as actions; one line each."""
    today = SystemClock().now().date()
    path = Path(RESULTS) / f"{done.score.played[:10]}-{done.scenario.name}.md"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(result_markdown(done.scenario, done.score, done.incident), encoding="utf-8")
    where = f"incident-response.md#{done.scenario.playbook}"
    wanted = [(where, f"{one.name}: {one.gap}") for one in done.score.gaps]
    new = actions.add(root, f"drill-{done.score.played[:10]}-{done.scenario.name}", wanted, today)
    return [str(path), *(f"open until done: {one.line}" for one in new)]


def names_of(which: str) -> list[str]:
    """``all``, ``plain`` (those of a plain run), or one."""
    if which == "all":
        return list(scenarios())
    return [name for name, one in scenarios().items() if one.plain] if which == "plain" else [which]
