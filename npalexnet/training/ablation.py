"""What is each of the paper's ideas worth? Train with and without it, and look.

python -m npalexnet.ablate                                   emoji, half an hour
python -m npalexnet.ablate --ideas lrn,dropout --seeds 5

For every seed the whole network is trained once, and then once without each idea. With
the same seed, two networks start from the same weights (in the layers that both have)
and see the same pictures in the same order, cropped and coloured alike. So the result
is a mean of paired differences, and its standard error tells whether it could be
chance. "No difference at this size" is a result, too.

Finished runs are kept: the same command, given again, goes on where it stopped.
"""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from npalexnet.system import cli
from npalexnet.system.errors import Stopped, UserError
from npalexnet.system.files import write_whole
from npalexnet.training.folder import read_config, read_log
from npalexnet.training.options import MAY_DIFFER, Config, Options
from npalexnet.training.start import train


class Idea(NamedTuple):
    """One of the paper's ideas, and how to do without it.

    Attributes:
        says: what is done in its place.
        without: options of a run that does without it.
        paper: what the paper says it was worth.
    """

    says: str
    without: dict[str, Any]
    paper: str


IDEAS = {
    "relu": Idea(
        "tanh in place of ReLU",
        {"activation": "tanh"},
        "six times as many epochs to 25 % training error (Fig. 1, CIFAR-10)",
    ),
    "lrn": Idea(
        "no local response normalisation",
        {"lrn": False},
        "top-1 error +1.4, top-5 +1.2 points (3.3)",
    ),
    "overlap": Idea(
        "pooling windows of 2 side by side",
        {"overlap": False},
        "top-1 error +0.4, top-5 +0.3 points (3.4)",
    ),
    "dropout": Idea(
        "no dropout",
        {"dropout": 0.0},
        '"substantial overfitting"; half as many iterations (4.2)',
    ),
    "crops": Idea(
        "always the central crop, never mirrored",
        {"augment": False},
        '"substantial overfitting" (4.1)',
    ),
    "colour": Idea(
        "no colour noise",
        {"colour": False},
        "top-1 error +1 point and more (4.1)",
    ),
    "groups": Idea(
        "one column in place of two",
        {"groups": 1},
        "against a half-size net on one GPU: +1.7, +1.2 points (3.2); not the same",
    ),
}
WHOLE = "whole"


@dataclass
class AblationOptions:
    """What is trained, and how often."""

    subset: str = cli.option("emoji", "which data set")
    data: str | None = cli.option(None, "where its pictures are")
    ideas: str = cli.option(",".join(IDEAS), "which ideas to do without, one by one")
    seeds: int = cli.option(3, "how often each is trained, from different weights")
    epochs: int | None = cli.option(
        None, "epochs of each run", show="by data set; emoji: 14"
    )
    drops: tuple[int, ...] | None = cli.option(
        None,
        "epochs after which the learning rate drops",
        show="by data set; emoji: 9,12",
    )
    limit: int | None = cli.option(None, "at most N training pictures")
    batch: int | None = cli.option(None, "pictures per step", show="64")
    threads: int | None = cli.option(None, "threads to use", show="all cores")
    loss: float | None = cli.option(
        None,
        "count the epochs until the training loss falls below this",
        show="the whole network's final loss, worst seed",
    )
    out: str = cli.option("runs/ablation", "folder for the runs, table and figure")


@dataclass(frozen=True)
class Outcome:
    """What a finished run achieved: the numbers in its log."""

    top1: float
    top5: float
    train_loss: float
    seconds: float
    losses: tuple[float, ...]

    def epochs_to(self, loss: float) -> float:
        """Epochs until the training loss was at most `loss`; infinity if never."""
        below = [e for e, value in enumerate(self.losses, 1) if value <= loss]
        return float(below[0]) if below else float("inf")


class Row(NamedTuple):
    """A line of the table: the whole network, or what changes without one idea.

    Attributes:
        name: of the idea, or WHOLE.
        top1, top5: means over the seeds, in percent.
        change: in top-1, in points: the mean of the paired differences.
        error: the standard error of that change.
        train_loss: mean training loss at the end.
        epochs: mean number of epochs until the loss that all are compared at.
        seconds: mean duration of a run.
    """

    name: str
    top1: float
    top5: float
    change: float
    error: float
    train_loss: float
    epochs: float
    seconds: float


def outcome(folder: Path) -> Outcome:
    """Read a run's log."""
    rows = read_log(folder)
    last = rows[-1]
    return Outcome(
        float(last["val_top1"]),
        float(last["val_top5"]),
        float(last["loss"]),
        float(last["seconds"]),
        tuple(float(row["loss"]) for row in rows),
    )


def train_all(
    options: AblationOptions, names: Sequence[str]
) -> dict[str, list[Outcome]]:
    """Train what is not trained yet: name to one outcome for each seed."""
    base = Options(
        subset=options.subset,
        data=options.data,
        epochs=options.epochs,
        drops=options.drops,
        limit=options.limit,
        batch=options.batch,
        threads=options.threads,
    )
    found: dict[str, list[Outcome]] = {name: [] for name in names}
    for seed in range(options.seeds):
        for name in names:
            without = IDEAS[name].without if name != WHOLE else {}
            folder = Path(options.out) / f"{name}-{seed}"
            options_here = replace(base, seed=seed, out=str(folder), **without)
            resume = folder if (folder / "config.json").exists() else None
            config = options_here.decide()
            if resume is not None:
                check_same(config, folder)
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    train(config, resume=resume)
            except Stopped:
                print("stopped, and saved; the same command goes on")
                raise
            found[name].append(outcome(folder))
            now = found[name][-1]
            print(
                f"{name:>8}, seed {seed}: top-1 {100 * now.top1:.1f} %, "
                f"training loss {now.train_loss:.3f}, {now.seconds:.0f} s",
                flush=True,
            )
    return found


# All runs of an ablation have the same length; only how the work is shared may differ.
MAY_DIFFER_HERE = set(MAY_DIFFER) - {"epochs"}


def check_same(config: Config, folder: Path) -> None:
    """Make sure that an older run in this folder had the same settings.

    Raises:
        UserError: it had others.
    """
    saved = read_config(folder)
    for name, value in asdict(config).items():
        was = saved.get(name)
        if name not in MAY_DIFFER_HERE and value != was:
            raise UserError(
                f"{folder} was trained with {name} {was}, not {value}; choose "
                "another folder with --out"
            )


def compare(found: dict[str, list[Outcome]], loss: float | None) -> list[Row]:
    """The table: paired differences and their standard errors."""
    whole = found[WHOLE]
    goal = max(o.train_loss for o in whole) if loss is None else loss
    rows = []
    for name, outcomes in found.items():
        pairs = zip(outcomes, whole, strict=True)
        changes = np.array([100 * (a.top1 - b.top1) for a, b in pairs])
        n = len(changes)
        error = changes.std(ddof=1) / np.sqrt(n) if n > 1 else float("nan")
        rows.append(
            Row(
                name,
                100 * float(np.mean([o.top1 for o in outcomes])),
                100 * float(np.mean([o.top5 for o in outcomes])),
                float(changes.mean()),
                float(error),
                float(np.mean([o.train_loss for o in outcomes])),
                float(np.mean([o.epochs_to(goal) for o in outcomes])),
                float(np.mean([o.seconds for o in outcomes])),
            )
        )
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows in Markdown, with the paper's own numbers beside them."""
    lines = [
        "| without | top-1 | change of top-1, points | training loss | epochs to the "
        "same loss | seconds | in the paper |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        whole = row.name == WHOLE
        says = "(the whole network)" if whole else IDEAS[row.name].says
        error = f" ± {row.error:.1f}" if np.isfinite(row.error) else ""
        change = "" if whole else f"{row.change:+.1f}{error}"
        epochs = f"{row.epochs:.1f}" if np.isfinite(row.epochs) else "not reached"
        paper = "" if whole else IDEAS[row.name].paper
        lines.append(
            f"| {says} | {row.top1:.1f} % | {change} | {row.train_loss:.3f} | {epochs} "
            f"| {row.seconds:.0f} | {paper} |"
        )
    return "\n".join(lines)


def write(rows: Sequence[Row], folder: Path, title: str) -> None:
    """Write ablation.md, ablation.csv and ablation.png."""
    from npalexnet import figures

    text = f"# {title}\n\n{table(rows)}\n"
    write_whole(folder / "ablation.md", lambda file: file.write(text.encode()))
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(rows)
    write_whole(
        folder / "ablation.csv", lambda file: file.write(lines.getvalue().encode())
    )
    labels = [IDEAS[row.name].says for row in rows if row.name != WHOLE]
    bars = [(row.change, row.error) for row in rows if row.name != WHOLE]
    figures.write(figures.changes(labels, bars, title), folder / "ablation.png")
