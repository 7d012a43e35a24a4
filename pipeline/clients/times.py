"""Reads and writes the times of services: ISO 8601, in UTC when we write them."""

import datetime


def moment(text: str) -> datetime.datetime:
    """Read the time that a service spelt; it is aware when the text names a zone."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def iso(moment: datetime.datetime) -> str:
    """Write a time as ``2026-01-31T09:30:00Z``."""
    return moment.astimezone(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
