"""The scoring service: published models and tables of a lake over HTTP, without Spark."""
