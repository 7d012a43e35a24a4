"""Emulates Vercel's REST API, as its own command line and SDK call it."""
