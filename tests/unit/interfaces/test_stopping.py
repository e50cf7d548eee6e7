"""A wish to stop is noted, the second one obeyed at once; then signals do what they did before."""

import os
import signal

import pytest

from custseg_spark.interfaces.cli.stopping import asked_to_stop


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["interrupt", "terminate"])
def test_the_first_signal_is_noted_and_the_second_raises(number: signal.Signals) -> None:
    said: list[str] = []
    before = signal.getsignal(number)
    with asked_to_stop(lambda: said.append("stops")) as is_to_stop:
        assert not is_to_stop()
        os.kill(os.getpid(), number)
        assert is_to_stop()
        assert said == ["stops"]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before
    assert said == ["stops"]
