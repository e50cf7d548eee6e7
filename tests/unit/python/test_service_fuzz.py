"""The scoring service answers whatever it is asked as its own OpenAPI document says."""

from pathlib import Path
from typing import Any

import pytest
import python_lake
from hypothesis import HealthCheck, given, settings
from python_lake import NOW

from custseg_spark.core.features.learned import Learned
from custseg_spark.core.features.levels import NO_LEVELS
from custseg_spark.core.features.scores import Cutoffs
from custseg_spark.interfaces.service.limits import Limits


@pytest.fixture(scope="module")
def openapi(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The document of a service over a small lake."""
    # Not at the top: only the process that runs these tests takes the second for it.
    schemathesis = pytest.importorskip("schemathesis", reason="requirements-dev.txt")
    pytest.importorskip("prometheus_client", reason="the extra [serve]")
    from custseg_spark.interfaces.service.app import make_app

    root: Path = tmp_path_factory.mktemp("fuzz") / "lake"
    python_lake.make(root)
    text = Learned(NOW, NO_LEVELS, Cutoffs()).as_json()
    (root / "models" / f"run_date={NOW}" / f"learned-{python_lake.RUN_IDS[NOW]}.json").write_text(
        text
    )
    app = make_app(root, Limits(customers=50, events=50))
    app.state.latest.refresh()
    return schemathesis.openapi.from_asgi("/openapi.json", app)


PATHS = [
    ("POST", "/score/features"),
    ("POST", "/score/events"),
    ("GET", "/customers/{customer_id}"),
    ("GET", "/segments"),
    ("GET", "/runs"),
    ("GET", "/health"),
    ("GET", "/ready"),
    ("GET", "/metrics"),
]


def test_each_path_is_asked(openapi: Any) -> None:
    operations = [found.ok() for found in openapi.get_all_operations()]
    assert [(o.method.upper(), o.path) for o in operations] == PATHS


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_every_answer_is_one_that_the_document_has(openapi: Any, method: str, path: str) -> None:
    from schemathesis.specs.openapi import checks

    @given(case=openapi[path][method].as_strategy())
    @settings(
        max_examples=40,
        deadline=None,
        # The same requests each time.
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Any) -> None:
        # Rules beyond a schema, such as which features a model reads, may refuse a valid request.
        case.call_and_validate(excluded_checks=[checks.positive_data_acceptance])

    ask()
