"""Places in a configuration must not contain secrets."""

from custseg_spark.errors import ConfigurationError
from custseg_spark.paths import is_database
from custseg_spark.redaction import holds_secret


def require_open(place: str | None, where: str) -> None:
    """Raise ConfigurationError for a path or URL with a secret.

    It would be stored with the data that is read from there or written.
    """
    if place is not None and holds_secret(place):
        instead = (
            "give it by the environment: CUSTSEG_JDBC_PASSWORD"
            if is_database(place)
            else "what opens a place is in Spark's settings or a role of the machine"
        )
        raise ConfigurationError(f"{where}: {place} holds a secret; {instead}")
