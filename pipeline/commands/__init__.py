"""What each command does: opens the target, acts, prints."""
