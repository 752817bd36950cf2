"""Pictures of your own: a folder a class, MNIST's files, and every way to be wrong."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pytest
from pictures import layout, picture, write_folder, write_zip
from PIL import Image

from npalexnet import datasets, train
from npalexnet.datasets import layouts
from npalexnet.datasets.source import Source
from npalexnet.system.errors import UserError


def pets(train=6, val=0, where=""):
    """cat/0.jpg ... in one folder a class, or below train/ and val/."""
    files = {}
    for c, name in enumerate(("cat", "dog", "eel")):
        for i in range(train):
            files[f"{where}{name}/{i}.jpg"] = picture(100 * c + i)
        for i in range(val):
            files[f"val/{name}/{i}.jpg"] = picture(100 * c + 50 + i)
    return files


@pytest.mark.parametrize("top", ["", "pets/", "my/pets/"])
def test_a_folder_a_class_is_split_the_same_way_every_time(tmp_path, top, capsys):
    zipped = datasets.load("own", write_zip(tmp_path / "a.zip", pets(10), top=top))
    again = datasets.load("own", write_folder(tmp_path / "b" / top, pets(10)))
    assert zipped.classes == ("cat", "dog", "eel")
    assert zipped.train.names == again.train.names
    assert zipped.val.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert not set(zipped.train.names) & set(zipped.val.names)
    assert len(zipped.train.labels) == 24
    assert "6 of 30 pictures, drawn from each class" in capsys.readouterr().out


def test_another_seed_is_another_split(tmp_path):
    source = Source(write_folder(tmp_path / "a", pets(10)))
    one, two = layouts.folders(source, seed=0), layouts.folders(source, seed=1)
    assert one.val != two.val
    assert sorted(one.train + one.val) == sorted(two.train + two.val)


@pytest.mark.parametrize("val", ["val", "valid", "validation"])
def test_train_and_val_folders_are_taken_as_they_are(tmp_path, val):
    files = {n.replace("val/", f"{val}/"): b for n, b in pets(3, 2, "train/").items()}
    data = datasets.load("own", write_zip(tmp_path / "a.zip", files))
    assert data.train.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert data.val.names[0] == f"{val}/cat/0.jpg"
    assert len(data.val.labels) == 6


def test_folders_inside_a_class_belong_to_it_and_other_files_are_left_out(
    tmp_path, capsys
):
    files = pets(4) | {
        "cat/kittens/9.png": picture(9, kind="PNG"),
        "cat/.DS_Store": b"x",
        "notes.txt": b"hello",
    }
    data = datasets.load("own", write_folder(tmp_path / "a", files))
    assert "cat/kittens/9.png" in data.train.names + data.val.names
    assert "1 files that are not pictures were left out" in capsys.readouterr().out


def saved(image, kind="PNG", **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def loaded(tmp_path, content, name="cat/0.png", side=64):
    """What becomes of one picture among others."""
    files = pets(3, 1, "train/") | {f"val/{name}": content}
    data = datasets.load("own", write_folder(tmp_path / "a", files), side)
    return data.val.pixels[data.val.names.index(f"val/{name}")]


def test_a_telephone_s_picture_is_turned_upright(tmp_path):
    image = Image.new("RGB", (64, 64))
    image.paste((255, 255, 255), (0, 0, 64, 32))  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to see it upright"
    pixels = loaded(tmp_path, saved(image, "JPEG", exif=exif), "cat/x.jpg")
    assert pixels[:, 40:].mean() > 250  # white on the right
    assert pixels[:, :24].mean() < 5


def test_transparent_parts_are_white_and_sixteen_bits_become_eight(tmp_path):
    clear = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    assert (loaded(tmp_path, saved(clear)) == 255).all()
    deep = Image.fromarray(np.full((64, 64), 257 * 100, np.uint16))
    assert (loaded(tmp_path, saved(deep)) == 100).all()
    for mode in ("1", "L", "LA", "P", "CMYK"):
        kind = "JPEG" if mode == "CMYK" else "PNG"
        image = Image.new("RGB", (64, 64), (200, 200, 200)).convert(mode)
        assert loaded(tmp_path, saved(image, kind)).shape == (64, 64, 3)


def test_the_shorter_side_is_shrunk_and_the_central_square_kept(tmp_path):
    image = Image.new("RGB", (400, 200))
    image.paste((255, 255, 255), (100, 0, 300, 200))  # the central square
    files = pets(3, 1, "train/")
    for c in ("cat", "dog", "eel"):
        files[f"train/{c}/big.jpg"] = picture(1, 300)
    files["val/cat/wide.png"] = saved(image)
    data = datasets.load("own", write_folder(tmp_path / "a", files), 200)
    wide = data.val.pixels[data.val.names.index("val/cat/wide.png")]
    assert wide.shape == (200, 200, 3)
    assert wide.min() > 250


# ------------------------------------------------------------------ what is wrong

WRONG = {
    "loose pictures": (
        pets(4) | {"9.jpg": picture(9)},
        r"pictures that lie beside them \(9.jpg\)",
    ),
    "one class": (
        {n: b for n, b in pets(4).items() if n.startswith("cat")},
        "found 1; a network can only learn to tell things apart",
    ),
    "one picture in a class": (
        pets(4) | {"fox/0.jpg": picture(3)},
        "class fox has one picture, and needs at least two",
    ),
    "val without train": (
        pets(4, 1, "train/") | {"val/fox/0.jpg": picture(3)},
        "val/fox has no counterpart train/fox",
    ),
    "no pictures": ({"a/b.txt": b"x"}, "found no pictures"),
    "text as picture": (
        pets(4) | {"dog/2.jpg": b"hello"},
        r"dog/2.jpg: expected .* \(no known picture format\)",
    ),
    "empty picture": (pets(4) | {"dog/2.jpg": b""}, r"\(the file is empty\)"),
    "cut picture": (pets(4) | {"dog/2.jpg": picture(1)[:400]}, "(?i)truncated"),
}


@pytest.mark.parametrize("what", WRONG)
@pytest.mark.parametrize("write", [write_zip, write_folder])
def test_what_is_wrong_is_named_in_one_line(tmp_path, what, write):
    files, says = WRONG[what]
    with pytest.raises(UserError, match=says) as error:
        datasets.load("own", write(tmp_path / "data", files))
    assert "\n" not in str(error.value)


def test_an_empty_class_folder_is_named(tmp_path):
    path = write_folder(tmp_path / "a", pets(4))
    (path / "fox").mkdir()
    with pytest.raises(UserError, match="fox: this class has no pictures"):
        datasets.load("own", path)


def test_another_layout_than_the_named_one_is_an_error(tmp_path):
    path = write_folder(tmp_path / "a", pets(4))
    with pytest.raises(UserError, match=r"wnids.txt at its top or one folder down"):
        datasets.load("tiny-imagenet", path)
    with pytest.raises(UserError, match=r"train-images-idx3-ubyte.gz"):
        datasets.load("fashion-mnist", path)


def test_skip_bad_goes_on_and_counts(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = pets(6) | {"dog/2.jpg": b"hello", "eel/3.jpg": picture(1)[:300]}
    write_folder(tmp_path / "a", files)
    arguments = ["--data", "a", "--epochs", "1", "--batch", "5"]
    assert train.main(arguments) == 2
    error = capsys.readouterr().err
    assert "a/dog/2.jpg" in error
    assert "--skip-bad" in error
    assert train.main([*arguments, "--skip-bad"]) == 0
    said = capsys.readouterr().out
    assert "left out: 2 pictures that cannot be read" in said
    assert "eel/3.jpg" in said


def test_a_picture_that_would_unfold_beyond_memory_is_refused(tmp_path):
    def chunk(name, data):
        import zlib

        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    head = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x")
    path = write_folder(tmp_path / "a", pets(4) | {"cat/b.png": bomb})
    with pytest.raises(UserError, match=r"cat/b.png: "):
        datasets.load("own", path)
    head = struct.pack(
        ">IIBBBBB", 11_000, 11_000, 8, 2, 0, 0, 0
    )  # no error of Pillow's
    large = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"x")
    path = write_folder(tmp_path / "b", pets(4) | {"cat/b.png": large})
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(UserError, match="11000 x 11000 pixels in 46 bytes; at most 10,"),
    ):
        datasets.load("own", path)


@pytest.mark.parametrize("name", ["../evil.jpg", "/evil.jpg", "a/../../evil.jpg"])
def test_a_member_that_would_leave_the_archive_is_refused(tmp_path, name):
    path = write_zip(tmp_path / "a.zip", pets(4) | {name: picture(1)}, top="")
    with pytest.raises(UserError, match="would leave the archive"):
        datasets.load("own", path)


def test_a_damaged_member_is_named(tmp_path):
    path = write_zip(tmp_path / "a.zip", layout())
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as file:
        info = file.getinfo("tiny/train/n08/images/n08_2.JPEG")
    data[info.header_offset + 100] ^= 255
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"n08_2.JPEG cannot be read \(Bad CRC-32"):
        datasets.load("own", path)


# ---------------------------------------------------------------------- MNIST's


def idx(array):
    """An array in the IDX format, gzipped."""
    head = bytes((0, 0, 8, array.ndim)) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


def mnist(train=20, val=10):
    files = {}
    for part, count in (("train", train), ("val", val)):
        grey = np.arange(count * 28 * 28).reshape(count, 28, 28) % 251
        images, labels = layouts.IDX[part]
        files[images], files[labels] = idx(grey), idx(np.arange(count) % 10)
    return files


def test_mnist_s_files_are_read(tmp_path):
    path = write_folder(tmp_path / "a", mnist())
    data = datasets.load("fashion-mnist", path, limit=10)
    assert data.train.pixels.shape == (10, 28, 28, 3)
    assert data.train.labels.tolist() == list(range(10))
    assert (data.train.pixels[0, 0, :3] == [[0] * 3, [1] * 3, [2] * 3]).all()
    assert len(data.val.labels) == 10
    assert data.classes[9] == "boot"
    assert datasets.load("own", path).classes == tuple("0123456789")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda b: b[:100], "expected a gzip file"),
        (lambda b: b"hello", "expected a gzip file"),
        (lambda b: gzip.compress(gzip.decompress(b)[:-5]), "in the IDX format"),
        (lambda b: gzip.compress(b"\0\0\7\3" + gzip.decompress(b)[4:]), "IDX format"),
    ],
)
def test_damaged_mnist_files_are_named(tmp_path, damage, says):
    files = mnist()
    name = layouts.IDX["train"][0]
    files[name] = damage(files[name])
    with pytest.raises(UserError, match=f"{name}: .*{says}"):
        datasets.load("fashion-mnist", write_folder(tmp_path / "a", files))
