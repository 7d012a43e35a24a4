"""What the self-test prints: each gate with how it was broken, what it said, and whether its own words cured it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pipeline.render.markdown import table

YES, NO, NOT_RUN = "✓", "✗", "-"
LONGEST = 150


class TrialShown(Protocol):
    """What was seen of one gate, see ``pipeline.selftest.trial``."""

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


def progress(seen: TrialShown, number: int, of: int) -> str:
    """One line as soon as a gate was tried."""
    says = _did_not_run(seen) or seen.problem or f"{seen.verdict}, cured"
    return f"{number:>3}/{of} {_mark(seen)} {seen.gate:<38} {seen.seconds:>5.1f} s  {_short(says)}"


def seen_text(found: Sequence[TrialShown]) -> str:
    """For a terminal: a gate in three or four lines, the summary last."""
    parts: list[str] = []
    for one in found:
        where = f", in a run of {one.asked_in} ({one.ended or 'asked'})" if one.asked_in else ""
        parts += [f"{_mark(one)} {one.gate}: stopped in {_examples(one)}"]
        parts += [f"    broken  {one.broken_by} ({one.kind}){where}"] if one.broken_by else []
        parts += [f"    said    {one.verdict}: {_short(one.said)}"] if one.said else []
        parts += [f"    cured   {one.follows}"] if one.cured else []
        parts += [f"    {NO} {_short(one.problem)}"] if one.problem else []
        parts += [f"    {NOT_RUN} {_did_not_run(one)}"] if one.did_not_run else []
    return "\n".join([*parts, "", summary(found)])


def seen_markdown(found: Sequence[TrialShown]) -> str:
    """A table for a job summary or a record."""
    rows = [
        (
            f"`{one.gate}`",
            _examples(one),
            f"{one.broken_by or '-'} ({one.kind or '-'})",
            f"{one.verdict}: {_short(one.said)}" if one.said else _did_not_run(one) or _short(one.problem),
            one.follows if one.cured else f"{_mark(one)} {_did_not_run(one) or _short(one.problem)}",
        )
        for one in found
    ]
    return (
        f"{table(('Gate', 'Stopped in', 'Broken by', 'It said', 'Cured by its own words'), rows)}\n\n{summary(found)}"
    )


def seen_plain(found: Sequence[TrialShown]) -> Mapping[str, Any]:
    """For a program: every gate with all that was seen of it, and the totals."""
    names = (
        "gate", "kind", "broken_by", "asked_in", "follows", "examples", "rested", "stopped", "cured", "verdict", "said",
        "ended", "problem", "seconds", "did_not_run", "whole",
    )  # fmt: skip
    return {
        "gates": len({one.gate for one in found}),
        "ways": len(found),
        "stopped": len(_of(found, "stopped")),
        "cured": len(_of(found, "cured")),
        "whole": all(one.whole or one.did_not_run for one in found),
        "seconds": round(sum(one.seconds for one in found), 1),
        "seen": [{name: getattr(one, name) for name in names} for one in found],
    }


def summary(found: Sequence[TrialShown]) -> str:
    """How many were seen to stop, how they were broken, how many were cured, and who is left."""
    kinds = Counter(one.kind for one in found if one.stopped)
    how = ", ".join(f"{count} by {kind}" for kind, count in kinds.most_common())
    left = dict.fromkeys(one.gate for one in found if not one.whole and not one.did_not_run)
    untried = dict.fromkeys(f"{one.gate} ({one.did_not_run})" for one in found if one.did_not_run)
    gates = {one.gate for one in found}
    says = (
        f"{len(gates)} gates, broken in {len(found)} ways: {len(_of(found, 'stopped'))} were seen to stop "
        f"({how or 'none'}), {len(_of(found, 'cured'))} passed again after their own words were followed, "
        f"in {sum(one.seconds for one in found):.0f} s"
    )
    says = f"{says}; not whole: {', '.join(left)}" if left else says
    return f"{says}; did not run: {', '.join(untried)}" if untried else says


def _of(found: Sequence[TrialShown], fact: str) -> set[str]:
    """The gates of which this was seen in every way that they were broken."""
    return {one.gate for one in found} - {one.gate for one in found if not getattr(one, fact)}


def _mark(one: TrialShown) -> str:
    return YES if one.whole else NOT_RUN if one.did_not_run else NO


def _did_not_run(one: TrialShown) -> str:
    return f"did not run: {one.did_not_run}" if one.did_not_run else ""


def _examples(one: TrialShown) -> str:
    stopped, of = one.examples
    return f"{stopped} of {of} examples" if stopped < of else f"{of} example{'s' if of != 1 else ''}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"
