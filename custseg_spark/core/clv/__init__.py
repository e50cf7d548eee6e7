"""Customer lifetime value: purchase histories, BG/NBD and Gamma-Gamma, the hold-out, scores."""
