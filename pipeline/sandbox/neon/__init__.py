"""Emulates Neon: its API over a project whose branches and snapshots are databases beside the app's own."""
