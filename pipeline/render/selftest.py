"""What the self-test prints: each gate with how it was broken, what it said, and whether its own words cured it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pipeline.render.markdown import table

YES, NO, NOT_RUN = "✓", "✗", "-"
LONGEST = 150


class TrialShown(Protocol):
    """A trial has what was seen of one gate, see ``pipeline.selftest.trial``."""

    @property
    def gate(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def broken_by(self) -> str: ...
    @property
    def asked_in(self) -> str: ...
    @property
    def follows(self) -> str: ...
    @property
    def examples(self) -> tuple[int, int]: ...
    @property
    def rested(self) -> bool: ...
    @property
    def stopped(self) -> bool: ...
    @property
    def cured(self) -> bool: ...
    @property
    def verdict(self) -> str: ...
    @property
    def said(self) -> str: ...
    @property
    def ended(self) -> str: ...
    @property
    def problem(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def did_not_run(self) -> str: ...
    @property
    def whole(self) -> bool: ...


def progress(trial: TrialShown, number: int, of: int) -> str:
    """One line about a gate, printed as soon as it was tried."""
    says = _did_not_run(trial) or trial.problem or f"{trial.verdict}, cured"
    return f"{number:>3}/{of} {_mark(trial)} {trial.gate:<38} {trial.seconds:>5.1f} s  {_short(says)}"


def seen_text(trials: Sequence[TrialShown]) -> str:
    """The trials for a terminal: a gate in three or four lines, the summary last."""
    parts: list[str] = []
    for trial in trials:
        where = f", in a run of {trial.asked_in} ({trial.ended or 'asked'})" if trial.asked_in else ""
        parts += [f"{_mark(trial)} {trial.gate}: stopped in {_examples(trial)}"]
        parts += [f"    broken  {trial.broken_by} ({trial.kind}){where}"] if trial.broken_by else []
        parts += [f"    said    {trial.verdict}: {_short(trial.said)}"] if trial.said else []
        parts += [f"    cured   {trial.follows}"] if trial.cured else []
        parts += [f"    {NO} {_short(trial.problem)}"] if trial.problem else []
        parts += [f"    {NOT_RUN} {_did_not_run(trial)}"] if trial.did_not_run else []
    return "\n".join([*parts, "", summary(trials)])


def seen_markdown(trials: Sequence[TrialShown]) -> str:
    """The trials as a Markdown table, for a job summary or a record."""
    rows = [
        (
            f"`{trial.gate}`",
            _examples(trial),
            f"{trial.broken_by or '-'} ({trial.kind or '-'})",
            f"{trial.verdict}: {_short(trial.said)}" if trial.said else _did_not_run(trial) or _short(trial.problem),
            trial.follows if trial.cured else f"{_mark(trial)} {_did_not_run(trial) or _short(trial.problem)}",
        )
        for trial in trials
    ]
    return (
        f"{table(('Gate', 'Stopped in', 'Broken by', 'It said', 'Cured by its own words'), rows)}\n\n{summary(trials)}"
    )


def seen_plain(trials: Sequence[TrialShown]) -> Mapping[str, Any]:
    """The trials as plain values, for a program: every gate with all that was seen of it, and the totals."""
    names = (
        "gate", "kind", "broken_by", "asked_in", "follows", "examples", "rested", "stopped", "cured", "verdict", "said",
        "ended", "problem", "seconds", "did_not_run", "whole",
    )  # fmt: skip
    return {
        "gates": len({trial.gate for trial in trials}),
        "ways": len(trials),
        "stopped": len(_of(trials, "stopped")),
        "cured": len(_of(trials, "cured")),
        "whole": all(trial.whole or trial.did_not_run for trial in trials),
        "seconds": round(sum(trial.seconds for trial in trials), 1),
        "seen": [{name: getattr(trial, name) for name in names} for trial in trials],
    }


def summary(trials: Sequence[TrialShown]) -> str:
    """The totals of the trials: how many gates were seen to stop, by what, how many were cured, who is left."""
    kinds = Counter(trial.kind for trial in trials if trial.stopped)
    how = ", ".join(f"{count} by {kind}" for kind, count in kinds.most_common())
    left = dict.fromkeys(trial.gate for trial in trials if not trial.whole and not trial.did_not_run)
    untried = dict.fromkeys(f"{trial.gate} ({trial.did_not_run})" for trial in trials if trial.did_not_run)
    gates = {trial.gate for trial in trials}
    says = (
        f"{len(gates)} gates, broken in {len(trials)} ways: {len(_of(trials, 'stopped'))} were seen to stop "
        f"({how or 'none'}), {len(_of(trials, 'cured'))} passed again after their own words were followed, "
        f"in {sum(trial.seconds for trial in trials):.0f} s"
    )
    says = f"{says}; not whole: {', '.join(left)}" if left else says
    return f"{says}; did not run: {', '.join(untried)}" if untried else says


def _of(trials: Sequence[TrialShown], fact: str) -> set[str]:
    """The gates of which ``fact`` was seen in every way that they were broken."""
    return {trial.gate for trial in trials} - {trial.gate for trial in trials if not getattr(trial, fact)}


def _mark(trial: TrialShown) -> str:
    return YES if trial.whole else NOT_RUN if trial.did_not_run else NO


def _did_not_run(trial: TrialShown) -> str:
    return f"did not run: {trial.did_not_run}" if trial.did_not_run else ""


def _examples(trial: TrialShown) -> str:
    stopped, of = trial.examples
    return f"{stopped} of {of} examples" if stopped < of else f"{of} example{'s' if of != 1 else ''}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"
