"""What is each of the paper's ideas worth? Train with and without it, and look.

python -m npalexnet.ablate                                   emoji, half an hour
python -m npalexnet.ablate --ideas lrn,dropout --seeds 5

Finished runs are kept: the same command, given again, goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from npalexnet.system import cli
from npalexnet.system.errors import UserError
from npalexnet.training.ablation import (
    IDEAS,
    WHOLE,
    AblationOptions,
    compare,
    table,
    train_all,
    write,
)


def main(argv: list[str] | None = None) -> int:
    """The command line."""
    parser = cli.Parser(
        prog=cli.typed("ablate"),
        description="Train `small` with and without each of the paper's ideas.",
    )
    cli.add_options(parser, AblationOptions)
    given = vars(parser.parse_args(argv))

    def command() -> int:
        options = AblationOptions(**given)
        ideas = [word.strip() for word in options.ideas.split(",") if word.strip()]
        unknown = [word for word in ideas if word not in IDEAS]
        if unknown:
            raise UserError(
                f"--ideas {','.join(unknown)}: unknown; there are: {', '.join(IDEAS)}"
            )
        if options.seeds < 1:
            raise UserError(f"--seeds must be at least 1, and is {options.seeds}")
        if options.data is not None:
            options = replace(options, data=str(Path(options.data).resolve()))
        count = options.seeds * (1 + len(ideas))
        print(f"{count} runs, kept in {options.out}", flush=True)
        rows = compare(train_all(options, [WHOLE, *ideas]), options.loss)
        seeds = "1 seed" if options.seeds == 1 else f"{options.seeds} seeds"
        title = f"small on {options.subset}, {seeds}"
        write(rows, Path(options.out), title)
        print(table(rows))
        print(f"table and figure: {options.out}/ablation.md {options.out}/ablation.png")
        return 0

    return cli.run(command)


if __name__ == "__main__":
    raise SystemExit(main())
