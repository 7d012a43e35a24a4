"""``invoke incident.review``: the review of an incident, written from the record."""

import json
from collections.abc import Iterable
from pathlib import Path

from pipeline.commands.incident import Out, Said
from pipeline.config import Config
from pipeline.documents import todo as actions
from pipeline.errors import Mistake
from pipeline.home import as_typed, command_in
from pipeline.incidents.desk import desk
from pipeline.incidents.review import Update, review_of
from pipeline.record.incidents import whole_timeline
from pipeline.render.incident import review_markdown
from pipeline.session.session import NO_SECRET, open_session

REVIEWS = "runbooks/reviews"


def review_incident(
    config: Config,
    said: Said,
    root: Path,
    out: Out,
    measures: Iterable[str],
    updates: Iterable[str],
    *,
    as_json: bool = False,
) -> None:
    """Write the review; what the runbooks lack becomes actions. Raises Mistake when the file is there already."""
    with open_session(config, said.target, root, NO_SECRET) as session:
        at = desk(session, said.incident, said.by, also_resolved=True)
        wanted = [_update(one) for one in updates]
        path = Path(REVIEWS) / f"{at.id}.md"
        if (root / path).exists():
            raise Mistake(f"{path}: is there already; edit it, or delete it to write it anew")
        text = review_markdown(
            review_of(at.incident, whole_timeline(at.incident, session.store), tuple(measures), wanted)
        )
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(as_typed(session.redactor(text), command_in(root)), encoding="utf-8")
        pairs = [(one.where, session.redactor(one.what)) for one in wanted]
        new_actions = actions.add(root, at.id, pairs, session.clock.now().date())
        at.reviewed(str(path))
        lines = [one.line for one in new_actions]
        written = [str(path), *(f"open until done: {line}" for line in lines)]
        out(json.dumps({"file": str(path), "open": lines}, ensure_ascii=False) if as_json else "\n".join(written))


def _update(text: str) -> Update:
    """``troubleshooting.md#rate-limiting: the key is wrong``"""
    where, sign, what = text.partition(": ")
    if not sign or ".md" not in where:
        raise Mistake(f"--update {text}: write PAGE.md#section: what has to change")
    return Update(where.strip(), what.strip())
