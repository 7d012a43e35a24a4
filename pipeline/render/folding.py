"""Text as wide as a terminal: lines are folded between words, below where they began; commands stay whole."""

import re

NARROWEST = 40
"""Nobody reads in less; what is folded for less than this is folded for this."""
PROGRAMS = "./inv|inv|deploy-runbook|vercel|gh|git|curl|psql|npm|npx|neonctl|export|eval|openssl|ssh-keygen|state:"
WHOLE = re.compile(
    rf"`[^`]+`|(?<![^\s(])(?:[A-Z_]+=\S+ )*(?:{PROGRAMS})(?= )(?:(?!   |[;,](?: |$)| \.\.\.).)+"
    r"|[\d.,]+ (?:ms|s|min|h)(?!\w)|\S+",
    re.DOTALL,
)
"""What is never broken: a command up to what is said about it, what stands between backticks, a number and its unit, a
word."""
LABEL = re.compile(r" *(?:[^ ]+(?: [^ ]+){0,3} {2,}|[*•→!✓✗?…↩-] )?")
GAP = re.compile(r"(?<=\S) {4,}(?=\S)")
LEFT_ALONE = ("{", "[", "+", "-", "@@", "::", "$ ")
"""What begins so is JSON, a difference, or a command of others, and is copied as it is."""


def folded(text: str, width: int) -> str:
    """``text`` with no line longer than ``width``, unless a command, an address or a single word is."""
    width = max(width, NARROWEST)
    return "\n".join(part for line in text.split("\n") for part in _folded(line, width))


def _folded(line: str, width: int) -> list[str]:
    if len(line) <= width or line.startswith(LEFT_ALONE):
        return [line]
    label = _label(line)
    wide = len(label) > width // 2
    line = GAP.sub("  ", line) if wide else label + GAP.sub("  ", line[len(label) :])
    label = _label(line)
    if len(line) <= width:  # columns are no use where they do not fit
        return [line]
    hang = " " * (len(line) - len(line.lstrip()) + 2 if wide else len(label))
    lines, last = [], label
    for piece in _pieces(line[len(label) :]):
        may_break = last.strip() and (wide or last != label)
        if may_break and len((last + piece).rstrip()) > width:
            lines.append(last.rstrip())
            last = hang + piece.lstrip()
        else:
            last += piece
    return [*lines, last.rstrip()]


def _label(line: str) -> str:
    """What ``line`` begins with: its indentation, and a word or a few that stand in a column of their own."""
    found = LABEL.match(line)
    return found[0] if found else ""


def _pieces(text: str) -> list[str]:
    """``text`` cut where it may be broken, each piece with the space before it."""
    pieces, at = [], 0
    for found in WHOLE.finditer(text):
        pieces.append(text[at : found.end()])
        at = found.end()
    return [*pieces, text[at:]] if text[at:] else pieces
