"""What every reading is."""


class Evidence:
    """One reading of the world."""
