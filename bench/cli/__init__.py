"""The command line: one file per command, and nothing else in them."""
