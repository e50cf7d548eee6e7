"""The file `.env`, and the databases' own variables."""

from pathlib import Path

import pytest
from checkout import ROOT

from custseg_spark.config import env_files, jdbc
from custseg_spark.config.jdbc import Jdbc
from custseg_spark.errors import ConfigurationError

TEXT = """\
# a comment
CUSTSEG_LAKE=lake   # where
export SNOWFLAKE_USER = loader
PGPASSWORD='it''s'
SNOWFLAKE_PASSWORD="a\\"b\\n#c"   # not a part
CUSTSEG_JDBC_PASSWORD=p#a$HOME=b
PGHOST=
PATH=/evil
"""


def test_a_file_is_read_as_it_stands() -> None:
    found = env_files.parsed(TEXT.replace("'it''s'", "'it#s'"), ".env")
    assert found == {
        "CUSTSEG_LAKE": "lake",
        "SNOWFLAKE_USER": "loader",
        "PGPASSWORD": "it#s",
        "SNOWFLAKE_PASSWORD": 'a"b\n#c',
        "CUSTSEG_JDBC_PASSWORD": "p#a$HOME=b",
        "PGHOST": "",
        "PATH": "/evil",
    }


def test_only_our_names_are_taken_and_the_environment_goes_before(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("PATH=/evil\nCUSTSEG_LAKE=a\nPGUSER=b\nLD_PRELOAD=c\n")
    environment = {"PATH": "/bin", "PGUSER": "mine"}
    assert env_files.load(tmp_path, environment) == ["CUSTSEG_LAKE"]
    assert environment == {"PATH": "/bin", "PGUSER": "mine", "CUSTSEG_LAKE": "a"}
    assert env_files.load(tmp_path / "nowhere", environment) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("CUSTSEG_LAKE", "line 1: expected NAME=VALUE"),
        ("\n1A=hunter2", "line 2: expected NAME=VALUE"),
        ("PGPASSWORD='hunter2", r"line 1 \(PGPASSWORD\): a quote isn't closed"),
        ('PGPASSWORD="hunter2" x', r"line 1 \(PGPASSWORD\): a quote isn't closed"),
    ],
)
def test_a_line_that_is_none_is_named_without_its_value(text: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as raised:
        env_files.parsed(text, ".env")
    assert "hunter2" not in str(raised.value)


def test_the_example_is_valid_and_empty() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert env_files.parsed(text, ".env.example") == {}
    uncommented = "\n".join(line.removeprefix("#") for line in text.splitlines() if "=" in line)
    assert all(name.startswith(env_files.PREFIXES) for name in env_files.parsed(uncommented, ""))


SNOWFLAKE = {
    "SNOWFLAKE_ACCOUNT": "org-acc",
    "SNOWFLAKE_USER": "loader",
    "SNOWFLAKE_PASSWORD": "hunter2",
    "SNOWFLAKE_WAREHOUSE": "load wh",
    "SNOWFLAKE_DATABASE": "shop",
    "SNOWFLAKE_SCHEMA": "public",
}


def test_snowflakes_variables_are_a_url_and_credentials() -> None:
    url = jdbc.expanded("jdbc:snowflake:", SNOWFLAKE)
    assert url == (
        "jdbc:snowflake://org-acc.snowflakecomputing.com/?warehouse=load%20wh&db=shop&schema=public"
    )
    found = jdbc.options(url, Jdbc(), SNOWFLAKE)
    assert (found["user"], found["password"]) == ("loader", "hunter2")
    assert found["driver"] == "net.snowflake.client.jdbc.SnowflakeDriver"
    assert jdbc.secrets(url, Jdbc(), SNOWFLAKE) == ["hunter2"]


def test_our_own_names_go_before_a_databases() -> None:
    environment = {"PGUSER": "a", "PGPASSWORD": "b", "CUSTSEG_JDBC_USER": "c"}
    found = jdbc.credentials("jdbc:postgresql://host/db", Jdbc(), environment)
    assert found == {"user": "c", "password": "b"}
    assert jdbc.credentials("jdbc:mysql://host/db", Jdbc(), environment) == {"user": "c"}


def test_a_whole_url_stays_and_a_missing_account_is_named() -> None:
    assert jdbc.expanded("jdbc:snowflake://x/?db=y", {}) == "jdbc:snowflake://x/?db=y"
    with pytest.raises(ConfigurationError, match="set SNOWFLAKE_ACCOUNT"):
        jdbc.expanded("jdbc:snowflake:", {})
