"""Customer attributes: what a source says about customers besides their events."""
