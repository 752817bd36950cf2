"""Damage small files of weights in many ways, and see that each is loaded or refused.

    python tests/fuzz_weights.py --count 2000 --seed 1
    python tests/fuzz_weights.py --seed 1 --start 417 --count 1 --keep bad.pth

Whatever is in a file, `npalexnet.load` and `weights.read` must bring weights or a
UserError, in one line that names the file, within the time and the memory that
npalexnet/weights/limits.py promises. Everything else is reported with its number; the
same seed and number make the same file again.

Random bytes alone are caught by the first checksum. So a zip is also taken apart, one
of its members damaged, and put together with checksums that are right; and a value in a
table in JSON is exchanged for one that does not belong there.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import random
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import npalexnet
from npalexnet import weights
from npalexnet.layers import Conv2d, Flatten, Linear
from npalexnet.system.errors import UserError

FILES = Path(__file__).parent / "oracle" / "weights"
PROC = Path("/proc/self")
SECONDS = 2.0  # of processor time
MOST_SECONDS = 30  # after which the process itself is stopped
BYTES = 200_000_000
NUMBERS = [0, 1, 127, 128, 255, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**64 - 1]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 2**40, 2**63, 10**400, 1e308, float("nan")),
    *("", "F32", "BF16", "<f8", "U99999999", "float64", "%99999999d", "😀\ud800"),
    *([], {}, [[]], [0], [-1], [2**40, 2**40], {"a": 1}, [[[[[[[[1]]]]]]]]),
]

Rng = random.Random
Damage = Callable[[Rng, bytes], bytes]


class Finding(NamedTuple):
    """What went wrong with a damaged file."""

    number: int  # which file of this seed
    name: str  # the file that was damaged
    what: str


# ------------------------------------------------------------------- whole files


def whole_files() -> dict[str, bytes]:
    """Small files by name: of PyTorch, Caffe, safetensors, NumPy, and ours."""
    found = {p.name: p.read_bytes() for p in sorted(FILES.iterdir())}
    del found["logits.npz"], found["expected.npz"]
    rng = np.random.default_rng(0)
    layers = {"conv1": Conv2d(3, 2, 3), "flat": Flatten(), "fc8": Linear(8, 2)}
    graph = npalexnet.Graph(layers, (3, 4, 4))
    names = {"features.0.weight": (4, 3, 2, 2), "features.0.bias": (4,)}
    arrays = {n: rng.standard_normal(s).astype(np.float32) for n, s in names.items()}
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("npz", "safetensors"):
            path = Path(folder) / f"own.{suffix}"
            npalexnet.save(path, graph, step=3, velocity={"conv1.w": np.ones(3)})
            found[path.name] = path.read_bytes()
        for save in (np.savez, np.savez_compressed):
            path = Path(folder) / f"{save.__name__}.npz"
            save(path, **arrays)
            found[path.name] = path.read_bytes()
    return found


# ------------------------------------------------------------------------ damage


def some_part(rng: Rng, data: bytes) -> tuple[int, int]:
    """Where a part begins and ends: short or long, and often in front."""
    start = rng.randrange(len(data) + 1)
    if rng.random() < 0.4:
        start = rng.randrange(min(len(data), 300) + 1)
    return start, min(len(data), start + int(2 ** rng.uniform(0, 12)))


def other_bytes(rng: Rng, data: bytes) -> bytes:
    """A few bytes are others."""
    changed = bytearray(data)
    for _ in range(rng.randint(1, 4) if data else 0):
        changed[some_part(rng, data[:-1])[0]] = rng.choice(
            [rng.randrange(256), 0, 255, changed[rng.randrange(len(data))]]
        )
    return bytes(changed)


def other_number(rng: Rng, data: bytes) -> bytes:
    """A number is written over what was there, in 1 to 8 bytes."""
    start, size = some_part(rng, data)[0], rng.choice([1, 2, 4, 8])
    number = rng.choice(NUMBERS) % 256**size
    order = "big" if rng.random() < 0.1 else "little"
    return data[:start] + number.to_bytes(size, order) + data[start + size :]


def without_part(rng: Rng, data: bytes) -> bytes:
    """A part is missing."""
    start, stop = some_part(rng, data)
    return data[:start] + data[stop:]


def part_again(rng: Rng, data: bytes) -> bytes:
    """A part comes twice, or very often."""
    start, stop = some_part(rng, data)
    times = int(2 ** rng.uniform(1, 17)) if stop - start < 9 else rng.randint(2, 9)
    return data[:start] + data[start:stop] * times + data[stop:]


def part_elsewhere(rng: Rng, data: bytes) -> bytes:
    """A part is copied over another one."""
    start, stop = some_part(rng, data)
    to = some_part(rng, data)[0]
    return data[:to] + data[start:stop] + data[to + stop - start :]


def cut_short(rng: Rng, data: bytes) -> bytes:
    """The end is missing."""
    return data[: some_part(rng, data)[0]]


def other_digit(rng: Rng, data: bytes) -> bytes:
    """A digit in a text becomes several, or a sign."""
    places = [i for i, byte in enumerate(data[:100_000]) if 48 <= byte < 58]
    if not places:
        return data
    at = rng.choice(places)
    new = rng.choice([b"9", b"-", b".", b"99999", b"9" * 5000, b"(", b",", b"'a'"])
    return data[:at] + new + data[at + 1 :]


PLAIN: list[Damage] = [
    *(other_bytes, other_number, without_part, part_again, part_elsewhere),
    *(cut_short, other_digit),
]


def plain(rng: Rng, data: bytes) -> bytes:
    """One to three kinds of damage, one after the other."""
    for damage in rng.choices(PLAIN, k=rng.randint(1, 3)):
        data = damage(rng, data) or b"\0"
    return data


def zip_again(rng: Rng, data: bytes) -> bytes:
    """One member of a zip is damaged, and the zip written anew."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    telling = [n for n in members if n.endswith(("data.pkl", "about.npy"))]
    name = rng.choice(telling if telling and rng.random() < 0.5 else [*members])
    members[name] = (in_json if name == "about.npy" else plain)(rng, members[name])
    if rng.random() < 0.1:
        members[rng.choice([*members])] = rng.choice([*members.values()])
    file = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if rng.random() < 0.2 else zipfile.ZIP_STORED
    with zipfile.ZipFile(file, "w", kind) as archive:
        for name, member in members.items():
            archive.writestr(name, member)
    return file.getvalue()


def in_json(rng: Rng, data: bytes) -> bytes:
    """A value in "about.npy", or in the table of a .safetensors, is another one."""
    if data[:6] == b"\x93NUMPY":
        said = json.loads(str(np.load(io.BytesIO(data))))
        file = io.BytesIO()
        np.save(file, np.array(json.dumps(exchanged(rng, said))))
        return file.getvalue()
    size = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + size])
    texts = table.get("__metadata__", {})
    if "npalexnet" in texts and rng.random() < 0.5:
        about = exchanged(rng, json.loads(texts["npalexnet"]))
        texts["npalexnet"] = json.dumps(about)
    else:
        table = exchanged(rng, table)
    text = json.dumps(table).encode()
    return len(text).to_bytes(8, "little") + text + data[8 + size :]


def exchanged(rng: Rng, value: Any) -> Any:
    """The value, with something in it exchanged, missing, or added."""
    if not value or not isinstance(value, dict | list) or rng.random() < 0.1:
        return rng.choice(VALUES)
    places: Any = range(len(value)) if isinstance(value, list) else sorted(value)
    at = rng.choice(places)
    if rng.random() < 0.1:
        del value[at]
    elif isinstance(value, dict) and rng.random() < 0.1:
        value[rng.choice(["std", "rng", "groups", *value])] = rng.choice(VALUES)
    else:
        value[at] = exchanged(rng, value[at])
    return value


def damaged(rng: Rng, files: dict[str, bytes]) -> tuple[str, str, bytes]:
    """(name of a whole file, suffix, bytes) of a damaged one."""
    name = rng.choice(sorted(files))
    data, suffix = files[name], Path(name).suffix
    kinds = [plain]
    kinds += [zip_again] * 3 if data[:2] == b"PK" else []
    kinds += [in_json] * 2 if suffix == ".safetensors" else []
    data = rng.choice(kinds)(rng, data)
    if rng.random() < 0.1:
        suffix = rng.choice(["", ".npz", ".pth", ".safetensors", ".caffemodel"])
    return name, suffix, data


# ------------------------------------------------------------------------ loading


def peak() -> int:
    """The most memory this process has had, in bytes; 0 where Linux's /proc is not.

    What counts is memory that was touched: a network is made of zeros, which take no
    room until they are filled, so tracemalloc would count them too early.
    """
    if not PROC.exists():
        return 0
    lines = (PROC / "status").read_text().splitlines()
    return next(1024 * int(s.split()[1]) for s in lines if s.startswith("VmHWM"))


def forget_peak() -> int:
    """Let `peak` begin anew; returns what this process has now."""
    if PROC.exists():
        (PROC / "clear_refs").write_text("5")
    return peak()


def fault(path: Path, use: Callable[[Path], Any]) -> str | None:
    """What is wrong with how this file is opened, or None."""
    room = BYTES + 4 * path.stat().st_size
    before = forget_peak()
    start = time.process_time()
    try:
        found = use(path)
        graphs = [found] if isinstance(found, npalexnet.Graph) else []
        room += sum(4 * p.data.nbytes for g in graphs for p in g.params.values())
    except UserError as error:
        if "\n" in str(error) or str(path) not in str(error):
            return f"says {str(error)!r:.200}"
    except Exception as error:
        return f"raises {type(error).__name__}: {error!s:.200}"
    seconds = time.process_time() - start
    taken = peak() - before
    if seconds > SECONDS:
        return f"takes {seconds:.1f} s"
    return f"takes {taken / 1e6:.0f} MB" if taken > room else None


def fuzz(seed: int, numbers: Iterable[int], keep: Path | None = None) -> list[Finding]:
    """Open damaged files; returns what went wrong.

    Args:
        seed: says which files.
        numbers: of the files to make.
        keep: the last one is left here.
    """
    files, found = whole_files(), []
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        for number in numbers:
            name, suffix, data = damaged(Rng(f"{seed}/{number}"), files)
            path = Path(folder) / f"net{suffix}"
            path.write_bytes(data)
            if keep:
                keep.write_bytes(data)
            faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
            for use in (weights.read, npalexnet.load):
                what = fault(path, use)
                if what:
                    found.append(Finding(number, name, f"{use.__name__} {what}"))
            faulthandler.cancel_dump_traceback_later()
            path.unlink()
    return found


def main() -> int:
    """The command line; the exit status says whether anything was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="so many files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--keep", type=Path, help="leave the last file here")
    given = parser.parse_args()
    numbers = range(given.start, given.start + given.count)
    found = fuzz(given.seed, numbers, given.keep)
    for finding in found:
        print(f"seed {given.seed}, file {finding.number} ({finding.name}): ", end="")
        print(finding.what)
    print(f"{given.count} files, {len(found)} findings")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
