"""Campaigns as experiments: groups, plans, effects with their intervals, daily looks."""
