"""Emulates Better Stack: monitors, heartbeats, incidents and status pages."""
