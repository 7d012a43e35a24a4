"""Techniques to find out why something is slow."""

from dataclasses import dataclass

from pipeline.handbook.reading import every, read


@dataclass(frozen=True)
class Technique:
    """One way to find out why something is slow, step by step."""

    title: str
    steps: tuple[str, ...]


TECHNIQUES = every(Technique, read("techniques.yml"), "techniques.yml: ")
