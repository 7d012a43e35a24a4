"""Runs any pipeline: acts, asks, waits, records, goes back."""
