"""What an event, a session, a feature, a segment is: frames in, frames out. No Spark, no files."""
