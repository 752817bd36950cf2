"""Every option of a training run: the one place where they are defined.

`Options` is what a user says; from it, the command line of `train` and its help are
made. `Options.decide` fills in what data set and variant decide, and checks everything:
the result is a `Config`, which is kept in the run's folder as config.json.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from npalexnet.alexnet import VARIANTS
from npalexnet.datasets.catalogue import SUBSETS
from npalexnet.net.blueprint import Norm
from npalexnet.parallel.plan import SCHEMES
from npalexnet.system.cli import PATHS, flag, option
from npalexnet.system.errors import UserError
from npalexnet.system.names import did_you_mean

# These may differ when a run is resumed; everything else is as config.json says.
MAY_DIFFER = ("epochs", "steps", "threads", "parallel", "out", "resume")


@dataclass(frozen=True)
class Options:
    """What a user says; None means that data set or variant decides."""

    subset: str = option(
        "emoji",
        "which data set, with its default settings. "
        + "; ".join(f"{name}: {s.says}" for name, s in SUBSETS.items()),
        tuple(SUBSETS),
    )
    data: str | None = option(
        None,
        "where its pictures are, a zip or a folder; without --subset: pictures of your "
        "own, one folder for each class, below train/ and val/ or to be split here",
    )
    variant: str = option(
        "small",
        "which network; `summary --variant all` shows how they differ",
        tuple(VARIANTS),
    )
    epochs: int | None = option(
        None, "how often every picture is shown", show="by data set; emoji: 14"
    )
    steps: int | None = option(None, "end after N steps in all, if that is sooner")
    schedule: str = option(
        "steps",
        "when the learning rate is divided by 10. steps: at the epochs of --drops; "
        "plateau: when the validation error stalls, as in the paper",
        ("steps", "plateau"),
    )
    drops: tuple[int, ...] | None = option(
        None,
        "epochs after which the learning rate drops",
        show="by data set; emoji: 9,12",
    )
    batch: int | None = option(
        None, "pictures per step", show="64 for small, else 128 as in the paper"
    )
    lr: float = option(0.01, "learning rate at the start")
    momentum: float = option(0.9, "share of the velocity that each step keeps")
    weight_decay: float = option(0.0005, "pull of every weight towards zero")
    skip_bad: bool = option(
        False, "leave out pictures that cannot be read, rather than stop"
    )
    seed: int = option(0, "seed of every random draw: same seed, same run")
    threads: int | None = option(None, "threads to use", show="all cores, at most 8")
    classes: int | None = option(None, "only the first N classes", show="all")
    limit: int | None = option(
        None,
        "at most N training pictures, spread evenly over the classes",
        show="all",
    )
    lrn: bool = option(
        True,
        "local response normalisation",
        no="leave out local response normalisation",
    )
    overlap: bool = option(
        True, "pooling windows overlap", no="pool with windows of 2, side by side"
    )
    groups: int | None = option(
        None, "1 joins the columns that do not see each other", show="by variant"
    )
    dropout: float | None = option(
        None, "rate of dropout; 0 leaves it out", show="by variant; small: 0.5"
    )
    activation: str = option("relu", "the activation function", ("relu", "tanh"))
    lrn_groups: int | None = option(
        None,
        "local response normalisation looks only inside each of N groups of maps",
        show="by variant; 2 with --parallel columns",
    )
    algorithm: str = option(
        "auto",
        "convolutions as sums, all of them; else those that are faster with fewer "
        "multiplications are done so, which is the same up to rounding",
        switch=("exact", "sum"),
    )
    augment: bool = option(
        True,
        "random crops and mirror images",
        no="always the central crop, never mirrored",
    )
    colour: bool = option(True, "colour noise", no="no colour noise")
    weights: str | None = option(
        None,
        "start from the weights in this file (.npz, .pth, .safetensors, .caffemodel); "
        "the last layer starts anew",
    )
    freeze: str | None = option(
        None,
        "conv: only the fully connected layers learn; useful with --weights",
        ("conv",),
    )
    parallel: str | None = option(
        None,
        "when started by `mpiexec -n N`: how the N processes share the work. columns: "
        "each holds a column of the network, as the paper's two GPUs did; images: each "
        "takes a shard of each batch; hybrid: convolutional layers are split by "
        "pictures, fully connected ones by units",
        SCHEMES,
    )
    out: str | None = option(
        None, "the run folder", show="runs/SUBSET-VARIANT, then -2, -3, ..."
    )
    resume: bool = option(
        False,
        "go on with the run in --out, else with the newest of this data set and "
        "variant; only --epochs, --steps, --threads and --parallel may differ",
    )

    @staticmethod
    def completed(given: Mapping[str, Any]) -> dict[str, Any]:
        """What was said on the command line, and what follows from it.

        --data without --subset means pictures of one's own; paths are made absolute, so
        that they mean the same wherever the run is resumed.
        """
        said = dict(given)
        if "data" in said:
            said.setdefault("subset", "own")
        return {
            name: str(Path(value).resolve()) if name in PATHS else value
            for name, value in said.items()
        }

    def in_columns(self) -> bool:
        """Does local response normalisation look at its own column only?"""
        norms = [d for _, d in VARIANTS[self.variant].layers if isinstance(d, Norm)]
        return all((self.lrn_groups or norm.groups) % 2 == 0 for norm in norms)

    def decide(self) -> Config:
        """Fill in what data set and variant decide, and check everything.

        Raises:
            UserError: an option has an impossible value.
        """
        if self.subset not in SUBSETS:
            raise unknown("subset", self.subset, SUBSETS)
        if self.variant not in VARIANTS:
            raise unknown("variant", self.variant, VARIANTS)
        subset = SUBSETS[self.subset]
        said = asdict(self)
        usual_batch = 64 if self.variant == "small" else 128
        said["epochs"] = subset.epochs if self.epochs is None else self.epochs
        said["drops"] = subset.drops if self.drops is None else tuple(self.drops)
        said["batch"] = usual_batch if self.batch is None else self.batch
        for name in ("data", "weights"):
            if said[name] is not None:
                said[name] = str(Path(said[name]).resolve())
        if self.parallel == "columns" and self.lrn and not self.in_columns():
            if self.resume:
                raise UserError(
                    "--parallel columns: in this run, local response normalisation "
                    "looks across the columns; choose images or hybrid"
                )
            said["lrn_groups"] = 2
        config = Config(**said)
        config.check()
        return config


def unknown(option: str, said: str, known: Iterable[str]) -> UserError:
    """The error for a name that is not known."""
    known = list(known)
    return UserError(
        f"{flag(option)} {said}: unknown; there are: {', '.join(known)}"
        + did_you_mean(said, known)
    )


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """What was decided: every option of a run, all checked; see `Options.decide`."""

    epochs: int
    batch: int
    drops: tuple[int, ...]

    def check(self, said: Callable[[str], str] = flag) -> None:
        """Refuse impossible numbers.

        Args:
            said: how the user says an option, from its name here: --lr, or lr.

        Raises:
            UserError: says which option, and what it must be.
        """
        at_least_1 = "epochs steps batch threads classes limit lrn_groups".split()
        for name in at_least_1:
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{said(name)} must be at least 1, and is {value}")
        if not self.lr > 0:
            raise UserError(f"{said('lr')} must be above 0, and is {self.lr}")
        for name in ("momentum", "weight_decay", "dropout"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < 1:
                raise UserError(f"{said(name)} must be in [0, 1), and is {value}")
        if self.seed < 0:
            raise UserError(f"{said('seed')} must not be negative, and is {self.seed}")
