"""The message of a database or its driver, from an error that Spark or Java raised."""

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException


def message_of(error: Py4JJavaError | PySparkException) -> str | None:
    """Return the first line of a database's or its driver's message; None for other errors."""
    cause: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while cause is not None:
        name = str(cause.getClass().getName())
        if "SQL" in name.rpartition(".")[2] or "java.sql." in name:
            return str(cause.getMessage() or name).splitlines()[0]
        if name == "java.lang.ClassNotFoundException":
            return f"ClassNotFoundException: {cause.getMessage()}"
        cause = cause.getCause()
    return None
