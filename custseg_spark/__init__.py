"""Customer segmentation on Spark: from an event log to named, stable segments in Delta tables."""

__version__ = "0.2.0"
