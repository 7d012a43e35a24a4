"""The commands that a page gives its reader to type: found in the text, exactly as they are pasted."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

TOOLS = (
    "./inv", "aws", "createdb", "curl", "date", "dig", "export", "gh", "git", "grep", "jq", "node", "npm", "npx",
    "openssl", "pg_dump", "pg_restore", "psql", "python", "rm", "sentry-cli", "vercel", "watch",
)  # fmt: skip
FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
JOINED = re.compile(r"\s*\\\n\s*")
REMARK = re.compile(r"\s{2,}# .*$")
BEGINS = re.compile(
    rf"(?:[A-Z][A-Z0-9_]*=(?:\"[^\"]*\"|'[^']*'|\S*) +)*(?:for \w+ in|(?:{'|'.join(map(re.escape, TOOLS))})(?= |$))"
)
LISTING = ("reference.md", "Commands")
"""The table of all commands of the tool: names and what they do, for looking up."""
INSTALLING = "What to install"
"""The section of how to get each program and log in to it, which a browser asks."""

WORD = "the tool is named, nobody is told to run it"
WAYS = "the name of a command whose whole line stands beside it, or in the entry that the sentence links to"
PATTERN = "its capitals stand for a name that the reader picks; commands made of it are in the text"
MENTIONS: dict[str, str] = {
    "git": WORD,
    "vercel": WORD,
    "npx prisma": WORD,
    "pg_dump": WORD,
    "aws s3 ls": WAYS,
    "vercel env add": WAYS,
    "vercel env rm": WAYS,
    "vercel deploy": "the page says what it prints; what to deploy with stands in the steps",
    "vercel metrics": "the name of a command that only prints its help when nothing follows",
    "vercel logs": "the page says what this command shows and how it is filtered",
    "vercel logs --help": "how to look something up",
    "vercel logs requests": WAYS,
    "vercel logs $STAGED": "quoted as what is refused",
    "export DOMAIN=…": PATTERN,
    "npx vercel@VERSION": "a value of `deploy.yml`",
    "./inv rollback": WORD,
    "./inv diagnose.database": WORD,
    "./inv monitor.sync": WORD,
    "./inv check.FAMILY.GATE": PATTERN,
    "./inv check.NAME --target production": PATTERN,
    "./inv report RUN": PATTERN,
    "./inv settle --target production --run RUN": PATTERN,
    "./inv accept RUN": PATTERN,
    "./inv approve RUN": PATTERN,
    "./inv runbooks.done ID": PATTERN,
}
"""Code that begins like a command and is none, and why."""


@dataclass(frozen=True)
class TypedCommand:
    """A command that a page gives its reader to type: ``text``, below ``heading`` on ``page``."""

    page: str
    heading: str
    text: str


def by_hand(pages: Mapping[str, str]) -> tuple[TypedCommand, ...]:
    """Every command that the pages give a reader to type, in their order, each place that gives it."""
    return tuple(
        command for page, text in pages.items() for command in _commands(page, text) if command.text not in MENTIONS
    )


def mentioned(pages: Mapping[str, str]) -> frozenset[str]:
    """The code in the pages that only looks like a command: those of MENTIONS."""
    return (
        frozenset(command.text for page, text in pages.items() for command in _commands(page, text)) & MENTIONS.keys()
    )


def _commands(page: str, text: str) -> Iterator[TypedCommand]:
    headings = [(found.start(), found[1]) for found in HEADING.finditer(FENCE.sub(_blank, text))]
    for at, command in sorted(_found(text)):
        above = [name for start, name in headings if start < at]
        heading = above[-1] if above else ""
        if (
            heading not in ("", INSTALLING) and (page, heading) != LISTING
        ):  # above every heading stands only how the page is made
            yield TypedCommand(page, heading, command)


def _found(text: str) -> Iterator[tuple[int, str]]:
    """The commands of a page and where they stand: lines of shell blocks, and code that begins as a command does."""
    for block in FENCE.finditer(text):
        if block[2] in ("sh", "bash"):
            lines = JOINED.sub(" ", block[3]).splitlines()
            said = [REMARK.sub("", line).strip() for line in lines]
            yield from ((block.start(), line) for line in said if line and not line.startswith("#"))
    for code in CODE.finditer(FENCE.sub(_blank, text)):
        line = text[text.rfind("\n", 0, code.start()) + 1 :]
        said_here = code[1].replace("\\|", "|") if line.lstrip().startswith("|") else code[1]
        if BEGINS.match(said_here):
            yield code.start(), said_here.strip()


def _blank(block: re.Match[str]) -> str:
    """As many characters as the block has, all blanks, so that places in the page stay what they are."""
    return re.sub(r"[^\n]", " ", block[0])
