"""``invoke monitor.…`` and ``invoke diagnose…``: asks everything and says how grave it is; changes only monitors."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from checks.policy import PerformancePolicy, UptimePolicy
from pipeline.config import Config
from pipeline.definitions.checklists import CHECKLISTS
from pipeline.definitions.diagnoses import DIAGNOSES
from pipeline.errors import Mistake
from pipeline.handbook.exits import exit_code
from pipeline.incidents.opening import after_monitor, words
from pipeline.record.journal import plain
from pipeline.render.monitor import (
    baseline_text,
    checked_markdown,
    checked_plain,
    checked_text,
    diagnosed_text,
    sync_text,
)
from pipeline.session.asking import Checked, ask
from pipeline.session.baseline import rows
from pipeline.session.monitors import synchronise
from pipeline.session.session import NO_SECRET, Session, open_session

Out = Callable[[str], None]
FORMATS = ("table", "markdown", "json")


def answer_checklist(config: Config, target: str, name: str, root: Path, out: Out, form: str, note: Out) -> int:
    """Print the ``daily`` or ``weekly`` checklist, answered; its exit code. ``note`` hears of the incident it opens."""
    _known(form)
    with open_session(config, target, root, NO_SECRET) as session:
        say_unseen(session, note)
        checked = ask(session, (CHECKLISTS[name],), name)
        out(session.redactor(_shown(checked, form)))
        found = after_monitor(session, checked)
        if found:
            note(session.redactor(words(found)))
        return exit_code(checked.graded.severity)


def answer_diagnosis(config: Config, target: str, kind: str, root: Path, out: Out, form: str, note: Out) -> int:
    """Print what one kind of trouble's questions, or all of them, answer, with what to do; its exit code."""
    _known(form)
    with open_session(config, target, root, NO_SECRET) as session:
        say_unseen(session, note)
        chosen = (DIAGNOSES[kind],) if kind else tuple(DIAGNOSES.values())
        checked = ask(session, chosen, f"diagnose-{kind or 'all'}")
        out(session.redactor(diagnosed_text(checked) if form == "table" else _shown(checked, form)))
        return exit_code(checked.graded.severity)


def say_unseen(session: Session, note: Out) -> None:
    """Tell which vendors are not used, which cannot be asked, and what to set: those are *unknown* below."""
    for line in filter(None, (session.absent, *session.unseen)):
        note(line)


def _known(form: str) -> None:
    if form not in FORMATS:
        raise Mistake(f"--format {form}: is none; there are {', '.join(FORMATS)}")


def _shown(checked: Checked, form: str) -> str:
    if form == "json":
        return json.dumps(checked_plain(checked), ensure_ascii=False)
    return checked_markdown(checked) if form == "markdown" else checked_text(checked)


def show_baseline(config: Config, target: str, root: Path, out: Out, *, as_json: bool) -> None:
    """Print every kept metric beside what is usual."""
    with open_session(config, target, root) as session:
        now = session.clock.now()
        samples = session.records.samples
        most = session.settings.policies[PerformancePolicy].good_releases
        found = rows(samples, now, most)
        out(json.dumps(plain(found), ensure_ascii=False) if as_json else baseline_text(found))


def synchronise_monitors(config: Config, target: str, root: Path, out: Out, *, apply: bool, as_json: bool) -> bool:
    """Print what the monitors lack, and with ``apply`` give it to them; whether they still differ."""
    with open_session(config, target, root, ("BETTERSTACK_API_TOKEN",)) as session:
        policy = session.settings.policies[UptimePolicy]
        if not policy.monitors:
            raise Mistake("deploy.yml: uptime.monitors: declares no monitor, so there is nothing to compare")
        changes, window = session.in_world("monitor-sync", lambda world: synchronise(world, policy, apply=apply))
        differ = bool(changes or window) and not apply
        document: Mapping[str, object] = {"changes": plain(changes), "window": window, "applied": apply}
        out(json.dumps(document, ensure_ascii=False) if as_json else sync_text(changes, window, applied=apply))
        return differ
