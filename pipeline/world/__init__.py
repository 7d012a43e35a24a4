"""One target: its secrets, its settings, and the clients of all its services, opened."""
