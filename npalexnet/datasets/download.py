"""Addresses and checksums of data sets; each is downloaded once, whole, and kept.

Files go to the folder that NPALEXNET_DATA names, else to the usual place for such
things (~/.cache/npalexnet on Linux). Only what is downloaded here is checked against a
size and a checksum; a zip of your own, given with --data, is taken as it is.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from npalexnet.system.errors import UserError

TRIES = 3
SILENCE = 30.0  # seconds without a byte after which an address counts as dead


class Remote(NamedTuple):
    """A file on the internet: address, size in bytes, checksum as "sha256:..."."""

    address: str
    size: int
    checksum: str

    @property
    def file(self) -> str:
        """Its name."""
        return self.address.rsplit("/", 1)[-1]


TINY_IMAGENET = (
    Remote(
        "http://cs231n.stanford.edu/tiny-imagenet-200.zip",
        248_100_043,
        "sha256:6198c8ae015e2b3e007c7841da39ec069199b9aa3bfa943a462022fe5e43c821",
    ),
)
_FASHION = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
FASHION_MNIST = tuple(
    Remote(f"{_FASHION}{name}.gz", size, f"md5:{md5}")
    for name, size, md5 in (
        ("train-images-idx3-ubyte", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    )
)


def data_folder() -> Path:
    """Where downloads and caches are kept: NPALEXNET_DATA, else the usual place."""
    import pooch

    named = os.environ.get("NPALEXNET_DATA")
    try:
        folder = os.path.expanduser(named) if named else pooch.os_cache("npalexnet")
    except RuntimeError:  # nobody's home
        folder = "~"
    if str(folder).startswith("~"):  # which would become a folder of that name
        folder = Path(tempfile.gettempdir()) / "npalexnet"
    return Path(folder)


def check_room(folder: Path, needed: int, what: str) -> None:
    """Make sure that the disk has room before anything is written.

    Raises:
        UserError: it has none, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise UserError(
            f"{folder} cannot be used to keep {what} ({error.strerror}); name another "
            "folder in the environment variable NPALEXNET_DATA"
        ) from None
    if free < needed:
        raise UserError(
            f"{what} needs {needed / 1e6:,.0f} MB in {folder}, where {free / 1e6:,.0f} "
            "MB are free; make room, or name another folder in the environment "
            "variable NPALEXNET_DATA"
        )


def fetch(remotes: tuple[Remote, ...], folder: Path) -> None:
    """Download what is not yet in the folder.

    A file that is there already is checked against its checksum, and fetched again if
    it differs. New files are written under another name and renamed when complete.

    Args:
        remotes: the files.
        folder: where they go.

    Raises:
        UserError: no connection, a file other than the expected one, no room.
    """
    missing = [r for r in remotes if not _whole(folder / r.file, r)]
    size = sum(r.size for r in missing)
    if not missing:
        return
    check_room(folder, size, "the download")
    print(f"downloading {size / 1e6:,.0f} MB to {folder}, once", flush=True)
    for remote in missing:
        for attempt in range(1, TRIES + 1):
            cause = _attempt(remote, folder)
            if not cause:
                break
            if attempt < TRIES:
                print(f"{cause}: trying again", file=sys.stderr, flush=True)
        else:
            raise UserError(
                f"{remote.address} could not be downloaded ({cause}); get it by other "
                f"means and put it at {folder / remote.file}, or name it with --data"
            )


def _attempt(remote: Remote, folder: Path) -> str:
    """Try to download it; returns "", or what went wrong."""
    import pooch
    import requests

    pooch.get_logger().setLevel("ERROR")
    bar = tqdm(
        total=remote.size,
        unit="B",
        unit_scale=True,
        desc=remote.file,
        leave=False,
        mininterval=0.1 if sys.stderr.isatty() else 30,
    )
    try:
        pooch.retrieve(
            remote.address,
            remote.checksum,
            remote.file,
            folder,
            downloader=pooch.HTTPDownloader(progressbar=bar, timeout=SILENCE),
        )
    except requests.Timeout:
        return f"no answer for {SILENCE:g} s"
    except requests.HTTPError as error:
        return str(error).split(" for url")[0]
    except requests.ConnectionError as error:
        silent = "timed out" in str(error)  # in the middle of the file
        return f"no answer for {SILENCE:g} s" if silent else "no connection"
    except requests.RequestException as error:
        return type(error).__name__
    except ValueError:  # pooch's word for a wrong checksum
        return f"what came is not the file of {remote.size:,} bytes that was expected"
    except OSError as error:
        return error.strerror or str(error)
    finally:
        bar.close()
    return ""


def _whole(path: Path, remote: Remote) -> bool:
    """Is the file there, of the right size and checksum?"""
    import pooch

    if not path.exists() or path.stat().st_size != remote.size:
        return False
    kind, _, value = remote.checksum.partition(":")
    return bool(pooch.file_hash(str(path), alg=kind) == value)
