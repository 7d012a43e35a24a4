"""The runbooks: written, checked, signed, proved."""
