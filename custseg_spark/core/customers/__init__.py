"""What a source says of customers beside their events."""
