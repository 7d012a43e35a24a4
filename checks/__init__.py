"""The questions, the words and the examples. Pure: no clock, no files, no environment, no network."""
