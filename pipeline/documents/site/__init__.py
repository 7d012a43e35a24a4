"""The runbooks as a small static site: one folder, no network, searched and printed from anywhere."""
