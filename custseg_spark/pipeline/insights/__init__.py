"""A run's insights into its segments: what they buy, and when."""
