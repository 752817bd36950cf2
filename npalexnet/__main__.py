"""python -m npalexnet: the list of commands."""

from __future__ import annotations

COMMANDS = """\
npalexnet: AlexNet by hand, in NumPy

  python -m npalexnet.train       train a network; the default takes two minutes
  python -m npalexnet.evaluate    test the newest run, class by class
  python -m npalexnet.predict     what is in your own pictures?
  python -m npalexnet.ablate      what is each of the paper's ideas worth?
  python -m npalexnet.summary     a network's layers, shapes, parameters and work
  python -m npalexnet.gradcheck   is every derivative right? and would we notice if not?

Each one explains itself with --help."""


def main() -> int:
    """Print the list."""
    print(COMMANDS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
