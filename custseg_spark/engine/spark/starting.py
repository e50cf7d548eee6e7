"""A session that starts beside other work: a JVM takes seconds that the driver can use."""

import importlib
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import SparkSession

from custseg_spark.engine.spark.privacy import OWNER_ONLY
from custseg_spark.engine.spark.session import cores, get_session, is_local


class StartingSession:
    """Starts a session in a thread, then its Python workers.

    `imports` are modules that the first kernels need. In local mode each worker imports them while
    the driver imports its own; on a cluster executors may not even be there yet.
    """

    def __init__(self, app_name: str, umask: str = OWNER_ONLY, imports: Sequence[str] = ()) -> None:
        pool = ThreadPoolExecutor(1, thread_name_prefix="start-spark")
        self._session = pool.submit(get_session, app_name, umask)
        if imports:
            pool.submit(_warm, self._session, tuple(imports))
        pool.shutdown(wait=False)

    def get(self) -> SparkSession:
        """Return the session, once it has started. Raises what its start raised."""
        return self._session.result()


def _warm(starting: Future[SparkSession], imports: tuple[str, ...]) -> None:
    spark = starting.result()
    if is_local(spark):
        from custseg_spark.engine.spark import tasks

        # A failure here comes again where it matters, with its message.
        tasks.run(spark, _Import(imports), range(cores(spark)))


@dataclass(frozen=True)
class _Import:
    modules: tuple[str, ...]

    def __call__(self, number: int) -> None:
        for module in self.modules:
            importlib.import_module(module)
