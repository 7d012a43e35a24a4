"""Where the logs are, and how to find something in them."""

from dataclasses import dataclass

from pipeline.handbook.reading import every, read


@dataclass(frozen=True)
class Search:
    """A command, or the words for a vendor's search field, and what they find in the logs."""

    command: str
    finds: str


@dataclass(frozen=True)
class LogSource:
    """One place with logs, for how long it keeps them, and searches of them."""

    title: str
    where: str
    keeps: str
    searches: tuple[Search, ...]
    notes: tuple[str, ...] = ()


LOG_SOURCES = every(LogSource, read("logsources.yml"), "logsources.yml: ")
