"""What can be done with a target that is open: deploy, settle, ask, look, lock."""
