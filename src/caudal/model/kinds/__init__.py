"""One module a kind of record, each with its ``KIND``."""
