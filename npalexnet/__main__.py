"""npalexnet COMMAND: all commands by their names; alone, the list of them.

npalexnet train --subset emoji
python -m npalexnet train --subset emoji       the same, if npalexnet is not on the path
python -m npalexnet.train --subset emoji       and once more
"""

from __future__ import annotations

import sys
from importlib import import_module

from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.system.names import did_you_mean

# Each is the module of its name, which is imported when it is asked for.
COMMANDS = {
    "train": "train a network; the default takes two minutes",
    "evaluate": "test the newest run, class by class",
    "predict": "what is in your own pictures?",
    "explore": "a trained network as one page in the browser",
    "ablate": "what is each of the paper's ideas worth?",
    "summary": "a network's layers, shapes, parameters and work",
    "gradcheck": "is every derivative right? and would we notice if not?",
    "notebooks": "a copy of the course that is yours",
    "judge": "mark the exercise sheets of a class",
}


def overview() -> str:
    """The list of commands, as they are typed here."""
    names = {cli.typed(name): says for name, says in COMMANDS.items()}
    width = max(map(len, names))
    lines = [f"  {name:<{width}}   {says}" for name, says in names.items()]
    return "\n".join(
        [
            "npalexnet: AlexNet by hand, in NumPy\n",
            *lines,
            "\nEach one explains itself with --help.",
        ]
    )


def tell() -> int:
    """Print the list of commands."""
    print(overview())
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command that the first word names, with the words after it."""
    words = sys.argv[1:] if argv is None else argv
    if not words or words[0] in ("-h", "--help"):
        return cli.run(tell)
    name, *rest = words
    if name not in COMMANDS:
        return cli.run(lambda: unknown(name))
    status: int = import_module(f"npalexnet.{name}").main(rest)
    return status


def unknown(name: str) -> int:
    """There is no such command.

    Raises:
        UserError: always; says what was probably meant.
    """
    raise UserError(
        f"no command is called {name}{did_you_mean(name, COMMANDS)}; there are: "
        f"{', '.join(COMMANDS)}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
