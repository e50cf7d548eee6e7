"""Statuses of a segment since the previous run."""

CONTINUED, BORN, SPLIT, MERGED, DIED = "continued", "born", "split", "merged", "died"
