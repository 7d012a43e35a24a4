"""Tabletop exercises: the sandbox is broken, the alarm is played, and what people do is scored."""
