"""Memory counted before it is taken: of a training step, and saved per image.

The layers ask an engine for their arrays in the same order, through the same stages and
blocks, as in a real step, and compute nothing (`Layer.reserve`). What they get has a
size, but no memory behind it.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from npalexnet.layers.layer import Array, Layer, Workspace
from npalexnet.net.engine import Batch, Engine, Stage

MANY = 1024  # images whose arrays are counted block by block


def promise(size: int, dtype: np.dtype[Any]) -> Array:
    """An array that has a size, but no memory: all its numbers are the same one."""
    return np.broadcast_to(np.zeros((), dtype), (size,))


def step_memory(engine: Engine, images: int) -> int:
    """Bytes of all arrays that a training step asks for.

    Args:
        engine: runs the chain.
        images: in the batch.
    """
    if images == 0:
        return 0
    if images > MANY:  # each further image takes as much as the one before
        whole = step_memory(engine, MANY)
        per_image = (whole - step_memory(engine, MANY // 2)) / (MANY // 2)
        return whole + round((images - MANY) * per_image)
    dry = Engine(
        engine.layers,
        engine.input_shapes[engine.first],
        engine.dtype,
        copies_input=engine.copies_input,
        allocate=promise,
    )
    batch = dry.batch(images, train=True, keep=True, masks={})
    learned = False
    for stage in dry.stages():
        reserve(dry, stage, batch, need_dx=learned)
        learned |= any(dry.layers[name].params for name in stage.names)
    masks = sum(
        images * prod(dry.input_shapes[name])
        for name, layer in dry.layers.items()
        if draws(layer)
    )
    return dry.held() + masks


def reserve(engine: Engine, stage: Stage, batch: Batch, need_dx: bool) -> None:
    """Ask for all arrays of a stage, forward and backward."""
    whole = stage.parallel_over == "features"
    y = None if whole else engine.stage_output(stage, batch)
    if need_dx:
        engine.stage_dx(stage, batch)
    back = engine.from_first_learned(stage.names)

    def work(thread: int, block: int, images: slice) -> None:
        count = images.stop - images.start
        if engine.copies_input and stage.names[0] == engine.first:
            ws = engine.workspace(engine.first, batch, thread, block)
            ws.saved("x", (count, *engine.input_shapes[engine.first]))
        for name in stage.names:
            into = y[images] if y is not None and name == stage.names[-1] else None
            ws = engine.workspace(name, batch, thread, block, stage, into)
            ws.need_dx = need_dx or name in back[1:]
            engine.layers[name].reserve(ws, (count, *engine.input_shapes[name]))

    for thread in range(1, len(engine.ranges(stage, batch))):
        engine.gradients(stage.names, batch, thread, zeros=False)
    engine.each_block(stage, batch, work)


def saved_per_image(engine: Engine, name: str) -> int:
    """Bytes that a layer saves for backward, for one image."""
    store: dict[Any, Array] = {}
    saves = engine.saves_output[name]
    ws = Workspace(store, engine.dtype, name, saves_output=saves, allocate=promise)
    layer, shape = engine.layers[name], engine.input_shapes[name]
    layer.reserve(ws, (1, *shape))
    saved = sum(a.nbytes for key, a in store.items() if len(key) == 3)
    return saved + (prod(shape) if draws(layer) else 0)


def draws(layer: Layer) -> bool:
    """Does this layer draw a mask, of one byte per input?"""
    return type(layer).sample_mask is not Layer.sample_mask
