"""Says what every piece of evidence is."""


class Evidence:
    """One reading of the world."""

    def numbers(self) -> tuple[tuple[str, float], ...]:
        """Give (metric, value) of what is kept to compare with later, e.g. ``("health.ms", 41)``."""
        return ()

    def brief(self) -> str:
        """Describe the evidence in a few words for whoever watches, e.g.

        ``health 200 in 41 ms``; empty when there is nothing to see.
        """
        return ""
