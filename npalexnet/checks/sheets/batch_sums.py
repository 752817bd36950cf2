"""Mistakes in adding up over the batch: the same for every parameter of a layer."""

from __future__ import annotations

from collections.abc import Callable

from npalexnet.checks.exercise import Known, Suspect
from npalexnet.layers.layer import Array


def over_images(name: str, part: Callable[[Known, slice], Array]) -> list[Suspect]:
    """The suspects for the gradient of a parameter that all images use.

    Args:
        name: of the parameter, "w".
        part: its gradient, from (trial, some of the images).
    """

    def first_image(t: Known) -> Array:
        return part(t, slice(0, 1))

    def last_image(t: Known) -> Array:
        return part(t, slice(-1, None))

    def mean(t: Known) -> Array:
        """It is the mean over the images, and should be the sum: the loss has taken
        the mean already, so it is inside dy."""
        return part(t, slice(None)) / len(t.x)

    # Two sentences name the parameter, and so cannot stand where docstrings do.
    collects = f"All images use {name}, and it collects from all of them."
    first_image.__doc__ = f"Only the first image is counted. {collects}"
    last_image.__doc__ = (
        f"Only the last image is left, the others were overwritten. {collects}"
    )
    return [first_image, last_image, mean]
