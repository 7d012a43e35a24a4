"""Tells people apart who go by several names: who shares a name, an address or a key with somebody is that somebody."""

from collections.abc import Iterable


def names_of(*said: str) -> frozenset[str]:
    """Everything that says who it is, in lower case; what is empty says nothing."""
    return frozenset(name.strip().casefold() for name in said if name.strip())


def apart(people: Iterable[frozenset[str]]) -> tuple[frozenset[str], ...]:
    """The different people among ``people``, each with all their names, in the order of their first."""
    found: list[frozenset[str]] = []
    for person in people:
        same = [known for known in found if known & person]
        whole = person.union(*same)
        first = found.index(same[0]) if same else len(found)
        found = [known for known in found if not known & person]
        found.insert(first, whole)
    return tuple(found)
