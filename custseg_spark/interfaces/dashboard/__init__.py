"""The dashboard: a lake's published tables in a browser, without Spark."""
