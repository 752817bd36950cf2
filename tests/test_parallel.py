"""Networks divided over ranks: who holds what, and that it trains as in one process.

Twenty steps are compared in float64, to twelve digits, and in float32, to the rounding.
In float32 with longer steps nothing can be compared: every few steps some unit stands
so close to a kink (ReLU at 0, two equal pixels in a pooling window) that rounding
decides, which changes a gradient by as much as a thousandth. One thread and two threads
of the same process differ by as much.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from time import monotonic

import numpy as np
import on_ranks
import pytest
from contract import Scale

from npalexnet import Graph, alexnet
from npalexnet.layers import LRN, Conv2d, Flatten, Linear, ReLU
from npalexnet.parallel import ParallelGraph, Ranks, predicted
from npalexnet.parallel.plan import plan, shard_layer, shard_of
from npalexnet.system.errors import UserError

MPIEXEC = shutil.which("mpiexec", path=Path(sys.executable).parent) or shutil.which(
    "mpiexec"
)
needs_mpi = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or MPIEXEC is None,
    reason="MPI is not installed; pip install 'npalexnet[mpi]'",
)


def in_columns(graph):
    for layer in graph.layers.values():
        if isinstance(layer, LRN):
            layer.groups = 2
    return graph


@pytest.fixture(scope="module")
def paper():
    return in_columns(alexnet("paper"))


# ------------------------------------------------------------ who holds what


def test_columns_talk_where_the_papers_gpus_talked(paper):
    pieces = plan(paper, "columns", 2)
    assert [p.names[0] for p in pieces if p.gathers is not None] == [
        "conv3",
        "fc6",
        "fc7",
        "fc8",
    ]
    assert {p.parallel_over for p in pieces} == {"features"}


def test_hybrid_gathers_images_once_and_then_units(paper):
    pieces = plan(paper, "hybrid", 4)
    assert [(p.names[0], p.parallel_over, p.gathers) for p in pieces] == [
        ("conv1", "batch", None),
        ("fc6", "features", 0),
        ("fc7", "features", 1),
        ("fc8", "features", 1),
    ]


def test_images_gather_nothing_on_the_way(paper):
    assert {(p.parallel_over, p.gathers) for p in plan(paper, "images", 3)} == {
        ("batch", None)
    }


def test_a_column_holds_half_of_everything(paper):
    held = 0
    for name, layer in paper.layers.items():
        mine = shard_layer(layer, 1, 2)
        for key, param in layer.params.items():
            own = mine.params[key].data
            half = len(param.data) // 2
            assert np.array_equal(own, param.data[half:]), name
            held += own.size
        if isinstance(layer, Conv2d | LRN):
            assert mine.groups == max(1, layer.groups // 2), name
    assert 2 * held == 60_965_224
    assert shard_layer(paper.layers["conv2"], 0, 2).in_channels == 48
    assert shard_layer(paper.layers["conv3"], 0, 2).in_channels == 256


@pytest.mark.parametrize(("count", "size"), [(10, 3), (1, 4), (0, 2), (4096, 3)])
def test_shares_neither_overlap_nor_leave_out(count, size):
    numbers = [n for r in range(size) for n in range(count)[shard_of(count, r, size)]]
    assert numbers == list(range(count))


@pytest.mark.parametrize(
    ("graph", "scheme", "size", "says"),
    [
        (lambda: alexnet("small", 4), "columns", 2, "norm1 .* needs groups=2"),
        (lambda: in_columns(alexnet("small", 4)), "columns", 3, "start|evenly|groups"),
        (lambda: alexnet("small", 4), "rows", 2, "unknown scheme 'rows'"),
        (
            lambda: Graph({"a": Conv2d(2, 3, 1), "b": Scale(3)}, (2, 1, 1)),
            "columns",
            3,
            "b cannot .* parameters of a Scale",
        ),
        (lambda: Graph({"relu": ReLU()}, (2, 1, 1)), "columns", 2, "first layer must"),
        (
            lambda: Graph({"a": Conv2d(2, 4, 1, groups=2)}, (2, 1, 1)),
            "columns",
            2,
            "first layer must see all",
        ),
        (
            lambda: Graph({"a": Conv2d(2, 6, 1, groups=2)}, (2, 1, 1)),
            "columns",
            3,
            "2 groups; start as many ranks",
        ),
    ],
)
def test_what_cannot_be_divided_is_refused_in_words(graph, scheme, size, says):
    with pytest.raises(UserError, match=says):
        plan(graph(), scheme, size)


# -------------------------------------------------------------------- how many bytes


def test_bytes_of_the_paper_by_hand(paper):
    batch, ranks = 128, 2
    columns = predicted(paper, "columns", ranks, batch)
    exchanged = {"conv3": 256 * 13 * 13, "fc6": 9216, "fc7": 4096, "fc8": 4096}
    expected = {
        (name, way): 4 * batch * values
        for name, values in exchanged.items()
        for way in ("forward", "backward")
    }
    assert columns == {**expected, ("(output)", "forward"): 4 * batch * 1000}

    images = predicted(paper, "images", ranks, batch)
    gradients = {n for (_, way), n in images.items() if way == "gradients"}
    assert sum(gradients) == 2 * 4 * 60_965_224
    assert images["conv1", "gradients"] == 2 * 4 * 34_944
    assert images["fc6", "gradients"] == 2 * 4 * 37_752_832

    hybrid = predicted(paper, "hybrid", 5, batch)
    assert hybrid["fc6", "forward"] == 4 * 4 * batch * 9216
    assert hybrid["conv5", "gradients"] == 2 * 4 * 4 * 442_624
    assert ("fc6", "gradients") not in hybrid


def test_one_rank_sends_nothing(paper):
    for scheme in ("columns", "images", "hybrid"):
        assert predicted(paper, scheme, 1, 128) == {}


# ---------------------------------------------------------------- one rank, no MPI


@pytest.mark.parametrize("scheme", ["columns", "images", "hybrid"])
def test_one_rank_is_one_process_to_the_last_bit(scheme):
    def network():
        return on_ranks.network(scheme == "columns", True, "float32")

    expected = on_ranks.train(network())
    found = on_ranks.train(ParallelGraph(network(), scheme, Ranks()))
    assert set(found) == set(expected)
    for name, array in expected.items():
        assert np.array_equal(found[name], array), name


def test_without_mpiexec_mpi4py_is_never_imported():
    code = (
        "import sys; sys.modules['mpi4py'] = None; "  # importing it would raise
        "import npalexnet.train, npalexnet.parallel as p; "
        "assert p.world().size == 1"
    )
    environment = {k: v for k, v in os.environ.items() if "PMI" not in k}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


def test_mpiexec_without_mpi4py_says_what_to_install(monkeypatch):
    from npalexnet.parallel import world

    monkeypatch.setenv("PMI_RANK", "0")
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(UserError, match=r"pip install 'npalexnet\[mpi\]'"):
        world()


def test_calls_out_of_order_are_refused():
    graph = Graph({"flat": Flatten(), "fc": Linear(4, 2)}, (1, 2, 2))
    parallel = ParallelGraph(graph, "images", Ranks())
    with pytest.raises(RuntimeError, match="keep=True"):
        parallel.backward(np.ones((1, 2)))
    parallel.forward(np.ones((1, 1, 2, 2)))
    with pytest.raises(ValueError, match="dy must be"):
        parallel.backward(np.ones((2, 2)))
    drops = ParallelGraph(alexnet("small", 2), "images", Ranks())
    with pytest.raises(ValueError, match="give an rng"):
        drops.forward(np.ones((1, 3, 56, 56)), train=True)


# ------------------------------------------------------------------- several ranks


def mpiexec(ranks, *arguments, timeout=200):
    """Start on_ranks.py so many times; what came of it."""
    command = [MPIEXEC, "-n", str(ranks), sys.executable, on_ranks.__file__, *arguments]
    folder = str(Path(__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": folder}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout, env=environment
    )


SCHEMES = {2: ("columns", "images", "hybrid"), 3: ("images", "hybrid")}
SCHEMES[4] = SCHEMES[3]
CASES = [(ranks, scheme) for ranks, schemes in SCHEMES.items() for scheme in schemes]


@pytest.fixture(scope="module")
def one_process():
    """What one process does; also compiles the kernels, once for all ranks."""
    return {
        (columns, dropout, dtype): on_ranks.train(
            on_ranks.network(columns, dropout, dtype)
        )
        for columns in (False, True)
        for dropout, dtype in on_ranks.CASES
    }


@pytest.fixture(scope="module")
def folders(one_process, tmp_path_factory):
    """For each number of ranks, the folder with what they found."""
    found = {}
    for ranks, schemes in SCHEMES.items():
        found[ranks] = tmp_path_factory.mktemp(f"ranks{ranks}")
        done = mpiexec(ranks, "steps", str(found[ranks]), *schemes)
        assert done.returncode == 0, done.stderr
    return found


def differences(found, expected, start):
    """Relative difference of each array that was found.

    Of the weights it is taken relative to what was LEARNED: relative to the weights
    themselves, which twenty steps hardly move, a wrong gradient could hide.
    """
    assert set(found) == set(expected)
    for name, array in expected.items():
        scale = array - start[name].data if name in start else array
        difference = np.linalg.norm(found[name] - array)
        yield name, difference / np.linalg.norm(scale)


@pytest.mark.slow
@needs_mpi
@pytest.mark.parametrize("dropout", [False, True], ids=["", "dropout"])
@pytest.mark.parametrize(("ranks", "scheme"), CASES)
def test_many_ranks_train_as_one_process_does(
    ranks, scheme, dropout, folders, one_process
):
    columns = scheme == "columns"
    start = on_ranks.network(columns, dropout, "float64").params
    found = np.load(folders[ranks] / f"{scheme}-{dropout}-float64.npz")
    expected = one_process[columns, dropout, "float64"]
    for name, difference in differences(found, expected, start):
        assert difference < 1e-12, name


@pytest.mark.slow
@needs_mpi
@pytest.mark.parametrize("mutant", on_ranks.MUTANTS)
def test_a_mistake_would_be_noticed(mutant, folders, one_process):
    scheme = on_ranks.MUTANTS[mutant][0]
    losses = np.load(folders[2] / f"{mutant}.npz")["losses"]
    expected = one_process[scheme == "columns", True, "float64"]["losses"]
    assert np.abs(losses - expected[: len(losses)]).max() > 1e-3


@pytest.mark.slow
@needs_mpi
@pytest.mark.parametrize(("ranks", "scheme"), CASES)
def test_in_float32_they_do_up_to_rounding(ranks, scheme, folders, one_process):
    """A rank has another number of images, and another way to add up.

    That is rounding, 1e-6 for the tiles of a convolution. Then a ReLU near 0 opens on
    one side and not on the other, and from there on it grows with every step: after
    twenty of them to about 1 % of a loss.
    """
    found = np.load(folders[ranks] / f"{scheme}-False-float32.npz")
    expected = one_process[scheme == "columns", False, "float32"]
    losses, wanted = found["losses"], expected["losses"]
    np.testing.assert_allclose(losses[:6], wanted[:6], rtol=1e-4)
    np.testing.assert_allclose(losses, wanted, rtol=0.03)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype
        if name.endswith(".w") and not name.startswith("velocity"):
            difference = np.linalg.norm(found[name] - array)
            assert difference < 0.01 * np.linalg.norm(array), name


@pytest.mark.slow
@needs_mpi
@pytest.mark.parametrize(("ranks", "scheme"), CASES)
def test_bytes_sent_are_the_bytes_predicted(ranks, scheme, folders):
    with np.load(folders[ranks] / f"{scheme}-sent.npz") as file:
        sent = {name: int(file[name]) for name in file.files}
    graph = on_ranks.network(scheme == "columns", True, "float32")
    said = predicted(graph, scheme, ranks, 17)
    assert sent == {" ".join(key): n for key, n in said.items()}


@pytest.mark.slow
@needs_mpi
@pytest.mark.parametrize(
    ("who", "how", "says", "status"),
    [
        ("1", "raise", "error: rank 1: RuntimeError: a bug on two lines (on_ranks.", 1),
        ("0", "raise", "error: rank 0: RuntimeError: a bug on two lines (on_ranks.", 1),
        ("2", "mended", "error: rank 2: no such file; give another", 2),
        ("all", "mended", "error: no such file; give another", 2),
        ("all", "raise", "error: RuntimeError: a bug on two lines (on_ranks.", 1),
        ("1", "killed", None, None),
    ],
)
def test_if_one_rank_fails_all_end_and_one_line_says_why(who, how, says, status):
    began = monotonic()
    done = mpiexec(3, "fail", who, how, timeout=60)
    assert monotonic() - began < 15
    assert done.returncode != 0
    ours = [line for line in done.stderr.splitlines() if line.startswith("error:")]
    assert "Traceback" not in done.stderr
    if says is None:  # a killed rank says nothing; mpiexec does
        assert ours == []
        return
    assert len(ours) == 1
    assert ours[0].startswith(says)
    assert done.returncode == status


@pytest.mark.parametrize("size", ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS"])
def test_processes_that_were_started_together_are_noticed(size, monkeypatch):
    from npalexnet.parallel import ranks

    for name in (*ranks.SIZES, *ranks.MARKS):
        monkeypatch.delenv(name, raising=False)
    assert not ranks.started_often()
    monkeypatch.setenv(size, "4")
    assert ranks.started_often()
    assert ranks.world().size == 1  # inside srun's allocation, but not started by it
