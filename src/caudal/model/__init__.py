"""Frozen nouns, no input or output: the two tables, the specs, code lists, verdicts, releases, provenance."""
