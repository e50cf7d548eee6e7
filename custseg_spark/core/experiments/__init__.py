"""Campaigns as experiments: groups, plans, effects with their intervals, looks at every day."""
