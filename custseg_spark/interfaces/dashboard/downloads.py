"""The download route: the customers of segments, streamed file by file of the lake."""

from fastapi import FastAPI

from custseg_spark.interfaces.dashboard.settings import Settings


def add_downloads(app: FastAPI, settings: Settings) -> None:
    """Adds the routes of downloads."""
