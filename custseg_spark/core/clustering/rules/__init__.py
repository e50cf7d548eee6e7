"""A clustering as rules: a threshold tree on raw features, learned from the clusters."""
