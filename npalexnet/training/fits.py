"""Will it fit into memory? A run that will not says so before it starts."""

from __future__ import annotations

from math import prod

from npalexnet.parallel import Network
from npalexnet.system.errors import UserError
from npalexnet.system.machine import bytes_text, free_memory

BATCHES = 2  # of input in memory: one is used while the next is prefetched


def check_fits(network: Network, batch: int) -> None:
    """Refuse a batch that would not fit into memory.

    Raises:
        UserError: it would not; says which batch size would.
    """
    free = free_memory()
    need = memory_needed(network, batch)
    if free is None or need <= free:
        return
    fits = largest_batch(network, batch, 0.8 * free)
    advice = f"--batch {fits} fits" if fits > 0 else "choose a smaller network"
    raise UserError(
        f"a batch of {batch} needs {bytes_text(need)} of memory and "
        f"{bytes_text(free)} are free; {advice}"
    )


def memory_needed(network: Network, batch: int) -> int:
    """Bytes that training takes, for the network and for the batches of input."""
    image = prod(network.input_shape) * network.dtype.itemsize
    return sum(network.memory(batch).values()) + BATCHES * batch * image


def largest_batch(network: Network, below: int, memory: float) -> int:
    """The largest batch, smaller than `below`, that fits; 0 if none does."""
    fits, too_large = 0, below
    while too_large - fits > 1:
        middle = (fits + too_large) // 2
        if memory_needed(network, middle) <= memory:
            fits = middle
        else:
            too_large = middle
    return fits
