"""The pipelines, as data: what runs, in which order."""
