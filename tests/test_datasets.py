"""Pictures: the layout, from a zip or a folder, and every way it can be wrong."""

import numpy as np
import pytest
from pictures import layout, picture, write_folder, write_zip

from npalexnet import datasets
from npalexnet.datasets import layouts
from npalexnet.datasets.source import Source
from npalexnet.system.errors import UserError


def test_zip_and_folder_hold_the_same(tmp_path):
    files = layout()
    a = datasets.load("own", write_zip(tmp_path / "a.zip", files))
    b = datasets.load("own", write_folder(tmp_path / "b", files))
    c = datasets.load("own", write_zip(tmp_path / "c.zip", files, top=""))
    for other in (b, c):
        assert other.classes == a.classes
        for one, two in ((a.train, other.train), (a.val, other.val)):
            assert (one.pixels == two.pixels).all()
            assert (one.labels == two.labels).all()
            assert one.names == two.names


def test_classes_are_in_the_order_of_wnids_and_have_their_names(tmp_path):
    data = datasets.load("own", write_zip(tmp_path / "a.zip", layout()))
    assert data.classes == ("name n09", "name n08", "name n07")
    assert data.train.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert data.val.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert data.val.names[2] == "val/images/val_1.JPEG"


def test_grey_pictures_become_rgb(tmp_path):
    data = datasets.load("own", write_zip(tmp_path / "a.zip", layout()))
    grey = data.train.pixels[1]
    assert data.train.pixels.shape == (12, 64, 64, 3)
    assert (grey[..., 0] == grey[..., 1]).all()


def test_pictures_are_kept_at_the_smaller_of_both_sizes(tmp_path):
    path = write_zip(tmp_path / "a.zip", layout(side=64))
    assert datasets.load("own", path, side=256).train.pixels.shape[1] == 64
    assert datasets.load("own", path, side=32).train.pixels.shape[1] == 32


def test_classes_and_limit_take_the_first(tmp_path):
    path = write_zip(tmp_path / "a.zip", layout())
    data = datasets.load("own", path, classes=2, limit=6)
    assert len(data.classes) == 2
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert set(data.val.labels) == {0, 1}


@pytest.mark.parametrize("name", ["emoji", "fashion"])
def test_embedded_sets_are_there(name):
    data = datasets.load(name)
    counts = {"emoji": (2506, 479), "fashion": (5000, 1000)}[name]
    assert (len(data.train.labels), len(data.val.labels)) == counts
    assert len(data.classes) == 10
    side = {"emoji": 64, "fashion": 28}[name]
    assert data.train.pixels.shape[1:] == (side, side, 3)


def test_no_emoji_concept_is_on_both_sides_of_the_split():
    source = Source(datasets.embedded("emoji64.zip"))
    layouts.recognise(source)
    header, *rows = source.lines("sources.tsv")
    concepts = {"train": set(), "val": set()}
    for row in rows:
        entry = dict(zip(header, row, strict=True))
        side = "val" if entry["file"].startswith("val") else "train"
        concepts[side].add((entry["class"], entry["concept"]))
    assert len(concepts["val"]) > 100
    assert not concepts["train"] & concepts["val"]


def without(name):
    files = layout()
    del files[name]
    return files


BROKEN = {
    "nothing": ({}, "found nothing in it"),
    "no annotations": (
        without("val/val_annotations.txt"),
        "annotations.txt is missing",
    ),
    "missing picture": (without("val/images/val_1.JPEG"), "val_1.JPEG is missing"),
    "text as picture": (
        layout() | {"train/n08/images/n08_2.JPEG": b"hello"},
        "n08_2.JPEG: expected a picture, found something else",
    ),
    "empty picture": (
        layout() | {"val/images/val_0.JPEG": b""},
        "val_0.JPEG: expected",
    ),
    "cut picture": (
        layout() | {"val/images/val_0.JPEG": picture(1)[:300]},
        "val_0.JPEG: expected a picture",
    ),
    "unknown class": (
        layout() | {"val/val_annotations.txt": b"val_0.JPEG\tn99\t0\t0\t1\t1\n"},
        "n99', which is not in wnids.txt",
    ),
    "empty class": (
        {n: b for n, b in layout().items() if not n.startswith("train/n07/images")},
        "class n07 has no training pictures",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_what_is_wrong_is_named_in_one_line(tmp_path, what, write):
    files, says = BROKEN[what]
    path = tmp_path / "data"
    if write is write_folder:
        path.mkdir()
    write(path, files)
    with pytest.raises(UserError, match=says) as error:
        datasets.load("own", path)
    assert "\n" not in str(error.value)


def test_a_zip_cut_short_is_named(tmp_path):
    path = write_zip(tmp_path / "a.zip", layout())
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(UserError, match="expected a whole zip file"):
        datasets.load("own", path)


def test_missing_paths_and_unknown_names(tmp_path):
    with pytest.raises(UserError, match="no such file or folder"):
        datasets.load("own", tmp_path / "nowhere")
    with pytest.raises(UserError, match="there are: emoji"):
        datasets.load("cifar")
    with pytest.raises(UserError, match="--data PATH"):
        datasets.load("own")


def test_statistics_by_hand():
    pixels = np.zeros((2, 2, 2, 3), np.uint8)
    pixels[0] = (100, 0, 0)  # one picture red, one black
    seen = datasets.statistics(pixels)
    assert seen.mean.tolist() == [50, 0, 0]
    assert seen.mean_picture[1, 1].tolist() == [50, 0, 0]
    assert seen.colour_std == pytest.approx([50, 0, 0])
    assert abs(seen.colour_axes[0]) == pytest.approx([1, 0, 0])
    assert seen.std == pytest.approx(pixels.std())


@pytest.mark.parametrize("limit", [1, 3, 5, 9, 10, 25])
def test_a_limit_is_kept_and_shared_out_evenly(limit):
    labels = datasets.load("emoji", limit=limit).train.labels
    assert len(labels) == limit
    counts = np.bincount(labels, minlength=10)
    assert counts.max() - counts.min() <= 1


def test_decoding_uses_the_processors_that_this_process_may_use(tmp_path, monkeypatch):
    from npalexnet.datasets import cache

    asked = []
    pool = cache.workers
    monkeypatch.setattr(cache, "usable_cpus", lambda: 3)
    monkeypatch.setattr(
        cache, "workers", lambda n, name: asked.append(n) or pool(n, name)
    )
    datasets.load("own", write_zip(tmp_path / "a.zip", layout()))
    assert set(asked) == {3}
