"""Ctrl-C and SIGTERM during training: stop after the step; at the second, at once."""

from __future__ import annotations

import signal
import threading
from typing import Any

from tqdm import tqdm

from npalexnet.layers.layer import Array
from npalexnet.parallel import Network, Ranks
from npalexnet.system.signals import name_of
from npalexnet.system.workers import can_start_threads


class Asked(Exception):
    """Somebody asked to stop while a network was tested."""


class Interruption:
    """Ctrl-C and SIGTERM, as a request to stop after the current step.

    A context manager. The request is answered at once, in a line; a second signal ends
    the process as usual, and what was saved last stays. A signal that is ignored stays
    so, and outside the main thread, where Python cannot catch signals, nothing is done.

    Args:
        signals: other ones than these two.

    Attributes:
        asked: the number of the signal that came, or 0.
        doing: what is finished first, for the answer.
    """

    def __init__(self, *signals: int) -> None:
        self.asked = 0
        self.signals = signals or (signal.SIGINT, signal.SIGTERM)
        self.doing = "finishing this step"
        self._before: dict[int, Any] = {}

    def agreed(self, ranks: Ranks) -> int:
        """The signal that any of the ranks got, or 0; the same answer on all ranks."""
        (self.asked,) = ranks.all_reduce_max(self.asked)
        return self.asked

    def heed(self, ranks: Ranks) -> None:
        """Go on only if nobody has asked to stop.

        Raises:
            Asked: somebody has; on all ranks.
        """
        if self.agreed(ranks):
            raise Asked

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for number in self.signals:
                if signal.getsignal(number) != signal.SIG_IGN:
                    self._before[number] = signal.signal(number, self._come)
        return self

    def _come(self, number: int, frame: Any) -> None:
        self.asked = number
        self._put_back()
        # in a thread: the signal may have come in the middle of a print, and a second
        # print inside the first one is an error
        if can_start_threads():
            threading.Thread(target=self._answer, daemon=True).start()

    def _answer(self) -> None:
        with tqdm.external_write_mode():
            name = name_of(self.asked)
            print(f"{name}: {self.doing}; a second one ends at once", flush=True)

    def _put_back(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def __exit__(self, *error: object) -> None:
        self._put_back()


class Heeding:
    """A network that is tested only as long as nobody asks to stop.

    Args:
        network: does the work.
        stop: is asked before each batch.
        ranks: who share the work.
    """

    def __init__(self, network: Network, stop: Interruption, ranks: Ranks) -> None:
        self.network, self.stop, self.ranks = network, stop, ranks
        self.input, self.prepare = network.input, network.prepare

    def forward(self, x: Array, train: bool = False, keep: bool = True) -> Array:
        """The network's own forward.

        Raises:
            Asked: somebody has asked to stop.
        """
        self.stop.heed(self.ranks)
        return self.network.forward(x, train, keep)
