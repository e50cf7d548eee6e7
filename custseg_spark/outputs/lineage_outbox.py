"""OpenLineage events on their way, while the command works."""

import os
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

from custseg_spark import redaction
from custseg_spark.redaction import redacted

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient
    from openlineage.client.event_v2 import RunEvent

log = redaction.logger()


class Outbox:
    """Sends events in their order by a thread of its own."""

    def __init__(self, client: "OpenLineageClient"):
        self._client = client
        self._events: SimpleQueue[tuple[str, RunEvent] | None] = SimpleQueue()
        self._unsent: dict[str, str | None] = {}
        # A daemon: what it waits for doesn't keep the process alive.
        self._thread = Thread(target=self._send, daemon=True)
        self._thread.start()

    def put(self, state: str, event: "RunEvent") -> None:
        """Takes the event of a state on its way."""
        self._unsent[state] = None
        self._events.put((state, event))

    def close(self, seconds: float) -> dict[str, str]:
        """Waits for the events, no longer than so many seconds: which weren't sent, and why."""
        self._events.put(None)
        self._thread.join(seconds)
        late = f"no answer within {seconds:g} s"
        return {state: reason or late for state, reason in dict(self._unsent).items()}

    def _send(self) -> None:
        for state, event in iter(self._events.get, None):
            try:
                self._client.emit(event)
            except Exception as error:
                self._unsent[state] = redacted(str(error), os.environ)
            else:
                del self._unsent[state]
        try:
            self._client.close()
        except Exception as error:
            log.warning("OpenLineage: %s", redacted(str(error), os.environ))
