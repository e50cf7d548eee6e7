"""Client of a purchase API, page by page, with a bounded rate and retries.

No Spark in this module. docs/reference/configuration.md describes requests and answers.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from custseg_spark.config.settings import FetchConfig
from custseg_spark.engine.sources.http.answers import MalformedError, page
from custseg_spark.engine.sources.http.exchanges import Answer, Exchanges
from custseg_spark.errors import ConfigurationError, InputError

if TYPE_CHECKING:
    from tenacity import RetryCallState

TOKEN = "CUSTSEG_API_TOKEN"
# Cursors without end: pages of nothing one after the other, and pages for one batch.
_MOST_EMPTY_PAGES, _MOST_PAGES = 100, 100_000
_TRANSIENT = (408, 425, 429, 500, 502, 503, 504)


class _TransientError(Exception):
    """A status that calls for a retry, with the server's wish for a pause in seconds."""

    def __init__(self, status: int, wait_s: float) -> None:
        super().__init__(f"status {status}")
        self.wait_s = wait_s


@dataclass
class Pace:
    """A limit of requests per second for all threads, with a rest when a server asks for one."""

    per_second: float
    turns: int = 0
    _next: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait(self) -> None:
        """Block until this request's turn."""
        with self._lock:
            moment = time.monotonic()
            turn = max(moment, self._next)
            self._next = turn + 1 / self.per_second
            self.turns += 1
        time.sleep(turn - moment)

    def rest(self, seconds: float) -> None:
        """Let nobody pass before that time."""
        with self._lock:
            self._next = max(self._next, time.monotonic() + seconds)


class PurchaseApi:
    """Purchases by mobile number, from `POST <url>/purchases`. Safe to share among threads."""

    def __init__(self, config: FetchConfig, token: str) -> None:
        """Raise ConfigurationError if the libraries are missing."""
        try:
            import httpx
            import tenacity
        except ImportError as error:
            raise ConfigurationError(
                "a purchase API takes httpx and tenacity; install them by"
                " pip install 'custseg-spark[api]'"
            ) from error
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._config, self._pace = config, Pace(config.requests_per_second)
        self._exchanges = Exchanges(config.timeout_s, headers)
        self._url = f"{config.url.rstrip('/')}/purchases"
        self._failures = (httpx.TransportError, _TransientError)
        self._retries, self._lock = 0, threading.Lock()
        first, longest = config.first_wait_s, config.longest_wait_s
        usual = tenacity.wait_combine(
            tenacity.wait_exponential(multiplier=first, max=longest),
            tenacity.wait_random(0, first),
        )
        self._retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(config.attempts),
            wait=self._pause(usual),
            before_sleep=self._count_retry,
            reraise=True,
        )
        self._if_failed = tenacity.retry_if_exception_type(self._failures)
        self._if_malformed = tenacity.retry_if_exception_type(MalformedError)

    @property
    def requests(self) -> int:
        """The number of requests sent."""
        return self._pace.turns

    @property
    def retries(self) -> int:
        """The number of requests sent again."""
        return self._retries

    def close(self) -> None:
        """Close the connections."""
        self._exchanges.close()

    def pages(
        self, mobiles: Sequence[str], *, patient: bool = True
    ) -> Iterator[list[Mapping[str, Any]]]:
        """Yield the purchases of some customers, a list per page; numbers stay text as written.

        Raises MalformedError if an answer stays malformed (unless `patient`: if one answer is),
        InputError if the API can't be reached or refuses.
        """
        cursor, seen, empty = None, set[str](), 0
        while True:
            query = {"mobiles": mobiles, "cursor": cursor}
            purchases, cursor = self._request(query, frozenset(mobiles), seen, patient)
            yield purchases
            if cursor is None:
                return
            seen.add(cursor)
            empty = 0 if purchases else empty + 1
            if empty > _MOST_EMPTY_PAGES or len(seen) > _MOST_PAGES:
                raise InputError(
                    f"{self._url}: goes on without end: {len(seen):,} pages for"
                    f" {len(mobiles):,} customers, the last {empty:,} of them empty"
                )

    def _request(
        self,
        query: Mapping[str, Any],
        mobiles: Collection[str],
        seen: Collection[str],
        patient: bool,
    ) -> tuple[list[Mapping[str, Any]], str | None]:
        retried = self._if_failed | self._if_malformed if patient else self._if_failed
        try:
            retrying = self._retrying.copy(retry=retried)
            return retrying(lambda: page(self._answer(query), mobiles, seen))
        except self._failures as error:
            attempts = self._config.attempts
            raise InputError(
                f"{self._url}: {type(error).__name__.strip('_')} after {attempts} attempts:"
                f" {error}; the same command goes on from here"
            ) from error

    def _answer(self, query: Mapping[str, Any]) -> bytes:
        """Return an answer's bytes. Raises errors to retry, or InputError for others."""
        import httpx

        self._pace.wait()
        try:
            answer = self._exchanges.post(self._url, query)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise ConfigurationError(f"fetch.url: {self._config.url}: {error}") from error
        except InputError as error:
            raise InputError(f"{self._url}: {error}") from error
        self._check_status(answer)
        return answer.content

    def _check_status(self, answer: Answer) -> None:
        status = answer.status
        if status in _TRANSIENT:
            wait = retry_after(answer.headers.get("retry-after", ""))
            if wait > self._config.longest_wait_s:
                raise InputError(
                    f"{self._url}: asks to come back in {wait:,.0f} s, later than"
                    f" fetch.longest_wait_s = {self._config.longest_wait_s:,.0f}"
                )
            self._pace.rest(wait)
            raise _TransientError(status, wait)
        if status in (401, 403):
            raise InputError(f"{self._url}: status {status}; is the token in {TOKEN} right?")
        if status != 200:
            raise InputError(f"{self._url}: status {status}, expected 200")

    def _count_retry(self, _: "RetryCallState") -> None:
        with self._lock:
            self._retries += 1

    @staticmethod
    def _pause(usual: Callable[["RetryCallState"], float]) -> Callable[["RetryCallState"], float]:
        """Wait longer each time, and at least as long as the server asked."""

        def pause(state: "RetryCallState") -> float:
            error = state.outcome.exception() if state.outcome else None
            return max(usual(state), getattr(error, "wait_s", 0.0))

        return pause


def retry_after(text: str) -> float:
    """Return the seconds that a Retry-After header asks for (a number or a date); 0 for neither."""
    if text.strip().isdecimal():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, moment.timestamp() - time.time())
