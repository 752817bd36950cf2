"""Decoded pictures on disk: the same pixels, made once, whole or not at all."""

import json
import resource

import numpy as np
import pytest
from pictures import layout, picture, write_folder, write_zip

from npalexnet import datasets
from npalexnet.datasets import cache, download, pictures
from npalexnet.system.errors import UserError


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Everything is cached, in a folder of its own."""
    monkeypatch.setenv("NPALEXNET_DATA", str(tmp_path / "kept"))
    monkeypatch.setattr(cache, "ALWAYS_DECODED", 0)
    return tmp_path / "kept" / "cache"


def entries(kept):
    return sorted(kept.iterdir()) if kept.exists() else []


def test_a_cache_holds_what_decoding_gives(tmp_path, kept, monkeypatch):
    path = write_zip(tmp_path / "a.zip", layout())
    once, again = datasets.load("own", path), datasets.load("own", path)
    monkeypatch.setattr(cache, "ALWAYS_DECODED", 10**9)
    plain = datasets.load("own", path)
    for one in (once, again):
        assert isinstance(one.train.pixels, np.memmap)
        assert (one.train.pixels == plain.train.pixels).all()
        assert (one.val.labels == plain.val.labels).all()
    assert not isinstance(plain.train.pixels, np.memmap)
    assert len(entries(kept)) == 2  # training and validation set


def test_it_is_not_decoded_a_second_time(tmp_path, kept, monkeypatch):
    path = write_zip(tmp_path / "a.zip", layout())
    datasets.load("own", path)

    def fail(*_):
        raise AssertionError("decoded again")

    monkeypatch.setattr(cache, "decode", fail)
    assert len(datasets.load("own", path).train.labels) == 12


@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_a_changed_picture_another_side_or_other_code_make_a_new_one(
    tmp_path, kept, write, monkeypatch
):
    files = layout()
    datasets.load("own", write(tmp_path / "a", files))
    changed = {"train/n08/images/n08_2.JPEG": picture(77, kind="PNG")}
    files = changed if write is write_folder else files | changed
    data = datasets.load("own", write(tmp_path / "a", files))
    assert len(entries(kept)) == 3
    fresh = pictures.decode(picture(77, kind="PNG"), "")
    assert (data.train.pixels[6] == np.asarray(fresh)).all()
    datasets.load("own", tmp_path / "a", side=32)
    assert len(entries(kept)) == 5
    code = tmp_path / "other.py"
    code.write_text("# decodes otherwise")
    monkeypatch.setattr(pictures, "__file__", str(code))
    datasets.load("own", tmp_path / "a", side=32)
    assert len(entries(kept)) == 7


def test_a_copied_zip_uses_the_same_cache(tmp_path, kept):
    datasets.load("own", write_zip(tmp_path / "a.zip", layout()))
    datasets.load("own", write_zip(tmp_path / "b.zip", layout()))
    assert len(entries(kept)) == 2


def test_bad_pictures_are_remembered(tmp_path, kept):
    files = layout() | {"train/n08/images/n08_2.JPEG": b"hello"}
    path = write_zip(tmp_path / "a.zip", files)
    for _ in range(2):
        data = datasets.load("own", path, skip_bad=True)
        assert len(data.train.labels) == len(data.train.names) == 11
        assert "train/n08/images/n08_2.JPEG" not in data.train.names
        assert len(data.bad) == 1
    with pytest.raises(UserError, match="--skip-bad"):
        datasets.load("own", path)


def test_a_full_disk_leaves_nothing_and_says_so(tmp_path, kept):
    path = write_zip(tmp_path / "a.zip", layout())
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(UserError, match=r"could not be written \(File too large"):
            datasets.load("own", path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert all(not e.name.endswith(".part") for e in entries(kept))
    assert len(datasets.load("own", path).train.labels) == 12


def test_too_little_room_is_said_before_anything_is_written(
    tmp_path, kept, monkeypatch
):
    usage = download.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(
        download.shutil, "disk_usage", lambda _: usage._replace(free=1000)
    )
    with pytest.raises(UserError, match=r"where 0 MB are free; make room.*NPALEXNET"):
        datasets.load("own", write_zip(tmp_path / "a.zip", layout()))
    assert entries(kept) == []


def test_pictures_are_kept_in_their_order(tmp_path, kept):
    files = {}
    for c in ("a", "b"):
        for i in range(600):  # more than are decoded at a time
            files[f"train/{c}/{i:03d}.png"] = picture(i, 8, "PNG")
        files[f"val/{c}/0.png"] = picture(1, 8, "PNG")
    data = datasets.load("own", write_zip(tmp_path / "a.zip", files))
    (about,) = [
        json.loads((e / "about.json").read_text())
        for e in entries(kept)
        if (e / "pixels").stat().st_size > 1000
    ]
    assert about["kept"] == list(range(1200))
    for i in (0, 511, 512, 599, 600, 1199):
        name = f"train/{'ab'[i // 600]}/{i % 600:03d}.png"
        assert data.train.names[i] == name
        expected = np.asarray(pictures.decode(files[name], name))
        assert (data.train.pixels[i] == expected).all()
