"""Train `small` on emoji64.zip and write its weights as emoji-small.npz (4 MB).

    python data/build_emoji_net.py              two minutes
    python data/build_emoji_net.py --run RUN    takes a run that is already there

The weights are rounded to 16 bits, half the size; the script says what that changes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from npalexnet import datasets, load, train
from npalexnet.evaluate import evaluate
from npalexnet.system.files import write_whole

HERE = Path(__file__).parent


def main() -> int:
    """Train, round, write, test."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--run", type=Path, help="a finished run on emoji")
    parser.add_argument("--out", type=Path, default=HERE / "emoji-small.npz")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = args.run or Path(folder) / "run"
        if args.run is None and train.main(["--subset", "emoji", "--out", str(run)]):
            return 1
        with np.load(run / "best.npz") as file:
            arrays = {name: file[name] for name in file.files}
        about = json.loads(str(arrays["about"]))
        about["extra"] = {}  # when and where it was trained is no matter
        arrays["about"] = np.array(json.dumps(about))
        for name, array in arrays.items():
            if array.dtype == np.float32:
                arrays[name] = array.astype(np.float16)
        write_whole(args.out, lambda out: np.savez(out, **arrays))  # type: ignore[arg-type]
        pictures = datasets.load("emoji").val
        for path in (run / "best.npz", args.out):
            result = evaluate(load(path), pictures)
            print(f"{path.name}: top-1 {result.top1:.3f}, loss {result.loss:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
