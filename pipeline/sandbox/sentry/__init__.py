"""Emulates Sentry: errors, releases, what visitors met, and the door that events come in by."""
