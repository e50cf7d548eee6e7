"""Customer features from session parts: one file per family, one registry."""
