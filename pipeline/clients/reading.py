"""Reads a page as people do: without markup, so that a text is found however the app's framework writes it."""

import html
import re

COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
UNSEEN = re.compile(r"<(script|style|template)\b.*?</\1\s*>", re.DOTALL | re.IGNORECASE)
TAG = re.compile(r"<[^>]*>")
LONGEST = 80


def reads(page: str, text: str) -> bool:
    """Whether ``text`` is in the page as it was sent, or as it is read: React writes ``Post <!-- -->hello``."""
    return text in page or " ".join(text.split()) in words_of(page)


def words_of(page: str) -> str:
    """The text of a page, its white space made single."""
    plain = TAG.sub(" ", UNSEEN.sub(" ", COMMENT.sub("", page)))
    return " ".join(html.unescape(plain).split())


def begins(page: str) -> str:
    """How a page begins as it is read, for people who expected something else."""
    words = words_of(page)
    return words if len(words) <= LONGEST else f"{words[:LONGEST].rstrip()}…"
