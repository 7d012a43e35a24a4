"""The page of every command that the documents give a reader to type, and when it was last run."""

from collections.abc import Iterable, Mapping

from pipeline.documents.pages.typed import TypedCommand
from pipeline.documents.pages.words import NOTICE
from pipeline.documents.proofs import Proof
from pipeline.documents.templates import part
from pipeline.render.markdown import anchor

UNSEEN = Proof("never run", "", "`./inv runbooks.prove --only commands` runs it")


def by_hand_page(commands: Iterable[TypedCommand], proofs: Mapping[str, Proof]) -> str:
    """The whole page: totals, the commands that are not run with the reason, and the rest by document."""
    every = tuple(commands)
    proof_of = {text: proofs.get(text, UNSEEN) for text in dict.fromkeys(command.text for command in every)}
    rows = {page: _run_rows(page, every, proof_of) for page in dict.fromkeys(command.page for command in every)}
    text = part(
        "by-hand",
        notice=NOTICE,
        total=len(proof_of),
        ran=sum(proof.ran for proof in proof_of.values()),
        not_run=[(_code(text), proof.why) for text, proof in proof_of.items() if not proof.ran],
        run={page: found for page, found in rows.items() if found},
    )
    return f"{text}\n"


def _run_rows(page: str, every: tuple[TypedCommand, ...], proof_of: Mapping[str, Proof]) -> list[tuple[str, ...]]:
    """The commands that were run and stand first on ``page``, in its order."""
    first = {command.text: command for command in reversed(every)}
    rows: list[tuple[str, ...]] = [
        (_code(text), f"[{command.heading}]({page}#{anchor(command.heading)})", proof_of[text].on)
        for text, command in first.items()
        if command.page == page and proof_of[text].ran
    ]
    return rows[::-1]


def _code(text: str) -> str:
    """A command as code in a line, also when there is a backtick in it."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"
