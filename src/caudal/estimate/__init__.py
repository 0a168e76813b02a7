"""Records and observations in, observations out: one module or package per family of methods."""
