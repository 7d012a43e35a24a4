"""The tool itself, in a checkout whose targets are the sandbox."""

SCENARIOS = ()
