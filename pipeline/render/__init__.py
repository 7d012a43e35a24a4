"""Data in, text out: no renderer touches files, the clock or the network."""
