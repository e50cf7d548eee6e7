"""Stop on SIGINT (Ctrl-C) or SIGTERM, but only after the current work."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def asked_to_stop(on_first: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Yield whether a signal has come during the block; `on_first` is called for the first one.

    A second signal raises KeyboardInterrupt at once. Works in the main thread only.
    """
    is_asked = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_asked
        if is_asked:
            raise KeyboardInterrupt
        is_asked = True
        on_first()

    before = [(number, signal.signal(number, note)) for number in _SIGNALS]
    try:
        yield lambda: is_asked
    finally:
        for number, handler in before:
            signal.signal(number, handler)
