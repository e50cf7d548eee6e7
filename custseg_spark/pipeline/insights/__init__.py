"""What a run finds out about its segments beside who they are: what they buy."""
