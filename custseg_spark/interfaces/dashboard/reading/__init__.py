"""What pages read of a lake: columns that they need, of published runs, held until it changes."""
