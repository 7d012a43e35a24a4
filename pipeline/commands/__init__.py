"""Tasks that would make tasks.py too long to read; wired and printed like the others."""
