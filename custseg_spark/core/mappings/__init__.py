"""A source's columns to the canonical ones."""
