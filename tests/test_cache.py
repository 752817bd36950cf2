"""Decoded pictures on disk: the same pixels, made once, whole or not at all."""

import json
import os
import resource

import numpy as np
import pytest
from pictures import layout, picture, write_folder, write_zip

from npalexnet import datasets
from npalexnet.datasets import cache, download, pictures
from npalexnet.system.errors import UserError
from npalexnet.system.lock import Lock


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


def in_about(**other):
    """Another value in about.json."""

    def change(entry):
        about = json.loads((entry / "about.json").read_text())
        (entry / "about.json").write_text(json.dumps(about | other))

    return change


def zeros(entry):
    """As a power cut leaves them."""
    with (entry / "pixels").open("r+b") as file:
        file.seek(20_000)
        file.write(bytes(4096))


def shorter(entry):
    with (entry / "pixels").open("r+b") as file:
        file.truncate(1000)


@pytest.mark.parametrize(
    "damage",
    [
        zeros,
        shorter,
        lambda entry: (entry / "pixels").unlink(),
        lambda entry: (entry / "about.json").unlink(),
        lambda entry: (entry / "about.json").write_text("{"),
        lambda entry: (entry / "about.json").write_text("[" * 100_000),
        lambda entry: (entry / "about.json").write_text("[]"),
        in_about(kept=[1, 0, *range(2, 12)]),
        in_about(kept=None),
        in_about(bad=["x"]),
    ],
)
def test_a_damaged_cache_is_made_again_and_said(tmp_path, kept, damage, capsys):
    path = write_zip(tmp_path / "a.zip", layout())
    right = datasets.load("own", path)
    pixels, labels = right.train.pixels.copy(), right.train.labels
    del right
    (train,) = [e for e in entries(kept) if (e / "pixels").stat().st_size == 147_456]
    damage(train)
    for times in (1, 0):
        capsys.readouterr()
        again = datasets.load("own", path)
        assert (again.train.pixels == pixels).all()
        assert (again.train.labels == labels).all()
        assert capsys.readouterr().out.count("are damaged") == times
    assert len(entries(kept)) == 2


def test_what_a_killed_process_left_is_cleared_away(tmp_path, kept):
    dead, alive = kept / "a.1.part", kept / "b.2.part"
    for part in (dead, alive):
        part.mkdir(parents=True)
    with Lock(alive):
        datasets.load("own", write_zip(tmp_path / "a.zip", layout()))
        assert alive.exists()
    assert not dead.exists()


@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_cache_folder_of_somebody_else_is_one_line(tmp_path, kept, mode):
    path = write_zip(tmp_path / "a.zip", layout())
    kept.mkdir(parents=True)
    kept.chmod(mode)
    for folder in (tmp_path, *tmp_path.parents):
        if os.access(folder, os.W_OK) and folder.stat().st_uid == os.getuid():
            opened = folder.stat().st_mode | 0o055
            if folder.is_relative_to(tmp_path.parents[2]):
                folder.chmod(opened)
    before = os.geteuid()
    try:
        if before == 0:  # to whom everything is open
            os.seteuid(65534)
        with pytest.raises(UserError, match="NPALEXNET_DATA"):
            datasets.load("own", path)
    finally:
        os.seteuid(before)
        kept.chmod(0o700)
