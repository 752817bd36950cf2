"""How a kernel becomes machine code: late, once, and without Python's lock.

`@kernel` puts off Numba until a kernel is first called, so that `import npalexnet` and
every `--help` stay quick. Kernels are serial (`threads.py` decides what runs side by
side), release Python's global lock while they run (`nogil`), and are kept on disk once
compiled (`cache`), so only the first run on a machine waits for the compiler.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

# What the compiler may assume of floating point. Sums may be reordered and a product
# and a sum may become one instruction; NaN and infinity keep their meaning, because a
# diverging loss must be seen.
FAST = {"reassoc", "contract", "arcp", "nsz"}

# Division by zero gives infinity, as in NumPy (`error_model`). Python's exception would
# put a branch into every loop that divides: LRN took four times as long.


def kernel(function: Callable[..., None]) -> Callable[..., None]:
    """Compile `function` with Numba when it is first called."""
    compiled: Any = None

    @functools.wraps(function)
    def call(*args: Any) -> None:
        nonlocal compiled
        if compiled is None:
            import numba

            compiled = numba.njit(
                nogil=True, cache=True, fastmath=FAST, error_model="numpy"
            )(function)
        compiled(*args)

    return call
