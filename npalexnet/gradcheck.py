"""Is my derivative right? Every layer's, and your own.

python -m npalexnet.gradcheck                    every layer
python -m npalexnet.gradcheck conv lrn --mutant  would a mistake be noticed?

For a layer of your own, as a pair of functions in the manner of `npalexnet.layers`:

    from npalexnet.gradcheck import check

    for finding in check(my_forward, my_backward, {"x": x, "w": w}):
        print(finding)

The instruments are explained in checks/instruments.py, the judge of the exercise sheets
in checks/judging.py, what the course says to a reader's guess in checks/guess.py.
"""

from __future__ import annotations

from npalexnet.checks.case import Case
from npalexnet.checks.gradcases import cases
from npalexnet.checks.guesses import discuss
from npalexnet.checks.instruments import (
    Finding,
    away_from_zero,
    central_differences,
    check,
    compare,
    complex_step,
    directional_derivative,
    distinct,
    small_differences,
)
from npalexnet.checks.judging import judge
from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.system.names import did_you_mean

__all__ = [
    "Finding",
    "away_from_zero",
    "central_differences",
    "check",
    "compare",
    "complex_step",
    "differences",
    "direction",
    "directional_derivative",
    "discuss",
    "distinct",
    "judge",
    "small_differences",
]

# Their names in version 0.1.
differences, direction = central_differences, directional_derivative


def report(case: Case, mutant: bool) -> bool:
    """Print what was found for one case; was everything as it should be?"""
    print(f"\n{case.name}: {case.says}")
    good = True
    backwards = case.mutants if mutant else {None: (None, case.backward)}
    for target, (mistake, backward) in backwards.items():
        for finding in check(case.forward, backward, case.arrays, case.method):
            right = finding.error < case.tolerance
            if target is None:
                print(f"  {'ok    ' if right else 'WRONG '} {finding}")
                good &= right
            elif finding.array == target:
                print(f"  {'MISSED' if right else 'caught'} {finding}")
                print(f"         the mistake: {mistake}")
                good &= not right
    return good


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("gradcheck"),
        description="Compare every hand-written derivative with how much the result "
        "really changes when the number is moved a little.",
        epilog="Exit status: 0 if everything is right (or every mutant was caught), "
        "else 1.",
    )
    parser.add_argument("layers", nargs="*", metavar="LAYER", help="only these layers")
    parser.add_argument(
        "--mutant",
        action="store_true",
        help="put a plausible mistake into each derivative; the same check must see it",
    )
    args = parser.parse_args(argv)

    def command() -> int:
        known = cases()
        names = {case.name.split()[0] for case in known}
        for name in args.layers:
            if name not in names:
                raise UserError(
                    f"no layer is called {name}; there are: {', '.join(sorted(names))}"
                    + did_you_mean(name, names)
                )
        chosen = [
            case
            for case in known
            if not args.layers or case.name.split()[0] in args.layers
        ]
        if args.mutant:
            chosen = [case for case in chosen if case.mutants]
        good = [report(case, args.mutant) for case in chosen]
        what = "mutants were caught" if args.mutant else "derivatives are right"
        verdict = f"All {what}." if all(good) else f"NOT all {what}."
        print(f"\n{verdict}")
        return 0 if all(good) else 1

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
