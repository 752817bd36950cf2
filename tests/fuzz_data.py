"""Damage pictures, archives and folders in many ways; each is read or refused.

    python tests/fuzz_data.py --count 2000 --seed 1
    python tests/fuzz_data.py --seed 1 --start 417 --count 1 --keep bad

Whatever lies in a folder or in a zip, `datasets.load` and `read_squares` (of predict)
must bring squares of pixels or a UserError, in one short line that names the file,
within the time and the memory below. Everything else is reported with its number; the
same seed and number make the same files again.

A picture is damaged as in fuzz_weights.py, cut anywhere, or says that it is enormous.
A data set gets names that are no text, links in circles, pipes and devices, members
that would leave the archive, lists that contradict each other.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import gzip
import io
import os
import random
import shutil
import struct
import sys
import tempfile
import time
import warnings
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from fuzz_weights import Finding, Rng, forget_peak, peak, plain
from kinds import checksums_mended, whole_pictures

from npalexnet import datasets
from npalexnet.datasets.pictures import read_squares
from npalexnet.system.errors import UserError

SIDE = 16
SECONDS = 3.0  # of processor time
MOST_SECONDS = 60  # after which the process itself is stopped
BYTES = 250_000_000
TIMES_LARGER = 50  # and so many times the size of all files

MOVING = set("\n\r\t\b\0\x1b\x9b\u2028\u202e")  # they move a cursor, or more
Files = dict[bytes, bytes]  # names need not be text

# ----------------------------------------------------------------------- pictures


def some_picture(rng: Rng) -> tuple[str, bytes]:
    """A picture, whole or damaged."""
    name, data = rng.choice(sorted(whole_pictures().items()))
    how = rng.random()
    if how < 0.25:
        return name, data
    if how < 0.45:
        return name, data[: rng.randrange(len(data) + 1)]
    if how < 0.6:
        return name, checksums_mended(enormous(rng, data))
    if how < 0.65:
        return rng.choice(sorted(whole_pictures())), data  # another format's name
    return name, checksums_mended(plain(rng, data))


def enormous(rng: Rng, data: bytes) -> bytes:
    """Its width or height (20 and 14), wherever it may stand, is another number."""
    old, order = rng.choice([20, 14, 19, 13]), rng.choice([">", "<"])
    size = rng.choice("BHHII")
    new = rng.choice([0, 1, 255, 9999, 65_535, 2**31 - 1, 2**32 - 1, -1])
    new %= 256 ** struct.calcsize(size)
    before, after = (struct.pack(order + size, n) for n in (old, new))
    return data.replace(before, after, rng.choice([1, 1, 2, -1]))


# ---------------------------------------------------------------------- data sets

NAMES = [
    *(b"caf\xe9", b"new\nline", b"esc\x1b[2J", "naïve".encode(), b"tab\t", b" "),
    *(b"$x^2$", b"n" * 200, "\u202egnp".encode(), "\U0001f427".encode(), b"a.png"),
    *(b"-rf", b"%s{0}", b"con", b"'\"", b".hidden", b"train", b"val", b"images"),
]
ROADS = [  # as a member of a zip might be named
    *(b"./cat/0.png", b"cat//0.png", b"cat\\0.png", b"../cat/0.png", b"/etc/0.png"),
    *(b"c:/0.png", b"cat/../../0.png", b"a/" * 300 + b"0.png", b"x" * 60_000, b""),
    *(
        b".",
        b"/",
        b"cat/",
        b"cat",
        b"cat/0.png\0.txt",
        b"\xff\xfe/0.png",
        b"cat/a:b.png",
    ),
    *(b"__MACOSX/cat/._0.png", b"cat\\", b"./", b"cat/0.PNG", b"\xc3\xa9/0.png"),
]


def class_folders(rng: Rng) -> Files:
    """A folder a class, to be split or below train/ and val/."""
    classes = [b"cat", b"dog", *rng.choices(NAMES, k=rng.randint(0, 2))]
    tops = rng.choice([[b""], [b""], [b"train/", b"val/"], [b"deep/er/"]])
    return {
        top + name + b"/%d." % i + kind.split(".")[-1].encode(): data
        for top in tops
        for name in classes
        for i in range(rng.choice([0, 1, 2, 3, 3, 3]))
        for kind, data in [some_picture(rng)]
    }


def tiny_imagenet(rng: Rng) -> Files:
    """Tiny ImageNet's layout, whose lists may be damaged."""
    files, said = {}, []
    for wnid in (b"n1", b"n2"):
        for i in range(2):
            files[b"train/%b/images/%d.JPEG" % (wnid, i)] = some_picture(rng)[1]
        files[b"val/images/%b.JPEG" % wnid] = some_picture(rng)[1]
        said.append(b"%b.JPEG\t%b\t0\t0\t9\t9\n" % (wnid, wnid))
    files[b"wnids.txt"] = b"n1\nn2\n"
    files[b"words.txt"] = b"n1\tone, first\nn2\ttwo\x1b[2J\n"
    files[b"val/val_annotations.txt"] = b"".join(said)
    lists = [b"wnids.txt", b"words.txt", b"val/val_annotations.txt"]
    name = rng.choice(lists)
    how = rng.random()
    if how < 0.2:
        files[name] = b"\xef\xbb\xbf" + files[name].replace(b"\n", b"\r\n")
    elif how < 0.3:
        files[name] *= rng.choice([0, 2, 500])
    elif how < 0.7:
        files[name] = plain(rng, files[name])
    elif how < 0.8:
        del files[rng.choice(list(files))]
    return files


def mnist(rng: Rng) -> Files:
    """MNIST's four files, one of which may be damaged, packed or unpacked."""
    files = {}
    for part in ("train", "val"):
        for name, shape in zip(
            datasets.layouts.IDX[part], ((6, 5, 5), (6,)), strict=True
        ):
            head = bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)
            files[name.encode()] = head + bytes(i % 3 for i in range(np.prod(shape)))
    name = rng.choice(list(files))
    how = rng.random()
    if how < 0.2:
        files[name] = plain(rng, files[name])
    elif how < 0.4:  # other sizes, and bytes to go with them
        sizes = [0, 1, 6, 28, 9999, 100_000, 2**31, 2**32 - 1]
        shape = rng.choices(sizes, k=rng.choice([3, 3, 3, 1]))
        head = bytes((0, 0, 8, len(shape))) + struct.pack(f">{len(shape)}I", *shape)
        files[name] = head + bytes(rng.choice([0, 1, 6, 3000, 10**6, 10**8]))
    packed = {name: gzip.compress(data, 1) for name, data in files.items()}
    if how > 0.7:
        packed[name] = plain(rng, packed[name])
    return packed


def as_folder(rng: Rng, files: Files, path: Path) -> None:
    """Write a folder, with a few things in it that are no files."""
    top = os.fsencode(path)
    os.mkdir(top)
    for name, data in files.items():
        where = os.path.join(top, name)
        with contextlib.suppress(OSError):
            os.makedirs(os.path.dirname(where), exist_ok=True)
            Path(os.fsdecode(where)).write_bytes(data)
    folders = [d for d, _, _ in os.walk(top)]
    for _ in range(rng.choice([0, 0, 1, 3])):
        where = os.path.join(rng.choice(folders), b"%d.png" % rng.randrange(9))
        targets = [b".", b"..", top, b"nowhere", where, b"/dev/zero", b"/proc/self/mem"]
        makers: list[Callable[[], object]] = [
            lambda where=where: os.mkfifo(where),
            lambda where=where: os.mkdir(where),
            *(lambda t=t, where=where: os.symlink(t, where) for t in targets),
            lambda where=where: os.link(top + b"/" + next(iter(files)), where),
        ]
        with contextlib.suppress(OSError, StopIteration):
            rng.choice(makers)()


def as_zip(rng: Rng, files: Files, path: Path) -> None:
    """Write a zip, with strange members in it; sometimes damaged as a whole."""
    names = dict(files)
    for _ in range(rng.choice([0, 0, 1, 2])):
        names[rng.choice(ROADS)] = some_picture(rng)[1]
    if rng.random() < 0.05:
        names[b"cat/bomb.png"] = bytes(rng.choice([10**6, 3 * 10**7]))
    ways = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        for i, (name, data) in enumerate(names.items()):
            # zipfile writes text: a name of as many letters stands for the bytes
            info = zipfile.ZipInfo(b"%07d".decode() % i + "x" * max(0, len(name) - 7))
            info.filename = info.filename[: len(name)]
            info.compress_type = rng.choices(ways, [6, 6, 1])[0]
            archive.writestr(info, data)
            if rng.random() < 0.03:
                archive.writestr(info, data[::-1])
    data = out.getvalue()
    for i, name in enumerate(names):
        data = data.replace((b"%07d" % i + b"x" * len(name))[: len(name)], name)
    how = rng.random()
    if how < 0.1:
        data = data[: rng.randrange(len(data) + 1)]
    elif how < 0.3:
        data = plain(rng, data)
    path.write_bytes(data)


# ---------------------------------------------------------------------- trying


def loaded(path: Path, rng: Rng) -> None:
    """Load a data set; what comes out must be whole.

    Raises:
        UserError: as it may.
    """
    subset = rng.choice(["own", "own", "own", "tiny-imagenet", "fashion-mnist"])
    skip = rng.random() < 0.6
    data = datasets.load(subset, path, SIDE, skip_bad=skip)
    for part in (data.train, data.val):
        assert part.pixels.dtype == np.uint8
        assert part.pixels.ndim == 4 and part.pixels.shape[3] == 3
        assert len(part.pixels) == len(part.labels) == len(part.names) > 0
        assert part.labels.min() >= 0 and part.labels.max() < len(data.classes)
    for name in data.classes:
        name.encode()
        assert not MOVING & set(name) and len(name) <= 200
    assert not any(MOVING & set(line) for line in data.bad)
    datasets.statistics(data.train.pixels)
    datasets.resize_all(data.val.pixels, SIDE)


def looked_at(path: Path, rng: Rng) -> None:
    """Read a picture as predict does.

    Raises:
        UserError: as it may.
    """
    pixels = read_squares([str(path)], rng.choice([SIDE, 64]))
    assert pixels.dtype == np.uint8
    assert pixels.shape[0] == 1 and pixels.shape[1] == pixels.shape[2]


def fault(path: Path, use: Callable[[Path, Rng], None], rng: Rng) -> str | None:
    """What is wrong with how these files are read, or None."""
    size = sum(p.lstat().st_size for p in (path, *path.rglob("*")))
    before = forget_peak()
    start = time.process_time()
    try:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            use(path, rng)
        if MOVING & set(said.getvalue()) - {"\n"}:
            return f"prints {said.getvalue()!r:.200}"
    except UserError as error:
        text = str(error)
        if str(path) not in text or MOVING & set(text) or len(text) > 1000:
            return f"says {text!r:.300}"
        text.encode()
    except Exception as error:
        return f"raises {type(error).__name__}: {error!s:.200}"
    seconds = time.process_time() - start
    taken = peak() - before
    if seconds > SECONDS:
        return f"takes {seconds:.1f} s"
    return (
        f"takes {taken / 1e6:.0f} MB" if taken > BYTES + TIMES_LARGER * size else None
    )


def make(rng: Rng, folder: Path) -> tuple[Path, Callable[[Path, Rng], None]]:
    """A damaged picture, folder or zip; and what is to be done with it."""
    kind = rng.choice(["picture", "picture", "folder", "zip"])
    if kind == "picture":
        name, data = some_picture(rng)
        path = folder / name
        path.write_bytes(data)
        return path, looked_at
    files = rng.choice([class_folders, class_folders, tiny_imagenet, mnist])(rng)
    path = folder / f"data.{kind}"
    (as_folder if kind == "folder" else as_zip)(rng, files, path)
    return path, loaded


def fuzz(seed: int, numbers: Iterable[int], keep: Path | None = None) -> list[Finding]:
    """Read damaged files; returns what went wrong.

    Args:
        seed: says which files.
        numbers: of the files to make.
        keep: a folder in which the last ones are left.
    """
    found = []
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of pictures that it could read
        for number in numbers:
            rng = random.Random(f"{seed}/{number}")
            folder = Path(name) / "there"
            folder.mkdir()
            path, use = make(rng, folder)
            if keep:
                shutil.rmtree(keep, ignore_errors=True)
                shutil.copytree(folder, keep, symlinks=True)
            faulthandler.dump_traceback_later(MOST_SECONDS, exit=True)
            what = fault(path, use, rng)
            faulthandler.cancel_dump_traceback_later()
            if what:
                found.append(Finding(number, path.name, what))
            shutil.rmtree(folder)
    return found


def main() -> int:
    """The command line; the exit status says whether anything was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=1000, help="so many files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first one")
    parser.add_argument("--keep", type=Path, help="leave the last ones in this folder")
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
