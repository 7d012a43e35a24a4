"""What runs the questions of ``checks``: probes read, steps act, the runner waits and goes back."""
