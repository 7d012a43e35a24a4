"""``invoke drill.…``: plays one or all, prints and keeps the score."""

import contextlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from pipeline.clock import SystemClock
from pipeline.config import Config
from pipeline.config.target import Pace
from pipeline.documents import todo as actions
from pipeline.documents.pages.drill import result_markdown, result_text
from pipeline.drills.place import own_place
from pipeline.drills.play import Played, play
from pipeline.drills.scenario import scenarios
from pipeline.home import as_typed, command_in
from pipeline.incidents.person import Person
from pipeline.record.journal import plain

Out = Callable[[str], None]
RESULTS = "runbooks/drills/results"


def play_drills(
    config: Config,
    names: Iterable[str],
    root: Path,
    deploy_file: Path,
    person: Person,
    out: Out,
    *,
    record: bool,
    as_json: bool,
) -> bool:
    """Play drills one after the other. True when one left a gap. ``record``: keep result and gaps in the folder."""
    gaps, played = False, []
    config = quick(config) if person.auto else config
    for name in names:
        with own_place() if person.auto else contextlib.nullcontext(root) as place:
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


def quick(config: Config) -> Config:
    """Shorten deploy.yml for a sandbox that nobody looks at: short watches, and no browser."""
    _, target = config.target("sandbox")
    paces = {
        **target.pace, "watch": Pace(during=1, patience=1, every=0.2), "validate": Pace(patience=1, every=0.2),
    }  # fmt: skip
    targets = {**config.file.targets, "sandbox": replace(target, pace=paces)}
    ours = config.policies["sandbox"]
    policies = {**config.policies, "sandbox": replace(ours, vitals=replace(ours.vitals, lab=False))}
    return replace(config, file=replace(config.file, targets=targets), policies=policies)


def keep(done: Played, root: Path) -> list[str]:
    """Write the drill's result, and its gaps as actions; one line each."""
    today = SystemClock().now().date()
    path = Path(RESULTS) / f"{done.score.played[:10]}-{done.scenario.name}.md"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    text = result_markdown(done.scenario, done.score, done.incident)
    (root / path).write_text(as_typed(text, command_in(root)), encoding="utf-8")
    where = f"incident-response.md#{done.scenario.playbook}"
    wanted = [(where, f"{one.name}: {one.gap}") for one in done.score.gaps]
    new = actions.add(root, f"drill-{done.score.played[:10]}-{done.scenario.name}", wanted, today)
    return [str(path), *(f"open until done: {one.line}" for one in new)]


def names_of(which: str) -> list[str]:
    """The drills that ``name`` means: ``all``, ``plain`` (those of a plain run), or one."""
    if which == "all":
        return list(scenarios())
    return [name for name, one in scenarios().items() if one.plain] if which == "plain" else [which]
