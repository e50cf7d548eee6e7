"""Delta tables in a folder, on this machine or elsewhere: staged as Parquet, then one commit each.

Delta has no transaction over several tables: the commits follow each other within seconds, and
`run_date` in each table names its run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame

from custseg_spark.engine.folder_locks import locked
from custseg_spark.engine.permissions import current
from custseg_spark.engine.spark.file_systems import remove_remote, withhold
from custseg_spark.engine.spark.session import get_session
from custseg_spark.errors import TargetError
from custseg_spark.outputs.exports.folder import named
from custseg_spark.outputs.exports.layout import ReportTable
from custseg_spark.paths import Place, Remote, spark_uri

# Readers of Delta ignore names that begin with an underscore.
_STAGING = "_staging"


@dataclass(frozen=True)
class DeltaFolder:
    """A folder with a Delta table for each reporting table."""

    folder: Place

    @classmethod
    def of(cls, text: str) -> "DeltaFolder":
        """Return the folder of `delta:DIR`."""
        return cls(named(text, "delta"))

    @property
    def shown(self) -> str:
        """The folder as text."""
        return str(self.folder)

    @contextmanager
    def opened(self) -> Iterator["DeltaLoading"]:
        """Open a loading; ConflictError if another export writes into the same local folder."""
        withhold(get_session(), self.folder, f"{current():03o}")
        loading = DeltaLoading(self.folder)
        if isinstance(self.folder, Remote):
            with loading.cleared():
                yield loading
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with (
            locked(self.folder, f"another export to {self.folder} is under way"),
            loading.cleared(),
        ):
            yield loading


@dataclass
class DeltaLoading:
    """An export under way into Delta tables."""

    folder: Place
    staged: list[ReportTable] = field(default_factory=list)

    @contextmanager
    def cleared(self) -> Iterator[None]:
        """Remove staged files before and after: a killed export may have left some."""
        self._clear()
        try:
            yield
        finally:
            self._clear()

    def stage_frame(self, table: ReportTable, frame: DataFrame) -> int:
        """Stage the rows of a table; return their number. TargetError for another table there."""
        self._require_ours(table)
        path = self._staging(table)
        frame.write.mode("overwrite").parquet(path)
        self.staged.append(table)
        return get_session().read.schema(table.schema).parquet(path).count()

    def publish(self) -> None:
        """Replace the rows of each staged table by one commit of it."""
        for table in self.staged:
            rows = get_session().read.schema(table.schema).parquet(self._staging(table))
            rows.write.format("delta").mode("overwrite").save(self._path(table))

    def _require_ours(self, table: ReportTable) -> None:
        """Never overwrite a table of a lake, or of somebody else's, that has the same name."""
        try:
            there = get_session().read.format("delta").load(self._path(table)).columns
        except AnalysisException:
            return
        if set(there) != set(table.columns):
            raise TargetError(
                f"{self._path(table)} is another table, or an older version's: its columns differ"
                f" ({', '.join(sorted(set(there) ^ set(table.columns)))}); export elsewhere"
            )

    def _path(self, table: ReportTable) -> str:
        return spark_uri(self.folder / table.name)

    def _staging(self, table: ReportTable) -> str:
        return spark_uri(self.folder / _STAGING / table.name)

    def _clear(self) -> None:
        remove_remote(get_session(), Remote(spark_uri(self.folder / _STAGING)), whole=True)
