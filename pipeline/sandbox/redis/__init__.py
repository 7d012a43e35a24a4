"""Emulates Upstash: a small Redis behind its REST API, and the API that manages it."""
