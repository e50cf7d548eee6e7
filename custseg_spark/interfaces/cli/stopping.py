"""A wish to stop, by SIGINT (Ctrl-C) or SIGTERM, that waits until what is under way has ended."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def asked_to_stop(told: Callable[[], None]) -> Iterator[Callable[[], bool]]:
    """Yields whether a signal has come during the block; `told` is called when the first does.

    The next one raises KeyboardInterrupt at once. In the main thread only.
    """
    is_asked = False

    def note(_number: int, _frame: FrameType | None) -> None:
        nonlocal is_asked
        if is_asked:
            raise KeyboardInterrupt
        is_asked = True
        told()

    before = [(number, signal.signal(number, note)) for number in _SIGNALS]
    try:
        yield lambda: is_asked
    finally:
        for number, handler in before:
            signal.signal(number, handler)
