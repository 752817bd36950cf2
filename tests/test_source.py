"""Folders and zips as strangers make them: names, links, pipes, lies about sizes."""

import gzip
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest
from pictures import layout, picture, write_folder, write_zip
from PIL import Image
from test_layouts import idx, mnist, pets

from npalexnet import datasets
from npalexnet.datasets import layouts, source
from npalexnet.datasets.input import plain_input
from npalexnet.datasets.moments import measured_input
from npalexnet.datasets.pictures import read_squares
from npalexnet.datasets.source import Source
from npalexnet.system.errors import UserError

# ---------------------------------------------------------------------------- zips


@pytest.mark.parametrize("road", ["./cat/{}", "cat//{}", "cat\\{}", ".\\cat\\\\{}"])
def test_names_in_a_zip_are_those_that_a_folder_would_have(tmp_path, road):
    files = {n: b for n, b in pets(6).items() if not n.startswith("cat")}
    odd = {road.format(f"{i}.jpg"): picture(i) for i in range(6)}
    data = datasets.load("own", write_zip(tmp_path / "a.zip", files | odd, top=""))
    same = files | {f"cat/{i}.jpg": picture(i) for i in range(6)}
    plain = datasets.load("own", write_zip(tmp_path / "b.zip", same, top=""))
    assert data.classes == plain.classes
    assert np.array_equal(data.train.pixels, plain.train.pixels)
    assert data.train.names == plain.train.names


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_two_members_with_one_name_the_last_counts(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"cat/0.png": b"first"}, top="")
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("cat/0.png", b"second")
    assert Source(path).read("cat/0.png") == b"second"


def test_a_folder_or_a_time_may_be_called_as_it_likes(tmp_path):
    files = {"x.png/0.png": b"1", "x.png/12:30.png": b"2"}
    found = Source(write_zip(tmp_path / "a.zip", files, top=""))
    assert found.names() == ["x.png/0.png", "x.png/12:30.png"]
    assert found.folders() == ["x.png"]


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_python_unpacks_without_a_limit_is_not_unpacked(tmp_path, kind):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", kind) as file:
        file.writestr("a.png", bytes(1000))
    with pytest.raises(UserError, match=r"a.png cannot be read \(it is packed other"):
        Source(tmp_path / "a.zip").read("a.png")


def test_a_member_is_not_unpacked_beyond_what_the_zip_says_of_it(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", bytes(20_000_000))
    said = struct.pack("<I", 20_000_000)
    path.write_bytes(path.read_bytes().replace(said, struct.pack("<I", 50)))
    found = Source(path)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"a.png cannot be read \(Bad CRC-32"):
        found.read("a.png")
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", 50), b"\0\0\0\x40"))
    with pytest.raises(UserError, match="more than 200,000,000 bytes"):
        Source(path).read("a.png")


def test_an_encrypted_member_is_named(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a.png": b"secret"}, top="")
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    data[6] |= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"a.png cannot be read .*encrypted"):
        Source(path).read("a.png")


def test_a_member_in_thousands_of_folders_is_refused(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a/" * 20_000 + "0.png": b""}, top="")
    with pytest.raises(UserError, match="a member lies in 20001 folders"):
        Source(path)


@pytest.mark.timeout(20)
def test_a_pipe_and_a_device_are_no_zip(tmp_path):
    os.mkfifo(tmp_path / "pipe.zip")
    for path in (tmp_path / "pipe.zip", tmp_path / ("n" * 5000), tmp_path / "pipe.zi"):
        with pytest.raises(UserError, match=r"a device or a pipe|no such file"):
            datasets.load("own", path)


# ------------------------------------------------------------------------- folders


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "own", pets(6))


def test_names_that_are_no_text_can_be_classes(folder, tmp_path):
    os.mkdir(os.fsencode(folder) + b"/caf\xe9")
    for i in range(3):
        path = os.fsencode(folder) + b"/caf\xe9/%d\x1b[2J\n.png" % i
        with open(path, "wb") as file:
            file.write(picture(i, kind="PNG"))
    data = datasets.load("own", folder)
    assert "caf\\udce9" in data.classes
    assert sum(data.train.labels == data.classes.index("caf\\udce9")) == 2
    with open(path, "wb") as file:
        file.write(b"no picture")
    with pytest.raises(UserError, match=r"2\\x1b\[2J\\n.png: expected a pict"):
        datasets.load("own", folder)


@pytest.mark.parametrize("target", [".", "..", "round.png", "nowhere"])
def test_links_in_circles_and_to_nowhere(folder, target):
    (folder / "cat" / "round.png").symlink_to(target)
    if target in (".", ".."):  # a folder that holds itself
        assert len(datasets.load("own", folder).train.labels) > 0
        return
    with pytest.raises(UserError, match=r"cat/round.png cannot be read"):
        datasets.load("own", folder)
    data = datasets.load("own", folder, skip_bad=True)
    assert len(data.bad) == 1


def test_a_class_may_be_a_link_to_a_folder_elsewhere(folder, tmp_path):
    before = datasets.load("own", folder)
    (folder / "cat").rename(tmp_path / "cats")
    (folder / "cat").symlink_to(tmp_path / "cats")
    after = datasets.load("own", folder)
    assert after.classes == before.classes
    assert np.array_equal(after.train.pixels, before.train.pixels)


def test_links_that_multiply_are_counted(tmp_path, monkeypatch):
    """Each folder links twice to the next: 2^20 roads."""
    monkeypatch.setattr(source, "MOST_FILES", 500)
    for i in range(20):
        (tmp_path / f"{i}").mkdir()
        (tmp_path / f"{i}" / "a").symlink_to(tmp_path / f"{i + 1}")
        (tmp_path / f"{i}" / "b").symlink_to(tmp_path / f"{i + 1}")
    with pytest.raises(UserError, match="more than 500 files"):
        Source(tmp_path)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["/dev/zero", "/proc/self/mem", "pipe"])
def test_pipes_and_devices_among_the_pictures_are_left_out_by_skip_bad(folder, name):
    if name == "pipe":
        os.mkfifo(folder / "dog" / "x.png")
    else:
        (folder / "dog" / "x.png").symlink_to(name)
    with pytest.raises(UserError, match=r"dog/x.png"):
        datasets.load("own", folder)
    data = datasets.load("own", folder, skip_bad=True)
    assert len(data.bad) == 1
    (folder / "dog" / "folder.png").mkdir()
    assert len(datasets.load("own", folder, skip_bad=True).bad) == 1


def test_a_damaged_picture_in_the_sample_is_left_out_too(tmp_path):
    """Its size is asked for before anything else is read."""
    path = write_zip(tmp_path / "a.zip", layout())
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        info = file.getinfo("tiny/train/n09/images/n09_0.JPEG")
    data[info.header_offset + 100] ^= 255
    path.write_bytes(data)
    assert len(datasets.load("own", path, skip_bad=True).train.labels) == 11


def test_pictures_that_are_no_squares_are_not_kept_smaller_and_enlarged(tmp_path):
    """predict and evaluate see the same square of the same file."""
    rng = np.random.default_rng(0)
    for i, (name, high) in enumerate([("a", 48), ("a", 48), ("b", 30), ("b", 48)]):
        (tmp_path / "own" / name).mkdir(parents=True, exist_ok=True)
        pixels = rng.integers(0, 256, (high, 52, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "own" / name / f"{i}.png")
    train = datasets.load("own", tmp_path / "own", side=64).train
    for pixels, name in zip(train.pixels, train.names, strict=True):
        (seen,) = read_squares([tmp_path / "own" / name], 64)
        assert np.array_equal(pixels, seen)


# --------------------------------------------------------------------------- lists


def test_a_byte_order_mark_is_no_part_of_a_class(tmp_path):
    files = layout()
    for name in ("wnids.txt", "words.txt", "val/val_annotations.txt"):
        files[name] = b"\xef\xbb\xbf" + files[name].replace(b"\n", b"\r\n")
    data = datasets.load("own", write_zip(tmp_path / "a.zip", files))
    assert data.classes[0] == "name n09"


@pytest.mark.parametrize("wnids", [b"", b"n09\n", b"n09\nn08\nn09\n"])
def test_a_list_of_classes_has_two_or_more_each_once(tmp_path, wnids):
    files = layout() | {"wnids.txt": wnids}
    with pytest.raises(UserError, match="expected two classes or more, each once"):
        datasets.load("own", write_zip(tmp_path / "a.zip", files))


def test_names_of_classes_can_be_printed(tmp_path):
    words = b"n09\ta\x1b[2Jb\nn08\t" + b"x" * 5000 + b"\nn07\tc\n"
    data = datasets.load(
        "own", write_zip(tmp_path / "a.zip", layout() | {"words.txt": words})
    )
    assert data.classes[0] == "a\\x1b[2Jb"
    assert max(map(len, data.classes)) == 200


def test_few_validation_pictures_are_worth_a_warning(tmp_path, capsys):
    datasets.load("own", write_folder(tmp_path / "a", pets(16)))
    said = capsys.readouterr().out
    assert "9 validation pictures are few" in said
    assert "off by 17 points or more" in said  # √(¼ / 9)
    datasets.load("emoji")
    assert capsys.readouterr().out == ""


def test_pictures_of_one_colour_teach_nothing():
    for colour in ((200, 30, 7), (77, 77, 77), (0, 0, 0)):
        seen = datasets.statistics(np.full((3, 56, 56, 3), colour, np.uint8))
        for what in ("colour", "picture"):
            with pytest.raises(UserError, match="all pictures have the same colour"):
                measured_input(plain_input((3, 56, 56)), seen, what)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("train-images-idx3-ubyte.gz", "bomb", "expected bytes in 3 dimensions"),
        ("train-images-idx3-ubyte.gz", "none", "expected bytes in 3 dimensions"),
        ("train-labels-idx1-ubyte.gz", "label", "a label is 77; expected labels of 10"),
    ],
)
def test_mnist_s_files_do_not_unfold_beyond_reason(tmp_path, name, content, says):
    head = bytes((0, 0, 8, 3)) + struct.pack(">3I", 90_000, 40, 40)
    contents = {
        "bomb": gzip.compress(head + bytes(90_000 * 1600), 9),
        "none": idx(np.zeros((0, 28, 28))),
        "label": idx(np.array([77] * 20)),
    }
    assert len(contents["bomb"]) < 200_000
    files = mnist() | {name: contents[content]}
    with pytest.raises(UserError, match=says):
        datasets.load("fashion-mnist", write_folder(tmp_path / "a", files))
    assert layouts.IDX["train"][0] in files
