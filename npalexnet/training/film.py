"""The film of a training run: how the first layer's filters come out of noise.

One small frame an epoch, and one before the first step. The film is saved with the
run's state, so a run that was stopped and resumed shows the same film. That of a run
which was begun without one starts where it is resumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from npalexnet.layers.layer import Array
from npalexnet.parallel import Network
from npalexnet.system.errors import UserError


class Film:
    """Frames of the first layer's filters.

    Attributes:
        epochs: after how many epochs each frame was taken.
        frames: (F, K, K, 3) or (F, K, K, 1) uint8 each, on rank 0; a first layer
            without filters has none.
    """

    def __init__(self) -> None:
        self.epochs: list[int] = []
        self.frames: list[Array] = []

    def take(self, network: Network, epoch: int) -> None:
        """Take a frame; to be called on all ranks."""
        name, param = next(iter(network.params.items()))
        whole = network.collect({name: param.data})
        self.epochs.append(epoch)
        if whole is not None and whole[name].ndim == 4:
            self.frames.append(frame(whole[name]))

    def arrays(self) -> dict[str, Array]:
        """What is saved of it."""
        if not self.frames:
            return {}
        return {"epochs": np.array(self.epochs), "frames": np.stack(self.frames)}

    @staticmethod
    def of(arrays: object) -> Film:
        """A film that was saved; an empty one if there was none, or it is damaged."""
        film = Film()
        if not isinstance(arrays, Mapping) or arrays.keys() != {"epochs", "frames"}:
            return film
        epochs, frames = arrays["epochs"], arrays["frames"]
        fits = frames.ndim == 5 and frames.dtype == np.uint8
        if fits and epochs.dtype.kind == "i" and epochs.shape == frames.shape[:1]:
            film.epochs, film.frames = [int(e) for e in epochs], list(frames)
        return film

    def write(self, path: Path) -> None:
        """Write it as a GIF.

        Raises:
            UserError: there is no frame; the file cannot be written.
        """
        from npalexnet import figures

        if not self.frames:
            raise UserError(
                "there is no film: the network does not begin with a convolution, "
                "whose filters could be shown"
            )
        figures.write_film(self.frames, self.epochs, path)


def frame(w: Array) -> Array:
    """Filters (F, C, K, K) as pictures (F, K, K, 3) in bytes, or (F, K, K, 1) in grey.

    As in `figures.filters`, each is stretched by itself so that its largest weight is
    full colour, and zero is grey. Of other than three channels the mean is shown.
    """
    pictures = w.transpose(0, 2, 3, 1)
    if pictures.shape[-1] != 3:
        pictures = pictures.mean(-1, keepdims=True)
    largest = np.abs(pictures).max((1, 2, 3), keepdims=True) + 1e-12
    return (127.5 + 127.5 * pictures / largest).round().astype(np.uint8)
