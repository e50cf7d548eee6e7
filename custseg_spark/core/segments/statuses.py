"""What has become of a segment since the run before."""

CONTINUED, BORN, SPLIT, MERGED, DIED = "continued", "born", "split", "merged", "died"
