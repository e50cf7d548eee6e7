"""Programs that break things on purpose, and count what a lake does about it."""
