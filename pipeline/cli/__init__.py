"""The command line: names, options and help. Loads nothing heavy."""
