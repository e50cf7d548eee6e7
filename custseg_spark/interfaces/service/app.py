"""The paths of the service."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi import Path as InPath
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from custseg_spark import __version__
from custseg_spark.errors import InputError, nearest
from custseg_spark.interfaces import clock
from custseg_spark.interfaces.service import scoring, tables
from custseg_spark.interfaces.service.flaws import RefusedError, flaw, of_validation
from custseg_spark.interfaces.service.guarding import OPEN, Guard, Metrics
from custseg_spark.interfaces.service.limits import Limits
from custseg_spark.interfaces.service.published import LatestRun, Published
from custseg_spark.interfaces.service.schemas import (
    Customer,
    EventsRequest,
    FeaturesRequest,
    Flaw,
    Flaws,
    Run,
    ScoredCustomers,
    Segment,
    State,
)

_REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Flaws} for status in (400, 401, 404, 405, 409, 413, 422, 503)
}
CustomerId = Annotated[str, InPath(min_length=1, max_length=1_000)]
RunDate = Annotated[date | None, Query(description="default: that of the latest run")]
Algorithm = Annotated[str | None, Query(description="default: the run's main one")]
OneOrAll = Annotated[str | None, Query(description="default: all of the run")]


def make_app(lake: Path, limits: Limits) -> FastAPI:
    """Return the service over a lake in a folder."""
    latest, metrics = LatestRun(lake), Metrics()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await asyncio.to_thread(latest.refresh)
        looking = asyncio.create_task(_look_for_runs(latest, limits.reload_seconds))
        yield
        looking.cancel()
        with suppress(asyncio.CancelledError):
            await looking

    app = FastAPI(
        title="custseg",
        description="Scores customers with the models that a lake has published. A query parameter"
        " that a path doesn't list is refused with 422.",
        version=__version__,
        lifespan=lifespan,
        dependencies=[Depends(_only_listed_parameters)],
        responses=_REFUSALS,
    )
    app.state.latest = latest
    app.middleware("http")(metrics.measured)
    app.add_middleware(Guard, limits=limits)
    _add_refusals(app)
    _add_scoring(app, latest, limits, metrics)
    _add_tables(app, latest)
    _add_state(app, latest, metrics)
    return app


async def _look_for_runs(latest: LatestRun, seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        await asyncio.to_thread(latest.refresh)


def _only_listed_parameters(request: Request) -> None:
    """Refuse a mistyped parameter: without it the answer would be of all runs or algorithms.

    What watches the service may add parameters of its own.
    """
    if request.url.path in OPEN:
        return
    listed = {parameter.alias for parameter in request.scope["route"].dependant.query_params}
    unknown = {n: v for n, v in request.query_params.items() if n not in listed}
    if unknown:
        raise RefusedError(
            [
                flaw(n, v, f"no parameter of this name{nearest(n, listed)}")
                for n, v in unknown.items()
            ]
        )


def _refused(flaws: list[Flaw], status: int) -> JSONResponse:
    return JSONResponse(Flaws(detail=flaws).model_dump(), status_code=status)


def _add_refusals(app: FastAPI) -> None:
    @app.exception_handler(RefusedError)
    async def refused(_: Request, error: RefusedError) -> JSONResponse:
        return _refused(error.flaws, error.status)

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return _refused(of_validation(error.errors()), 422)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == 404:
            paths = ", ".join(app.openapi()["paths"])
            not_found = flaw("path", request.url.path, f"one of {paths}, /openapi.json, /docs")
        elif error.status_code == 405:
            allowed = (error.headers or {}).get("Allow", "another")
            not_found = flaw("method", request.method, allowed)
        else:
            not_found = flaw("body", None, str(error.detail))
        answer = _refused([not_found], error.status_code)
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(InputError)
    async def unreadable(_: Request, error: InputError) -> JSONResponse:
        return _refused([flaw("request", None, str(error))], 404)


def _published(latest: LatestRun) -> Published:
    """Return the run that answers a request."""
    if latest.published is None:
        raise RefusedError([flaw("lake", None, "a run that published models")], 503)
    return latest.published


def _bounded(field: str, count: int, most: int) -> None:
    if count > most:
        raise RefusedError([flaw(field, count, f"at most {most:,} in a request")], 413)


def _add_scoring(app: FastAPI, latest: LatestRun, limits: Limits, metrics: Metrics) -> None:
    @app.post("/score/features", tags=["scoring"])
    async def score_features(request: FeaturesRequest) -> ScoredCustomers:
        """Return the segments of customers by their features."""
        _bounded("customers", len(request.customers), limits.customers)
        run = _published(latest)
        answer = scoring.score_features(request.customers, run, run.model(request.algorithm))
        metrics.customers.labels("/score/features").inc(len(answer.customers))
        return answer

    # In a thread, because the kernels would block other requests.
    @app.post("/score/events", tags=["scoring"])
    def score_events(request: EventsRequest) -> ScoredCustomers:
        """Return the segments of customers by their events, as of a date."""
        _bounded("events", len(request.events), limits.events)
        run = _published(latest)
        model = run.model(request.algorithm)
        answer = scoring.score_events(request.events, request.as_of, run, model, clock.now())
        metrics.customers.labels("/score/events").inc(len(answer.customers))
        return answer


def _add_tables(app: FastAPI, latest: LatestRun) -> None:
    @app.get("/customers/{customer_id}", tags=["tables"])
    def customer(
        customer_id: CustomerId, run_date: RunDate = None, algorithm: Algorithm = None
    ) -> Customer:
        """Return a customer's segment at a run date, as in the lake."""
        run = _published(latest)
        day = run_date or run.run_date
        name = algorithm or run.model(None).clustering.algorithm
        row = tables.customer(run.reader, customer_id, day, name)
        if row is None:
            tables.require_run(run.reader, day, name)
            expected = f"a customer of the run of {day} by {name}"
            raise RefusedError([flaw("customer_id", customer_id, expected)], 404)
        return row

    @app.get("/segments", tags=["tables"])
    def segments(run_date: RunDate = None, algorithm: OneOrAll = None) -> list[Segment]:
        """Return the living segments of a run date."""
        run = _published(latest)
        day = run_date or run.run_date
        rows = tables.segments(run.reader, day, algorithm)
        if not rows:
            tables.require_run(run.reader, day, algorithm)
        return rows

    @app.get("/runs", tags=["tables"])
    def runs() -> list[Run]:
        """Return the lake's runs, the latest first."""
        return tables.runs(_published(latest).reader)


def _add_state(app: FastAPI, latest: LatestRun, metrics: Metrics) -> None:
    @app.get("/health", tags=["state"])
    async def health() -> State:
        """Answer that the process is alive."""
        return _state(latest)

    @app.get("/ready", tags=["state"])
    async def ready() -> State:
        """Answer that customers can be scored; 503 if no run has published models."""
        _published(latest)
        return _state(latest)

    @app.get("/metrics", tags=["state"], response_class=Response)
    async def prometheus() -> Response:
        """Return counts and seconds in Prometheus's format."""
        if latest.published:
            midnight = datetime.combine(latest.published.run_date, time.min, UTC)
            metrics.run_date.set(midnight.timestamp())
        metrics.reloads.set(latest.reloads)
        metrics.failures.set(latest.failures)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _state(latest: LatestRun) -> State:
    run = latest.published
    return State(ready=run is not None, run_date=run.run_date if run else None)
