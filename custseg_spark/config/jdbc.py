"""JDBC sources: the keys of a mapping's table `[jdbc]`, and a connection's options.

No Spark in this module. Credentials come from the environment alone, because files and URLs end up
in manifests and logs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from custseg_spark.config.places import require_open
from custseg_spark.errors import ConfigurationError
from custseg_spark.redaction import holds_secret, is_secret_name

# By the word after `jdbc:`. A driver from --packages is found only by its name.
_DRIVERS = {
    "db2": "com.ibm.db2.jcc.DB2Driver",
    "mariadb": "org.mariadb.jdbc.Driver",
    "mysql": "com.mysql.cj.jdbc.Driver",
    "oracle": "oracle.jdbc.OracleDriver",
    "postgresql": "org.postgresql.Driver",
    "snowflake": "net.snowflake.client.jdbc.SnowflakeDriver",
    "sqlserver": "com.microsoft.sqlserver.jdbc.SQLServerDriver",
}
# Spark knows the quotes of MySQL by that word in the URL alone: with others, a column's name would
# be a text to MariaDB, and every row would hold it.
_SESSION = {"mariadb": {"sessionVariables": "sql_mode='STRICT_TRANS_TABLES,ANSI_QUOTES'"}}
# Ending of an environment variable's name to the driver's option.
_CREDENTIALS = {"USER": "user", "PASSWORD": "password"}
_FURTHER_CREDENTIALS = {
    "snowflake": {
        "PRIVATE_KEY_FILE": "private_key_file",
        "PRIVATE_KEY_PASSPHRASE": "private_key_pwd",
        "TOKEN": "token",
    }
}
_NOT_SECRET = {"user", "private_key_file"}
# Names that a database's own tools read; our own names go before them.
_OWN_CREDENTIALS = {
    "postgresql": {"user": "PGUSER", "password": "PGPASSWORD"},
    "snowflake": {
        "user": "SNOWFLAKE_USER",
        "password": "SNOWFLAKE_PASSWORD",
        "private_key_file": "SNOWFLAKE_PRIVATE_KEY_FILE",
        "private_key_pwd": "SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
        "token": "SNOWFLAKE_TOKEN",
    },
}
_SNOWFLAKE = "jdbc:snowflake:"
# A parameter of Snowflake's URL by the variable that its own tools read.
_SNOWFLAKE_PARAMETERS = {
    "SNOWFLAKE_WAREHOUSE": "warehouse",
    "SNOWFLAKE_DATABASE": "db",
    "SNOWFLAKE_SCHEMA": "schema",
    "SNOWFLAKE_ROLE": "role",
}


@dataclass(frozen=True)
class Jdbc:
    """The keys of a mapping's table `[jdbc]`; none of them changes what a record becomes.

    `environment` is the prefix of the variables with the credentials. `where` is an SQL condition
    on the rows. `partition_column`: a number, date or timestamp whose ranges are read side by side
    (empty: the time of the event); `predicates` are such parts as SQL. `partitions`: 0 chooses by
    the number of rows. `options` go to the driver.
    """

    environment: str = "CUSTSEG_JDBC"
    driver: str = ""
    where: str = ""
    partition_column: str = ""
    partitions: int = 0
    predicates: tuple[str, ...] = ()
    fetch_size: int = 10_000
    options: Mapping[str, str] = field(default_factory=dict)

    def check(self, where: str) -> None:
        """Raise ConfigurationError for an invalid value, or a secret among the options."""
        for key, least in (("partitions", 0), ("fetch_size", 1)):
            value = getattr(self, key)
            if value < least:
                raise ConfigurationError(
                    f"{where}: jdbc.{key} must be {least} or more, got {value}"
                )
        if self.predicates and (self.partition_column or self.partitions):
            raise ConfigurationError(
                f"{where}: jdbc.predicates are the partitions; leave out partition_column and"
                " partitions"
            )
        for name, value in self.options.items():
            if is_secret_name(name) or holds_secret(f"{name}={value}"):
                raise ConfigurationError(
                    f"{where}: jdbc.options.{name} is a secret; give it by the environment:"
                    f" {self.environment}_PASSWORD"
                )
            if not isinstance(value, str):
                raise ConfigurationError(
                    f"{where}: jdbc.options.{name}: expected text, got {value!r}"
                )


def check_url(url: str, where: str) -> None:
    """Raise ConfigurationError for a URL with a secret in it, and for a SQLite file by JDBC."""
    require_open(url, where)
    if database(url) == "sqlite":
        raise ConfigurationError(
            f"{where}: {url}: JDBC reads SQLite's numbers wrongly; give the file as the path"
        )


def database(url: str) -> str:
    """Return the kind of database of a URL: `postgresql` for `jdbc:postgresql://…`."""
    return url.split(":")[1].lower() if url.count(":") else ""


def expanded(url: str, environment: Mapping[str, str]) -> str:
    """Return the URL; `jdbc:snowflake:` alone becomes that of the variables SNOWFLAKE_*.

    Raises ConfigurationError where SNOWFLAKE_ACCOUNT isn't set.
    """
    if url.lower().rstrip("/") != _SNOWFLAKE:
        return url
    account = environment.get("SNOWFLAKE_ACCOUNT", "")
    if not account:
        raise ConfigurationError(
            f"{url}: set SNOWFLAKE_ACCOUNT (and SNOWFLAKE_WAREHOUSE, SNOWFLAKE_DATABASE,"
            " SNOWFLAKE_SCHEMA), or give the whole URL"
        )
    host = account if "." in account else f"{account}.snowflakecomputing.com"
    given = {p: environment.get(name) for name, p in _SNOWFLAKE_PARAMETERS.items()}
    query = "&".join(f"{p}={quote(value, safe='')}" for p, value in given.items() if value)
    return f"jdbc:snowflake://{host}/" + (f"?{query}" if query else "")


def options(url: str, jdbc: Jdbc, environment: Mapping[str, str]) -> dict[str, str]:
    """Return Spark's and the driver's options of a connection, including credentials."""
    usual = _SESSION.get(database(url), {})
    settings = {**usual, **jdbc.options, **credentials(url, jdbc, environment)}
    if "private_key_file" in settings:
        settings["authenticator"] = "snowflake_jwt"
    driver = jdbc.driver or _DRIVERS.get(database(url), "")
    return {
        **settings,
        **({"driver": driver} if driver else {}),
        "url": url,
        # Without it PostgreSQL's driver holds the whole table in memory.
        "fetchsize": str(jdbc.fetch_size),
        # A time without a zone doesn't depend on this machine's zone.
        "preferTimestampNTZ": "true",
    }


def credentials(url: str, jdbc: Jdbc, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the credentials of a connection, by the driver's names."""
    names = {**_CREDENTIALS, **_FURTHER_CREDENTIALS.get(database(url), {})}
    variables = _OWN_CREDENTIALS.get(database(url), {})
    given = {
        name: environment.get(f"{jdbc.environment}_{end}")
        or environment.get(variables.get(name, ""))
        for end, name in names.items()
    }
    return {name: value for name, value in given.items() if value}


def secrets(url: str, jdbc: Jdbc, environment: Mapping[str, str]) -> list[str]:
    """Return the values that must not be shown, the longest first."""
    values = credentials(url, jdbc, environment)
    return sorted((v for n, v in values.items() if n not in _NOT_SECRET), key=len, reverse=True)
