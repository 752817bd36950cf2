"""The page as an object: one HTML text, which can be saved, or shown in a notebook."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from npalexnet.datasets.input import ARRAYS_ONLY, as_pixels
from npalexnet.explorer import pack
from npalexnet.layers.layer import Array
from npalexnet.net.graph import Graph
from npalexnet.system.errors import UserError
from npalexnet.system.files import write_whole
from npalexnet.weights import checkpoint

KINDS = "Conv2d Linear MaxPool LRN SameMapNorm ReLU Tanh Dropout Flatten".split()


class Page:
    """One HTML file, whole.

    Attributes:
        text: of the file.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            UserError: it cannot be written.
        """
        data = self.text.encode("utf-8")
        write_whole(Path(path), lambda file: file.write(data))

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame of its own."""
        return (
            f'<iframe srcdoc="{html.escape(self.text)}" title="npalexnet explorer" '
            'style="width: 100%; height: 820px; border: 1px solid #8884; '
            'border-radius: 8px" allow="fullscreen"></iframe>'
        )


def page(
    graph: Graph,
    pictures: npt.ArrayLike,
    labels: Sequence[Any] | Array | None = None,
    *,
    names: Sequence[str] | None = None,
    bits: int = 16,
    at: str = "",
    film: bytes = b"",
) -> Page:
    """A network and pictures for it, as a page that can be touched.

    Args:
        graph: any chain of npalexnet's layers that ends with one number per class.
        pictures: as `Graph.predict` takes them: (N, H, W, 3) or (N, H, W) uint8, or
            arrays (N, *input_shape) in the unit that the network was trained on.
        labels: (N,) whole numbers, or names of the network's classes; None for a
            picture whose class is not known.
        names: of the pictures.
        bits: of a weight in the page, 16 or 8; the page's numbers are those of the
            network with its weights rounded to them.
        at: where to begin, as in the page's own address: "picture=7&layer=conv2".
        film: a GIF of how the first filters came to be, if there is one.

    Raises:
        UserError: the network, the pictures or the labels are of another kind.
    """
    check_network(graph)
    if bits not in (8, 16):
        raise UserError(f"bits: expected 16 or 8, found {bits}")
    shown = as_given(graph, np.asarray(pictures))
    (outputs,) = list(graph.output_shapes.values())[-1]
    count, classes = len(shown), graph.input.names(outputs)
    known = [None] * count if labels is None else label_numbers(labels, classes)
    titles = [f"picture {i}" for i in range(count)] if names is None else list(names)
    if not len(known) == len(titles) == count:
        raise UserError(
            f"expected a label and a name for each of {count} pictures, found "
            f"{len(known)} labels and {len(titles)} names"
        )
    arrays = pack.packed_network(graph, bits)
    about = {
        "network": checkpoint.describe(graph) | {"classes": classes},
        "shapes": graph.output_shapes,
        "costs": {n: (c.parameters, c.multiply_adds) for n, c in graph.costs().items()},
        "bits": bits,
        "arrays": [array.said() for array in arrays],
        "pictures": {
            "kind": "pixels" if shown.dtype == np.uint8 else "numbers",
            "shape": shown.shape,
            "labels": known,
            "names": [str(title) for title in titles],
        },
        "at": at.removeprefix("#"),
        "film": pack.text_of(film),
    }
    weights = "\n".join(array.text for array in arrays)
    return Page(assemble(about, weights, pack.packed_pictures(shown)))


def check_network(graph: Graph) -> None:
    """Is this a network that the page can run?

    Raises:
        UserError: it has a layer that is not npalexnet's, or does not end in classes.
    """
    for name, layer in graph.layers.items():
        if type(layer).__name__ not in KINDS:
            raise UserError(
                f"the explorer knows the layers {', '.join(KINDS)}, and {name} is "
                f"{type(layer).__name__}; leave it out"
            )
    last = list(graph.output_shapes.values())[-1]
    if len(last) != 1:
        raise UserError(
            "the explorer shows networks that end with one number per class; this one "
            f"ends with {last}: add Flatten() and Linear(...)"
        )


def as_given(graph: Graph, pictures: Array) -> Array:
    """What is put into the page: pixels (N, crop, crop, C) uint8, or x in float32.

    Raises:
        UserError: the pictures are neither.
    """
    pixels = as_pixels(pictures, graph.input_shape, next(iter(graph.layers)))
    graph.input.check_unit(pixels)
    if pixels.dtype == np.uint8 and graph.input.side != ARRAYS_ONLY:
        return graph.input.crop_centre(pixels)
    return graph.input.x(pixels)


def label_numbers(
    labels: Sequence[Any] | Array, classes: Sequence[str]
) -> list[int | None]:
    """Labels as whole numbers; None where there is none, or its class is not known.

    Raises:
        UserError: a label is neither a class's number nor its name.
    """
    found: list[int | None] = []
    for label in labels:
        if label is None:
            found.append(None)
        elif isinstance(label, str) and label in classes:
            found.append(classes.index(label))
        elif isinstance(label, int | np.integer) and 0 <= label < len(classes):
            found.append(int(label))
        else:
            raise UserError(
                f"labels: expected 0 to {len(classes) - 1} or the name of a class, "
                f"found {label!r}"
            )
    return found


def assemble(about: dict[str, Any], weights: str, pictures: str) -> str:
    """The file: the template, with everything in its place.

    What was given by others (names) is in one JSON text without any "<", and the policy
    allows no script but the two that are named by their hashes.
    """
    style = (pack.HERE / "page.css").read_text("utf-8")
    script, worker = pack.join("view/main.js"), pack.join("network/worker.js")
    said = json.dumps(about, separators=(",", ":")).replace("<", "\\u003c")
    policy = (
        f"default-src 'none'; script-src '{sha256(script)}'; "
        f"style-src '{sha256(style)}'; img-src data: blob:; worker-src blob:; "
        "base-uri 'none'; form-action 'none'"
    )
    parts = {
        "policy": policy,
        "style": style,
        "about": said,
        "weights": weights,
        "pictures": pictures,
        "worker": worker,
        "script": script,
    }
    if any("</script" in text.lower() for text in (script, worker)):
        raise ValueError("a module would end the script that it is in")
    template = (pack.HERE / "page.html").read_text("utf-8")
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], template)


def sha256(text: str) -> str:
    """A text's name in a content security policy."""
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
