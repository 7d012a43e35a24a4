"""What every reading is."""


class Evidence:
    """One reading of the world."""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        """(metric, value) of what is kept to compare with later, e.g. ``("health.ms", 41)``."""
        return ()

    def brief(self) -> str:
        """A few words for whoever watches, e.g. ``health 200 in 41 ms``; empty when there is nothing to see."""
        return ""
