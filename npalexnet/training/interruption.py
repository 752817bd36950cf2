"""Ctrl-C and SIGTERM, as a request to stop after the current step."""

from __future__ import annotations

import signal
import threading
from typing import Any

from npalexnet.parallel import Ranks


class Interruption:
    """Ctrl-C and SIGTERM, as a request to stop after the current step.

    A context manager. A second signal ends the process at once, as usual. Outside the
    main thread, where Python cannot catch signals, it does nothing.

    Args:
        signals: other ones than these two.

    Attributes:
        asked: the number of the signal that came, or 0.
    """

    def __init__(self, *signals: int) -> None:
        self.asked = 0
        self.signals = signals or (signal.SIGINT, signal.SIGTERM)
        self._before: dict[int, Any] = {}

    def agreed(self, ranks: Ranks) -> int:
        """The signal that any of the ranks got, or 0; the same answer on all ranks."""
        (self.asked,) = ranks.all_reduce_max(self.asked)
        return self.asked

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                self._before[number] = signal.signal(number, self._come)
        return self

    def _come(self, number: int, frame: Any) -> None:
        self.asked = number
        self._put_back()

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __exit__(self, *error: object) -> None:
        self._put_back()
