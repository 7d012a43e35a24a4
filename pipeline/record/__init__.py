"""What is written down: the journal and what is folded from it, the lock, the readings."""
