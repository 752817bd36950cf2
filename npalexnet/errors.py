"""The one kind of error that is the user's to mend, not ours."""

from __future__ import annotations


class UserError(ValueError):
    """Says in one line what was expected, what was found, and what mends it.

    Commands print it without a traceback and exit with status 2.
    """
