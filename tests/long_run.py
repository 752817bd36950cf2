"""Trains as `python -m npalexnet.train` does and tells where it is, for the tests.

Checkpoints are written all the time, in two halves with a pause between them, and there
is a pause between a row of the log and its checkpoint: so a test can kill the process
exactly there. Lines that begin with @ say what it is doing.
"""

import io
import sys
import time

from npalexnet import train
from npalexnet.training import loop
from npalexnet.training.progress import Progress
from npalexnet.training.trainer import Trainer
from npalexnet.weights import checkpoint

PAUSE = 0.15
loop.SAVE_EVERY = 0.2


def tell(what):
    print(f"@{what}", flush=True)


def write_in_halves(path, write):
    def slowly(file):
        whole = io.BytesIO()
        write(whole)
        middle = len(whole.getvalue()) // 2
        file.write(whole.getvalue()[:middle])
        file.flush()
        tell("checkpoint")
        time.sleep(PAUSE)
        file.write(whole.getvalue()[middle:])

    plain_write_whole(path, slowly)


def save_best_late(run, result):
    tell("row")
    time.sleep(PAUSE)
    plain_save_best(run, result)


def step_and_tell(progress, run_state, steps):
    tell("step")
    plain_step(progress, run_state, steps)


plain_write_whole, checkpoint.write_whole = checkpoint.write_whole, write_in_halves
plain_save_best, Trainer.save_best = Trainer.save_best, save_best_late
plain_step, Progress.step = Progress.step, step_and_tell

if __name__ == "__main__":
    sys.exit(train.main(sys.argv[1:]))
