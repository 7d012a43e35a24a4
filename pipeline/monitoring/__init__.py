"""What is watched: dashboards, limits, checklists, logs and queries, as data."""
