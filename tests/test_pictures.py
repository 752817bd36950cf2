"""From a file's bytes to a square: whose square it is, and what is refused."""

import io
import os
import struct
import zlib

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from npalexnet.datasets import pictures
from npalexnet.datasets.pictures import decode, read_squares, size_of, to_square
from npalexnet.system.errors import UserError


def noise(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3)).astype(np.uint8))


def as_file(image, kind="PNG", **how):
    out = io.BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


# ------------------------------------------------------------------ whose square


def torchvision_square(image, side):
    """`Resize(side)` and `CenterCrop(side)`: their arithmetic, on a PIL picture."""
    width, height = image.size
    new = int(side * width / min(image.size)), int(side * height / min(image.size))
    if min(image.size) != side:
        image = image.resize(new, Image.Resampling.BILINEAR)
    left, top = round((new[0] - side) / 2.0), round((new[1] - side) / 2.0)
    return image.crop((left, top, left + side, top + side))


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([1, 7, 32, 64]))
@example(48, 75, 64)
@example(64, 67, 64)
def test_first_shrunk_then_cropped_as_torchvision_does(height, width, side):
    image = noise(height, width)
    square = to_square(image, side)
    assert square.size == (side, side)
    assert np.array_equal(square, torchvision_square(image, side))


def test_a_square_of_the_right_side_is_left_alone():
    image = noise(64, 64)
    assert np.array_equal(to_square(image, 64), image)


def soft(height, width):
    """A picture with an edge, such as photographs have."""
    image = noise(8, 8).resize((width, height), Image.Resampling.BICUBIC)
    image.paste((250, 10, 10), (width // 3, 0, width // 2, height))
    return image


@pytest.mark.parametrize("shape", [(1024, 1536), (1200, 800), (1026, 1534), (999, 998)])
def test_a_large_jpeg_is_decoded_at_a_fraction_only_where_that_is_the_same(shape):
    data = as_file(soft(*shape), "JPEG", quality=92)
    whole = np.asarray(to_square(decode(data, ""), 64)).astype(int)
    quick = np.asarray(to_square(decode(data, "", 64), 64)).astype(int)
    assert np.abs(whole - quick).max() <= 2
    assert (decode(data, "", 64).size == shape[::-1]) == (shape[0] % 2 == 1)


def test_a_picture_that_stands_on_its_head_is_turned():
    turned = Image.Exif()
    turned[0x0112] = 6  # turn it by a quarter to the right
    image = noise(10, 20)
    for kind in ("PNG", "TIFF"):
        shown = decode(as_file(image, kind, exif=turned), "")
        assert np.array_equal(shown, image.transpose(Image.Transpose.ROTATE_270))


def test_sixteen_bits_are_scaled_and_what_is_transparent_is_white():
    grey = np.array([[0, 128, 129, 257 * 99, 65535]], np.uint16)
    shown = np.asarray(decode(as_file(Image.fromarray(grey)), ""))
    assert shown[0, :, 0].tolist() == [0, 0, 1, 99, 255]
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 200, 100, 0])
    palette.putpixel((1, 0), 1)
    shown = np.asarray(decode(as_file(palette, transparency=0), ""))
    assert shown[0].tolist() == [[255, 255, 255], [200, 100, 0]]
    inks = Image.new("CMYK", (2, 2), (255, 0, 255, 0))
    assert np.asarray(decode(as_file(inks, "TIFF"), ""))[0, 0].tolist() == [0, 255, 0]


# --------------------------------------------------------------------- what is refused


KINDS = "AVIF DDS TIFF GIF ICO WEBP JPEG2000 PCX TGA QOI JPEG PNG BMP MPO".split()


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of damaged tags
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_cut_anywhere_is_one_line(kind):
    """Pillow raises RuntimeError, NotImplementedError, struct.error, ... over these."""
    image = noise(24, 30)
    more = {"save_all": True, "append_images": [noise(24, 30, 1)]}
    try:
        data = as_file(image, kind, **(more if kind == "MPO" else {}))
    except (KeyError, OSError):
        pytest.skip(f"this Pillow does not write {kind}")
    refused = 0
    for cut in [*range(0, 200, 5), *range(200, len(data), 97)]:
        try:
            assert to_square(decode(data[:cut], "cut.x", 16), 16).size == (16, 16)
        except UserError as error:
            refused += 1
            assert str(error).startswith("cut.x: expected a picture")
    assert refused > 10
    assert decode(data, "").mode == "RGB"


def png(width, height):
    """A PNG that says it has this size, and holds very little."""
    data = as_file(noise(2, 2))
    head = data[12:16] + struct.pack(">II", width, height) + data[24:29]
    return data[:12] + head + struct.pack(">I", zlib.crc32(head)) + data[33:]


def icon(width, height):
    """An icon that says 32 x 32, and holds a PNG that says otherwise."""
    inside = png(width, height)
    head = struct.pack("<HHHBBBBHHII", 0, 1, 1, 32, 32, 0, 0, 1, 32, len(inside), 22)
    return head + inside


def scans(count):
    """A progressive JPEG whose last pass over the picture comes again and again."""
    data = as_file(noise(32, 32), "JPEG", progressive=True)
    return data[:-2] + data[data.rfind(b"\xff\xda") : -2] * count + b"\xff\xd9"


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (png(9_000, 9_000), "9000 x 9000 pixels in .* bytes; at most 10,1"),
        (icon(13_000, 13_000), "13000 x 13000 pixels in"),
        (as_file(noise(2, 500)), "500 x 2 pixels: no square can be cut"),
        (scans(101), "more scans than anybody needs"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no known picture"),
        (b"", "the file is empty"),
    ],
)
def test_what_would_eat_memory_or_time_is_refused_before_it_does(data, says):
    with pytest.raises(UserError, match=says):
        decode(data, "a.x")


def test_an_array_that_is_too_slender_is_refused_before_it_is_enlarged():
    with pytest.raises(UserError, match="300 x 2 pixels: no square"):
        pictures.resize_all(np.zeros((1, 2, 300, 3), np.uint8), 64)


def test_what_is_read_can_be_named_so():
    ends = set(pictures.suffixes())
    assert {".jpg", ".png", ".webp", ".gif", ".tif", ".mpo"} <= ends
    assert not {".eps", ".pdf", ".mpg", ".h5", ".wmf"} & ends
    assert size_of(as_file(noise(3, 4))) == (4, 3)
    assert size_of(b"no picture") == (0, 0)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "missing"])
def test_only_files_are_pictures(tmp_path, kind):
    """A pipe would wait for ever, /dev/zero has no end."""
    path = tmp_path / "pet.png"
    (tmp_path / "pets.png").write_bytes(as_file(noise(4, 4)))
    make = {"pipe": os.mkfifo, "folder": os.mkdir}
    if kind in make:
        make[kind](path)
    says = {"folder": "Is a directory", "missing": "did you mean .*/pets.png?"}
    path = "/dev/zero" if kind == "device" else str(path)
    with pytest.raises(UserError, match=says.get(kind, "a device or a pipe")):
        read_squares([path], 8)


def test_an_address_is_no_file():
    with pytest.raises(UserError, match="address on the internet; download it first"):
        read_squares(["https://example.org/cat.jpg"], 8)
