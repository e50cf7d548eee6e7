"""What segments buy and when: affinities, co-purchases, seasons, and the raw events at a glance."""
