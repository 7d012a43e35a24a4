"""The text of each page, from the same declarations that run."""
