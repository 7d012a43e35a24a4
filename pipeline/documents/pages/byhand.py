"""Every command of the documents, and when it was last run."""

from collections.abc import Iterable, Mapping

from pipeline.documents.pages.typed import TypedCommand
from pipeline.documents.pages.words import NOTICE
from pipeline.documents.proofs import Proof
from pipeline.render.markdown import anchor, bullets, table

UNSEEN = Proof("never run", "", "`./inv runbooks.prove --only commands` runs it")


def by_hand_page(commands: Iterable[TypedCommand], proofs: Mapping[str, Proof]) -> str:
    """The whole page: totals, what is not run and why, and the rest by document."""
    every = tuple(commands)
    first = {one.text: one for one in reversed(every)}
    seen = {text: proofs.get(text, UNSEEN) for text in dict.fromkeys(one.text for one in every)}
    ran = sum(proof.ran for proof in seen.values())
    excused = [f"{_code(text)}: {proof.why}" for text, proof in seen.items() if not proof.ran]
    parts = [
        NOTICE,
        "# By Hand",
        "Every command that these documents give a reader to type. `./inv runbooks.prove --only commands` types each"
        " of them, as it stands, into a shell where the real tools (Vercel's, GitHub's, Sentry's and Amazon's command"
        " lines, Prisma, psql, curl) are pointed at the sandbox by what a reader's own machine would have, in the state"
        " in which a reader would type it, and looks at what came of it. CI does the same.",
        f"{len(seen)} commands: {ran} run, {len(seen) - ran} not.",
        "## Not Run",
        bullets(excused) if excused else "None.",
        "## Run",
    ]
    for page in dict.fromkeys(one.page for one in every):
        rows = [
            (_code(text), f"[{one.heading}]({page}#{anchor(one.heading)})", seen[text].on)
            for text, one in first.items()
            if one.page == page and seen[text].ran
        ]
        if rows:
            parts += [f"### In {page}", table(("command", "where first", "run on"), rows[::-1])]
    return "\n\n".join(parts) + "\n"


def _code(text: str) -> str:
    """As code in a line, also when there is a backtick in it."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"
