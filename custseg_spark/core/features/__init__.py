"""Session parts to customer features: one file a family, one registry."""
