"""Numbers as a sentence says them."""


def amount(number: int, noun: str) -> str:
    """``1 event``, ``2 events``: for nouns whose plural only wants an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def about(number: float) -> str:
    """Three digits that count, as people write them: ``66,700``, ``0.25``; never ``6.67e+04``."""
    rounded = float(f"{number:.3g}")
    return f"{rounded:,.0f}" if abs(rounded) >= 100 else f"{rounded:.15g}"
