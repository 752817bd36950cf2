"""The wheel and the sdist, as a stranger gets them: `make wheel`.

Both are built. The wheel is installed into an environment of its own, and used in an
empty folder: it must name the picture's class, copy the course out, and answer for its
version. The sdist is unpacked, and some of its tests are run there.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

TOP = Path(__file__).parent.parent
SOME_TESTS = ["tests/test_conv.py", "tests/test_optim.py"]


def run(*command: str | Path, cwd: Path, **env: str) -> str:
    """A command, which must succeed; what it printed, after its time was told."""
    began = time.perf_counter()
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=clean | env, text=True, capture_output=True
    )
    words = " ".join(Path(str(word)).name for word in command[:4])
    print(f"{time.perf_counter() - began:5.1f} s  {words}", flush=True)
    if done.returncode != 0:
        raise SystemExit(f"{done.stdout}\n{done.stderr}\nfailed: {words}")
    return done.stdout


def try_wheel(wheel: Path, folder: Path) -> None:
    venv.create(folder / "env", with_pip=True)
    scripts = folder / "env" / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--quiet", wheel, cwd=folder)
    empty = folder / "empty"
    empty.mkdir()
    with zipfile.ZipFile(TOP / "data" / "emoji64.zip") as pictures:
        (name,) = (n for n in pictures.namelist() if n.endswith("val_280.JPEG"))
        (empty / "picture.jpg").write_bytes(pictures.read(name))
    npalexnet = scripts / "npalexnet"
    said = run(npalexnet, "predict", "picture.jpg", cwd=empty, HOME=str(folder))
    likeliest = next(line for line in said.splitlines() if "%" in line)
    assert "vehicle" in likeliest, said
    run(npalexnet, "notebooks", "course", cwd=empty)
    assert len(list((empty / "course").rglob("*.ipynb"))) >= 18
    version = run(
        scripts / "python",
        "-c",
        "import npalexnet as n; print(n.__version__)",
        cwd=empty,
    )
    assert wheel.name.startswith(f"npalexnet-{version.strip()}")


def try_sdist(sdist: Path, folder: Path) -> None:
    with tarfile.open(sdist) as file:
        file.extractall(folder, filter="data")
    (unpacked,) = folder.glob("npalexnet-*")
    run(
        sys.executable, "-m", "pytest", "-q", *SOME_TESTS,
        cwd=unpacked, PYTHONPATH=str(unpacked),
    )  # fmt: skip


def main() -> None:
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run(sys.executable, "-m", "build", "--outdir", folder / "dist", cwd=TOP)
        (wheel,) = (folder / "dist").glob("*.whl")
        (sdist,) = (folder / "dist").glob("*.tar.gz")
        for file in (wheel, sdist):
            print(f"         {file.name}: {file.stat().st_size / 1e6:.1f} MB")
        try_wheel(wheel, folder)
        try_sdist(sdist, folder)


if __name__ == "__main__":
    main()
