"""What a database or its driver said, of the error that Spark or Java raised."""

from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException


def message_of(error: Py4JJavaError | PySparkException) -> str | None:
    """The first line of what a database or its driver said; None of an error of another kind."""
    cause: Any = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    while cause is not None:
        name = str(cause.getClass().getName())
        if "SQL" in name.rpartition(".")[2] or "java.sql." in name:
            return str(cause.getMessage() or name).splitlines()[0]
        if name == "java.lang.ClassNotFoundException":
            return f"ClassNotFoundException: {cause.getMessage()}"
        cause = cause.getCause()
    return None
