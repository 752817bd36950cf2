"""How a kernel becomes machine code: late, once, and without Python's lock.

`@kernel` puts off Numba until a kernel is first called, so that `import npalexnet` and
every `--help` stay quick. Kernels are serial (`threads.py` decides what runs side by
side), release Python's global lock while they run (`nogil`), and are kept on disk once
compiled (`cache`), so only the first run on a machine waits for the compiler.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Set
from typing import Any

# What the compiler may assume of floating point. Sums may be reordered and a product
# and a sum may become one instruction; NaN and infinity keep their meaning, because a
# diverging loss must be seen.
FAST = {"reassoc", "contract", "arcp", "nsz"}

# Division by zero gives infinity, as in NumPy (`error_model`). Python's exception would
# put a branch into every loop that divides: LRN took four times as long.

MISSING = (
    "Numba cannot be used here ({}): plain NumPy does its work, slower, with the same "
    "answers"
)


@functools.cache
def compiler() -> Any:
    """Numba; or None where it is missing, or does not know this Python or NumPy.

    That is said once. What is then in place of kernels: layers/plain.py, `sgd_update`.
    """
    try:
        import numba
    except ImportError as error:
        why = str(error).partition("\n")[0] or "it is not installed"
        print(MISSING.format(why), file=sys.stderr)
        return None
    return numba


pieces: set[Callable[..., Any]] = set()


def piece(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let the kernels of this file call `function`: it is pasted into each of them.

    Only of this file: Numba keeps a compiled kernel until the kernel's own file
    changes, and would not notice a change to a piece in another file.
    """
    pieces.add(function)
    return function


def kernel(
    function: Callable[..., None], assume: Set[str] = frozenset(FAST)
) -> Callable[..., None]:
    """Compile `function` with Numba when it is first called."""
    compiled: Any = None

    @functools.wraps(function)
    def call(*args: Any) -> None:
        nonlocal compiled
        if compiled is None:
            numba = compiler()
            # under the name of a piece Numba must find something that it can compile
            names = function.__globals__
            for name in function.__code__.co_names:
                called = names.get(name)
                if callable(called) and called in pieces:
                    names[name] = numba.njit(inline="always")(called)
            how = dict(nogil=True, fastmath=set(assume), error_model="numpy")
            try:
                compiled = numba.njit(cache=True, **how)(function)
            except RuntimeError:  # no folder to keep it in: it is compiled each time
                compiled = numba.njit(**how)(function)
        compiled(*args)

    return call


def kernel_in_order(function: Callable[..., None]) -> Callable[..., None]:
    """`kernel`, for a formula that overflows in any order but the one written down."""
    return kernel(function, FAST - {"reassoc"})
