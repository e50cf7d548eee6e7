"""Lakes of commands that read without Spark: a folder, and a clear word for anywhere else."""

from collections.abc import Sequence

import pytest

from custseg_spark.errors import ConfigurationError
from custseg_spark.interfaces.cli import audience, mlflow, tune

COMMANDS = {
    "audience": (audience.run, ["--contacts=contacts.csv", "--to=audiences"]),
    "mlflow": (mlflow.run, []),
    "tune": (tune.run, []),
}


@pytest.mark.parametrize(
    ("options", "there"),
    [
        (["--lake=s3a://bucket/lake"], "s3a://bucket/lake"),
        (["--set=lake.catalog=main.shop"], "the catalog main.shop"),
    ],
)
@pytest.mark.parametrize("name", COMMANDS)
def test_a_lake_elsewhere_is_refused_by_its_name(
    name: str, options: Sequence[str], there: str
) -> None:
    run, more = COMMANDS[name]
    expected = f"expected a folder of this machine, got {there}: .* copy the lake into a folder"
    with pytest.raises(ConfigurationError, match=expected):
        run([*more, *options])
