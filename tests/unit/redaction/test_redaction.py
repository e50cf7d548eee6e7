"""No form of a secret is left in a text, and what isn't one stays."""

import json
import logging
import re
import time

import pytest
from faults.secret_forms import SECRETS, Form, planted

from custseg_spark import errors, redaction
from custseg_spark.redaction import holds_secret, redacted, redacted_tree


@pytest.mark.parametrize(
    ("form", "secret"), [pytest.param(f, s, id=f"{f.name}-{s}") for f, s in planted(SECRETS)]
)
def test_each_form_is_redacted_and_its_surroundings_stay(form: Form, secret: str) -> None:
    text = form.of(secret)
    shown = redacted(text)
    # Nor a part of it by which it could be told.
    part = max(re.split(r"\W+", secret), key=len) if len(secret) > 7 else secret
    assert part not in shown
    assert "***" in shown
    assert all(kept in shown for kept in form.kept), shown
    assert redacted(shown) == shown
    # In the midst of a message, between quotes, as JSON, as Python shows it.
    for message in (f"can't read '{text}': refused", json.dumps({"a": text}), repr([text])):
        assert part not in redacted(message)


ORDINARY = [
    "abfss://container@account.dfs.core.windows.net/log: no such file",
    "postgresql://loader@db.example:5432/shop can't be reached: password authentication failed",
    "hdfs://namenode:8020/lake, spark://127.0.0.1:7077",
    "https://api.example:8443/purchases: status 401; is the token in CUSTSEG_API_TOKEN right?",
    "jdbc:postgresql://db.example:5432/shop?user=u&ssl=true: table 'sales'",
    "jdbc:oracle:thin:@//db.example:1521/shop",
    "logs/key=5/sig=2/part-0.parquet: 3 records",
    "--set model.k=5 --set run.sample_fraction=0.5",
    "expected section.key=value",
    "unknown key 'token'; did you mean 'table'?",
    "jdbc.options.password: expected text, got True",
    "give it by the environment: CUSTSEG_JDBC_PASSWORD",
    "a bearer token is needed; basic authentication isn't",
    "partition_key=5, customer_key=7, session_id=3, monkey=1, compass=n, max_tokens=9",
    "mail ann@example.org about 12:30@noon",
    "/data/a@b/c:d@e.csv",
]


@pytest.mark.parametrize("text", ORDINARY)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text
    assert not holds_secret(text)


def test_a_parameter_is_taken_to_the_end_of_the_word_but_for_its_marks() -> None:
    assert redacted("(password=a;b@c), user u") == "(password=***), user u"
    assert redacted("got 'token=abc'; expected x") == "got 'token=***'; expected x"
    assert redacted("http://ann:a@b;c@host/path") == "http://***@host/path"


def test_a_value_of_the_environment_is_found_in_any_form() -> None:
    environment = {"PGPASSWORD": 'p@ss "w0rd"', "API_TOKEN": "tok/en+1", "PWD": "/home/ann"}
    for text in ('said p@ss "w0rd"!', "u:p%40ss%20%22w0rd%22", '{"x": "p@ss \\"w0rd\\""}'):
        assert "w0rd" not in redacted(text, environment)
    assert redacted("/home/ann: tok/en+1", environment) == "/home/ann: ***"
    # So short a value may be a word of any message.
    assert redacted("test", {"DB_PASSWORD": "test"}) == "test"


def test_a_tree_is_redacted_by_text_and_by_name() -> None:
    tree = {
        "url": "https://u:hunter2@h",
        "options": {"password": "hunter2", "warehouse": "w", "token": ""},
        "paths": ["logs/key=1", "jdbc:x:y?token=hunter2"],
        "k": 3,
        "share": None,
    }
    assert redacted_tree(tree) == {
        "url": "https://***@h",
        "options": {"password": "***", "warehouse": "w", "token": ""},
        "paths": ["logs/key=1", "jdbc:x:y?token=***"],
        "k": 3,
        "share": None,
    }


@pytest.mark.parametrize("kind", [errors.ConfigurationError, errors.InputError, errors.TargetError])
def test_an_error_never_holds_one(
    kind: type[errors.CustsegError], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUSTSEG_API_TOKEN", "of-the-environment")
    error = kind("https://u:hunter2@h: of-the-environment, 5 rows")
    assert str(error) == "https://***@h: ***, 5 rows"
    assert "hunter2" not in repr(error)


def test_a_log_never_holds_one(caplog: pytest.LogCaptureFixture) -> None:
    redaction.logger()
    # By its name, as any module may ask for it.
    logging.getLogger("custseg").warning("%s: %d rows", "token=hunter2", 5)
    assert caplog.messages == ["token=***: 5 rows"]


def test_a_log_entry_is_redacted_with_its_traceback() -> None:
    formatter = redaction.RedactingFormatter("%(levelname)s %(message)s")
    try:
        raise ValueError("u:p in https://u:hunter2@h")
    except ValueError as error:
        record = logging.LogRecord(
            "other", logging.ERROR, "", 1, "password=%s", ("hunter2",), (type(error), error, None)
        )
    shown = formatter.format(record)
    assert "hunter2" not in shown
    assert shown.startswith("ERROR password=***")
    assert "https://***@h" in shown


@pytest.mark.parametrize(
    "part", ["://a:", "password=", "//a:b@", "key=", "<token>", "bearer ", "'token':'", "a", "eyJ."]
)
def test_a_long_text_takes_no_long_time(part: str) -> None:
    started = time.process_time()
    redacted(part * (300_000 // len(part)))
    assert time.process_time() - started < 5
