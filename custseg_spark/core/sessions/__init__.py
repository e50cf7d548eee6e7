"""Session parts: the events of a UTC day as one additive row per customer, session and day."""
