"""Places that a configuration names: without what opens them."""

from custseg_spark.errors import ConfigurationError
from custseg_spark.paths import is_database
from custseg_spark.redaction import holds_secret


def require_open(place: str | None, where: str) -> None:
    """Raises ConfigurationError for a path or URL that holds a secret: it is kept with what was
    read from there, or written."""
    if place is not None and holds_secret(place):
        instead = (
            "give it by the environment: CUSTSEG_JDBC_PASSWORD"
            if is_database(place)
            else "what opens a place is in Spark's settings or a role of the machine"
        )
        raise ConfigurationError(f"{where}: {place} holds a secret; {instead}")
