"""Events of a UTC day to session parts: one row a customer x session x day, additive."""
