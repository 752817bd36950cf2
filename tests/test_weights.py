"""Other people's files of weights: read right, and safely; whole networks say the same.

What the readers must find in oracle/weights was written down by PyTorch, safetensors
and protobuf themselves. Lies and whole networks are written by foreign.py.
"""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import foreign
import numpy as np
import pytest
from helpers import agree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import npalexnet
from npalexnet import weights
from npalexnet.alexnet import alexnet, outline
from npalexnet.layers import Conv2d, Dropout, Linear
from npalexnet.system.errors import UserError
from npalexnet.weights import (
    caffemodel,
    checkpoint,
    filling,
    formats,
    names,
    safetensors,
    torchfile,
)

FILES = Path(__file__).parent / "oracle" / "weights"
EXPECTED = np.load(FILES / "expected.npz")
LOGITS = np.load(FILES / "logits.npz")
ROOT = Path(__file__).parents[1]


def expected(file):
    start = f"{file}/"
    return {
        n.removeprefix(start): EXPECTED[n]
        for n in EXPECTED.files
        if n.startswith(start)
    }


def same(found, wanted):
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert found[name].shape == array.shape, name
        assert (found[name] == array).all(), name


def read_any(path):
    """What the reader of this suffix finds, before anybody asks what it means."""
    if path.suffix == ".caffemodel":
        blobs = caffemodel.read(path).blobs
        return {f"{n}.{'wb'[i]}": a for n, b in blobs.items() for i, a in enumerate(b)}
    if path.suffix == ".safetensors":
        return safetensors.read(path)[0]
    return torchfile.read(path)


# ----------------------------------------------------------------- readers, by origin

READABLE = sorted({name.split("/")[0] for name in EXPECTED.files})


def test_all_origins_are_here():
    assert len(READABLE) == 11
    assert {Path(name).suffix for name in READABLE} == {
        ".pth",
        ".safetensors",
        ".caffemodel",
    }


@pytest.mark.parametrize("file", [n for n in READABLE if "training" not in n])
def test_reader_finds_what_the_writer_wrote(file):
    found = read_any(FILES / file)
    same(found, expected(file))
    for name, array in expected(file).items():
        assert found[name].dtype == array.dtype or array.dtype == bool


@pytest.mark.parametrize("file", ["training.pth", "training-legacy.pth"])
def test_weights_are_found_inside_a_saved_training(file):
    found = torchfile.read(FILES / file)
    same(found, expected(file))


def test_arrays_are_views_of_the_file():
    for file in ("zip.pth", "legacy.pth", "arrays.safetensors", "new.caffemodel"):
        for name, array in read_any(FILES / file).items():
            if array.size and name != "bfloat16":
                assert not array.flags.owndata
                assert not array.flags.writeable


def test_old_shapes_of_caffe_lose_their_ones():
    blobs = caffemodel.read(FILES / "v1.caffemodel").blobs
    assert [a.shape for a in blobs["conv1"]] == [(4, 3, 2, 2), (4,)]
    assert [a.shape for a in blobs["fc8_flickr"]] == [(1, 4), (1,)]


def test_layers_of_caffe_come_in_order():
    for file in ("v0", "v1", "new"):
        net = caffemodel.read(FILES / f"{file}.caffemodel")
        assert net.name == "AlexNet"
        assert net.layers == ["conv1", "relu1", "norm1", "pool1", "fc8_flickr"]


# --------------------------------------------------------------------- pickles


def evil(function, argument):
    """A pickle that calls a function when it is loaded."""
    return (
        b"\x80\x02" + foreign.named(*function) + b"(" + foreign.text(argument) + b"tR."
    )


@pytest.mark.parametrize(
    "function",
    [
        ("posix", "system"),
        ("os", "system"),
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("subprocess", "Popen"),
        ("torch._utils", "_rebuild_tensor_v2.__globals__"),
        ("torch._utils", "_rebuild_tensor_v20"),
        ("torch", "load"),
        ("torch.FloatStorage", ""),
        ("collections", "OrderedDict.fromkeys"),
        ("numpy.core.multiarray", "_reconstruct"),
    ],
)
@pytest.mark.parametrize("container", ["zip", "legacy", "stack"])
def test_a_pickle_that_calls_is_refused_by_name(tmp_path, function, container):
    proof = tmp_path / "proof"
    program = evil(function, f"open({str(proof)!r}, 'w')")
    path = tmp_path / "evil.pth"
    if container == "zip":
        foreign.write_zip(path, program, {})
    elif container == "legacy":
        file = io.BytesIO((FILES / "legacy.pth").read_bytes())
        for _ in range(3):  # magic number, version, byte order
            torchfile.run(file)
        path.write_bytes(file.getvalue()[: file.tell()] + program)
    else:
        names = b"".join(foreign.text(part) for part in function)
        foreign.write_zip(path, b"\x80\x04" + names + b"\x93)R.", {})
    with pytest.raises(UserError) as error:
        npalexnet.load(path)
    assert ".".join(function) in str(error.value)
    assert str(path) in str(error.value) and "\n" not in str(error.value)
    assert not proof.exists()


def test_such_a_pickle_would_have_run(tmp_path):
    proof = tmp_path / "proof"
    pickle.loads(evil(("builtins", "eval"), f"open({str(proof)!r}, 'w')"))
    assert proof.exists()


@pytest.mark.parametrize(
    ("body", "instruction"),
    [
        (foreign.named("collections", "OrderedDict") + b")\x81", "NEWOBJ"),
        (b"(ios\nsystem\n", "INST"),
        (b"\x82\x01", "EXT1"),
        (b"(" + foreign.named("collections", "OrderedDict") + b"o", "OBJ"),
        (b"\x8f", "EMPTY_SET"),
        (b"P1\n", "PERSID"),
    ],
)
def test_other_instructions_are_refused_by_name(tmp_path, body, instruction):
    path = tmp_path / "evil.pth"
    foreign.write_zip(path, b"\x80\x02" + body + b".", {})
    with pytest.raises(UserError, match=instruction):
        npalexnet.load(path)


def test_setting_attributes_does_nothing(tmp_path):
    """BUILD, which fills __dict__ of whatever lies on the stack, is passed over."""
    state = b"}" + foreign.text("text") + foreign.text("torch._utils _rebuild_tensor")
    call = foreign.named("collections", "OrderedDict") + state + b"sb)R"
    path = tmp_path / "net.pth"
    x = foreign.parameter("x", (2, 2))
    pickle = b"\x80\x02" + call + b"(" + foreign.text("x")
    pickle += foreign.tensor("0", (2, 2), (2, 1), 4) + b"u."
    foreign.write_zip(path, pickle, {"0": x})
    same(torchfile.read(path), {"x": x})


def test_a_whole_model_is_refused_with_the_remedy():
    with pytest.raises(UserError, match=r"torch\.nn\.modules\.linear\.Linear.*state_d"):
        npalexnet.load(FILES / "module.pth")


LIES = {
    "before the storage": {"offset": -1},
    "behind the storage": {"offset": 3},
    "negative shape": {"shape": (-2, 3)},
    "negative strides": {"strides": (-3, 1)},
    "too large": {"shape": (2, 4)},
    "strides too wide": {"strides": (4, 1)},
    "one stride": {"strides": (3,)},
    "expanded": {"shape": (10**9, 10**9), "strides": (0, 0)},
    "repeated": {"strides": (0, 1)},
    "overlapping": {"strides": (1, 1)},
    "overflow": {"shape": (2**62, 4), "strides": (2**62, 1)},
    "sixty axes": {"shape": (1,) * 60, "strides": (1,) * 60},
    "a larger storage": {"size": 7},
    "a negative storage": {"size": -6},
    "another type": {"storage": "DoubleStorage"},
    "an unknown type": {"storage": "ComplexFloatStorage"},
    "no such storage": {"key": "1"},
    "outside of the zip": {"key": "../../etc/passwd"},
}


@pytest.mark.parametrize("lie", LIES)
def test_a_tensor_never_reaches_beyond_its_storage(tmp_path, lie):
    honest = {"key": "0", "shape": (2, 3), "strides": (3, 1), "size": 6}
    path, x = tmp_path / "net.pth", foreign.parameter("x", (2, 3))
    name = "features.0.weight"
    foreign.write_zip(path, foreign.program({name: foreign.tensor(**honest)}), {"0": x})
    same(torchfile.read(path), {name: x})
    lying = foreign.tensor(**{**honest, **LIES[lie]})
    foreign.write_zip(path, foreign.program({name: lying}), {"0": x})
    with pytest.raises(UserError, match=r"net\.pth"):
        weights.read(path)


def test_tensors_may_share_a_storage_but_not_without_end(tmp_path):
    """Tied weights do. A hundred views of one array would be a hundred copies of it."""
    path, x = tmp_path / "net.pth", foreign.parameter("x", (2, 3))
    names = ["features.0.weight", "features.3.weight", "features.6.weight"]
    for count in (1, 2, 3):
        tensor = foreign.tensor("0", (2, 3), (3, 1), 6)
        pickle = foreign.program(dict.fromkeys(names[:count], tensor))
        foreign.write_zip(path, pickle, {"0": x})
        if count < 3:
            same(torchfile.read(path), dict.fromkeys(names[:count], x))
    with pytest.raises(UserError, match="tensors have 72 bytes, but 24 are there"):
        weights.read(path)


def test_a_compressed_copy_of_a_fresh_network_is_loaded(tmp_path):
    """Its biases are zeros, and so is its velocity, which may unpack to much more."""
    path, graph = tmp_path / "net.npz", alexnet("small", 2)
    velocity = {n: np.zeros_like(p.data) for n, p in graph.params.items()}
    npalexnet.save(path, graph, velocity=velocity)
    whole = dict(np.load(path))
    np.savez_compressed(path, **whole)
    back, extra = checkpoint.load_all(path)
    for name, param in graph.params.items():
        assert (param.data == back.params[name].data).all()
        assert (extra["velocity"][name] == 0).all()
        extra["velocity"][name] += 1  # it is the caller's


def test_memory_is_not_promised_away(tmp_path):
    """A memo of 2^31 places, a text of 2^63 letters, a long list copied many times."""
    path = tmp_path / "net.pth"
    pairs = b"".join(foreign.number(i) + b"N\x86" for i in range(20_000))
    many = b"(" + pairs + b"lq\x00"
    for body in (
        b"}r\xff\xff\xff\x7f",
        b"\x8d" + b"\xff" * 8 + b"x",
        b"\x8b\xff\xff\xff\x7f",
        many + (foreign.named("collections", "OrderedDict") + b"h\x00\x85R") * 300,
    ):
        foreign.write_zip(path, b"\x80\x02" + body + b".", {})
        assert peak_of(f"weights.read({str(path)!r})") < 60e6


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    """100 MB of zeros in 0.1 MB: PyTorch never compresses, NumPy at most 1 GB."""
    path = tmp_path / "bomb.pth"
    zeros = np.zeros(25_000_000, np.float32)
    name = "features.0.weight"
    bomb = foreign.tensor("0", zeros.shape, (1,), zeros.size)
    compress = zipfile.ZIP_DEFLATED
    foreign.write_zip(path, foreign.program({name: bomb}), {"0": zeros}, compress)
    assert path.stat().st_size < 1e6
    assert peak_of(f"weights.read({str(path)!r})") < 60e6
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", compress) as archive:
        archive.writestr("conv1.w.npy", zeros.data)
    whole = path.read_bytes()
    size = zeros.nbytes.to_bytes(4, "little")
    assert whole.count(size) >= 1
    for said in ((1000).to_bytes(4, "little"), b"\xff\xff\xff\xff"):
        path.write_bytes(whole.replace(size, said))
        assert peak_of(f"weights.read({str(path)!r})") < 60e6


def peak_of(command):
    """Bytes by which a UserError's way takes the memory up, in a process of its own."""
    if not Path("/proc/self/status").exists():
        pytest.skip("the peak of a process's memory is read from Linux's /proc")
    script = f"""
import npalexnet
from npalexnet import weights
from npalexnet.system.errors import UserError
def peak():  # not getrusage: what it says begins with the parent's peak
    lines = open("/proc/self/status").read().splitlines()
    return next(1024 * int(s.split()[1]) for s in lines if s.startswith("VmHWM"))
before = peak()
try:
    {command}
except UserError:
    print(peak() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, timeout=100
    )
    return int(done.stdout)


# --------------------------------------------------------- lies of the other formats


def write_safetensors(path, table, data=b"", length=None):
    text = table if isinstance(table, bytes) else json.dumps(table).encode()
    length = len(text) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + text + data)


def entry(shape=(2,), start=0, stop=8, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


@pytest.mark.parametrize(
    ("table", "size"),
    [
        ({"conv1.w": entry()}, 7),
        ({"conv1.w": entry()}, 9),
        ({"conv1.w": entry((3,))}, 8),
        ({"conv1.w": entry((-2,))}, 8),
        ({"conv1.w": entry((2**62, 2**62, 16))}, 8),
        ({"conv1.w": entry((2,) + (1,) * 100)}, 8),
        ({"conv1.w": entry((2.0,))}, 8),
        ({"conv1.w": entry((True, 2))}, 8),
        ({"conv1.w": entry(dtype="C64", shape=(1,))}, 8),
        ({"conv1.w": entry(start=False)}, 8),
        ({"conv1.w": entry(start=-8, stop=0)}, 8),
        ({"conv1.w": entry(start=8, stop=16)}, 16),
        ({"conv1.w": entry(start=8, stop=0)}, 8),
        ({"conv1.w": entry(), "conv1.b": entry()}, 8),
        ({"conv1.w": entry(), "conv1.b": entry(start=4, stop=12)}, 12),
        ({"conv1.w": entry(), "conv1.b": entry(start=12, stop=20)}, 20),
        ({"conv1.w": entry(stop=2**70)}, 8),
        ({"conv1.w": 3}, 8),
        ({"conv1.w": entry(), "__metadata__": {"a": 3}}, 8),
        ([1, 2], 8),
        (b"{" * 100_000, 8),
        (b'{"conv1.w":' + b"9" * 10_000 + b"}", 8),
        (
            json.dumps({"conv1.w": entry()}).encode()[:-1]
            + b', "conv1.w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}',
            8,
        ),
    ],
)
def test_lies_in_a_table_of_safetensors(tmp_path, table, size):
    path = tmp_path / "net.safetensors"
    write_safetensors(path, {"conv1.w": entry()}, bytes(8))
    same(safetensors.read(path)[0], {"conv1.w": np.zeros(2)})
    write_safetensors(path, table, bytes(size))
    with pytest.raises(UserError, match=r"net\.safetensors: expected a whole file"):
        npalexnet.load(path)


def test_a_table_or_a_shape_that_takes_hours(tmp_path):
    path = tmp_path / "net.safetensors"
    write_safetensors(path, {"conv1.w": entry((987_654_321,) * 100_000)}, bytes(8))
    with pytest.raises(UserError, match="100000 axes"):
        npalexnet.load(path)
    write_safetensors(path, b"{", length=10**8 + 1)
    with path.open("r+b") as file:
        file.truncate(10**8 + 100)  # no room is taken by what is not written
    with pytest.raises(UserError, match="too long"):
        npalexnet.load(path)


def test_a_wrong_number_in_a_zip_is_noticed(tmp_path):
    """Each member has a checksum; the other formats have none."""
    number = EXPECTED["zip.pth/double"].tobytes()[:8]
    whole = (FILES / "zip.pth").read_bytes()
    assert whole.count(number) == 1
    path = tmp_path / "net.pth"
    path.write_bytes(whole.replace(number, bytes(8)))
    with pytest.raises(UserError, match="checksum"):
        npalexnet.load(path)


def test_arrays_of_npz_in_either_order_and_no_objects(tmp_path):
    path = tmp_path / "net.npz"
    x = foreign.parameter("x", (3, 4))
    for write in (np.savez, np.savez_compressed):
        write(path, **{"conv1.w": x, "conv1.b": np.asfortranarray(x)})
        same(weights.read(path), {"conv1.w": x, "conv1.b": x})
    np.savez(path, **{"conv1.w": np.array([{}])})
    with pytest.raises(UserError, match="Python objects"):
        npalexnet.load(path)


def test_a_table_longer_than_the_file(tmp_path):
    path = tmp_path / "net.safetensors"
    for length in (2**63, 2**64 - 1, 1000, 10**8 + 1):
        write_safetensors(path, {"conv1.w": entry()}, bytes(8), length)
        with pytest.raises(UserError, match=r"net\.safetensors: expected a whole file"):
            npalexnet.load(path)


@pytest.mark.parametrize(
    "blob",
    [
        foreign.field(7, foreign.field(1, b"\x03")) + foreign.field(5, bytes(8)),
        foreign.field(7, foreign.field(1, b"\xff" * 9 + b"\x01")),
        foreign.field(7, foreign.field(1, b"\xff" * 11)),
        foreign.field(7, foreign.field(1, b"\x80\x80\x80\x80\x20" * 20)),
        foreign.field(7, foreign.field(1, b"\x02")) + foreign.field(5, bytes(7)),
        foreign.field(7, foreign.field(1, b"\x02")) + b"\x2a\x09" + bytes(8),
        b"\x08\x02" + foreign.field(5, bytes(8)),
        b"\x3b",
        b"\x28\x01",
    ],
)
def test_lies_in_a_caffemodel(tmp_path, blob):
    path = tmp_path / "net.caffemodel"
    layer = foreign.field(1, b"conv1") + foreign.field(7, blob)
    path.write_bytes(foreign.field(100, layer))
    with pytest.raises(UserError, match=r"net\.caffemodel: expected a whole file"):
        npalexnet.load(path)


@pytest.mark.parametrize(
    "file", [*READABLE, "module.pth", "own.npz", "own.safetensors"]
)
@settings(max_examples=100, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_damage_ends_in_one_line_or_not_at_all(tmp_path_factory, file, data):
    """Whatever bytes are changed or cut off: weights, or a UserError, nothing else."""
    whole = bytearray(small_file(tmp_path_factory, file))
    places = st.integers(0, len(whole) - 1) | st.integers(0, min(300, len(whole) - 1))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(places)] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del whole[data.draw(places) :]
    path = tmp_path_factory.getbasetemp() / f"damaged{Path(file).suffix}"
    path.write_bytes(whole)
    for use in (weights.read, npalexnet.load):
        try:
            use(path)
        except UserError as error:
            assert "\n" not in str(error)


def small_file(tmp_path_factory, file):
    if not file.startswith("own"):
        return (FILES / file).read_bytes()
    path = tmp_path_factory.getbasetemp() / file
    if not path.exists():
        graph = npalexnet.Graph({"conv1": npalexnet.layers.Conv2d(3, 2, 3)}, (3, 4, 4))
        npalexnet.save(path, graph, note="x", velocity={"conv1.w": np.ones(3)})
    return path.read_bytes()


@pytest.mark.parametrize("file", READABLE)
def test_a_file_cut_short_is_refused(tmp_path, file):
    whole = (FILES / file).read_bytes()
    path = tmp_path / file
    for length in (0, 1, 8, 9, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(UserError) as error:
            npalexnet.load(path)
        assert str(path) in str(error.value)


@pytest.mark.parametrize("file", READABLE)
def test_the_bytes_say_what_a_file_is_if_its_name_does_not(tmp_path, file):
    path = tmp_path / "downloaded"
    path.write_bytes((FILES / file).read_bytes())
    kind = {".pth": "torch"}.get(Path(file).suffix, Path(file).suffix[1:])
    assert formats.kind(path) == kind


# ------------------------------------------------- files that ask for time or memory

ORDERED = foreign.named("collections", "OrderedDict")
POWER = b")" + b"q\x00h\x00\x86" * 64  # t = (t, t), again and again: 2^64 values
TINY = foreign.parameter("x", (2, 2))


def colliding_keys():
    """Whole numbers that all have the same hash in Python."""
    numbers = (foreign.number(i * (2**61 - 1)) for i in range(60_000))
    return b"}(" + b"".join(number + b"N" for number in numbers) + b"u"


def no_storage(kind):
    """What BINPERSID takes, with something else than the text "storage"."""
    rest = foreign.named("torch", "FloatStorage") + foreign.text("0") + b"NK\x01"
    return b"(" + kind + rest + b"tQ"


HOSTILE_PICKLES = {
    "a key nested 200,000 deep": b"})" + b"\x85" * 200_000 + b"Ns",
    "a key of 2^64 values": b"}" + POWER + b"Ns",
    "a key of pairs": ORDERED + b"]" + POWER + b"N\x86a\x85R",
    "keys that collide": colliding_keys(),
    "a message of 2^64 values": no_storage(POWER),
    "a name of 2^64 values": POWER + b"h\x00\x93",
    "a million values": b"(" + b"N" * 1_000_000 + b"t",
    "values nested 200,000 deep": b")" + b"\x85" * 200_000,
    "a list in itself": b"]q\x00h\x00a",
    "a long text": foreign.text("😀" + "a" * 100_000_000),
}


def zip_of(path, members, compress=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compress, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def npy_of(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header_of(line):
    """The beginning of an .npy, with any line in front of the numbers."""
    return b"\x93NUMPY\1\0" + len(line).to_bytes(2, "little") + line


def directory(names, about=b"PK\1\2" + bytes(24)):
    """The end of a zip that lists members of these names, all at the same place."""
    listed = b"".join(about + b"\1\0" + bytes(16) + name for name in names)
    end = b"PK\5\6" + bytes(4) + b"\1\0\1\0" + len(listed).to_bytes(4, "little")
    return listed, end


def write_crowd(path):
    """Half a million members, none of which is there."""
    listed, end = directory([b"x"] * 500_000)
    path.write_bytes(listed + end + bytes(4) + bytes(2))


def write_overlapping(path):
    """A thousand members that are the same 16 MB."""
    zip_of(path, {"0.npy": npy_of(np.zeros(16_000_000, np.uint8))})
    whole = path.read_bytes()
    start = whole.rindex(b"PK\1\2")
    entry = whole[start : whole.rindex(b"PK\5\6")]
    entries = [entry[:-5] + b"%05d" % i for i in range(1000)]
    listed = b"".join(e[:28] + b"\5\0" + e[30:46] + e[-5:] for e in entries)
    end = b"PK\5\6" + bytes(4) + b"\xe8\3" * 2 + len(listed).to_bytes(4, "little")
    path.write_bytes(
        whole[:start] + listed + end + start.to_bytes(4, "little") + bytes(2)
    )


def own(path, **changes):
    """A checkpoint of ours in which something is said otherwise."""
    graph = npalexnet.Graph({"fc": Linear(3, 2)}, (3,))
    described = {**checkpoint.describe(graph), "extra": {}, **changes}
    arrays = {name: param.data for name, param in graph.params.items()}
    arrays |= {"input.mean": np.zeros(3), "input.std": np.ones(())}
    np.savez(path, **arrays, about=np.array(json.dumps(described)))


def layer_of(kind, multipliers=(), **settings):
    return [
        {
            "name": "fc",
            "layer": kind,
            "settings": settings,
            "multipliers": dict.fromkeys(multipliers, (1, 1)),
        }
    ]


def bytes_replaced(path, old, new):
    whole = path.read_bytes()
    assert old in whole
    path.write_bytes(whole.replace(old, new))


def write_encrypted(path):
    zip_of(path, {"about.npy": npy_of(np.array("{}"))})
    whole = bytearray(path.read_bytes())
    whole[6] |= 1
    whole[whole.rindex(b"PK\1\2") + 8] |= 1
    path.write_bytes(whole)


def write_of_the_future(path):
    """A zip that only version 6.4 of some program can unpack."""
    zip_of(path, {"about.npy": npy_of(np.array("{}"))})
    whole = bytearray(path.read_bytes())
    whole[whole.rindex(b"PK\1\2") + 6] = 64
    path.write_bytes(whole)


def write_broken_lzma(path):
    zip_of(path, {"about.npy": npy_of(np.array("{}"))}, zipfile.ZIP_LZMA)
    whole = bytearray(path.read_bytes())
    whole[48:60] = b"\xff" * 12
    path.write_bytes(whole)


def write_bad_name(path):
    """The name of a member, where it lies, is no UTF-8, though it says so."""
    zip_of(path, {"about.npy": npy_of(np.array("{}"))})
    whole = bytearray(path.read_bytes())
    whole[7] |= 8
    whole[30:32] = b"\xff\xfe"
    path.write_bytes(whole)


def write_bomb(path, **first):
    """300 MB of zeros in 1.3 MB."""
    zeros = header_of(
        b"{'descr': '|u1', 'fortran_order': False, 'shape': (300000000,)}"
    )
    members = {f"{name}.npy": npy_of(array) for name, array in first.items()}
    zip_of(path, members | {"x.npy": zeros + bytes(300_000_000)}, zipfile.ZIP_DEFLATED)


def write_table_of(path, text):
    write_safetensors(path, text)


def in_npz(line):
    return lambda path: zip_of(path, {"about.npy": header_of(line)})


def of_layer(*given, **settings):
    return lambda path: own(path, layers=layer_of(*given, **settings))


LAYER = foreign.field(1, b"conv1")
HOSTILE = {
    **{
        f"{name}.pth": lambda path, body=body: foreign.write_zip(
            path, b"\x80\x02" + body + b".", {}
        )
        for name, body in HOSTILE_PICKLES.items()
    },
    "a bomb.npz": write_bomb,
    "a bomb of ours.npz": lambda path: write_bomb(path, about=np.array("{}")),
    "a crowd.npz": write_crowd,
    "overlapping.npz": write_overlapping,
    "encrypted.npz": write_encrypted,
    "of the future.npz": write_of_the_future,
    "broken lzma.npz": write_broken_lzma,
    "a bad name.npz": write_bad_name,
    "no end.npz": in_npz(b"{'descr': '<f4', 'shape': ('''"),
    "no line.npz": in_npz(b"  {\n 1:\n  (\n"),
    "indented.npz": in_npz(b"x\n  y\n z"),
    "operators.npz": in_npz(b"-" * 9000 + b"1"),
    "a shape of texts.npz": in_npz(
        b"{'descr': '|u1', 'fortran_order': False, 'shape': ('aaaaaaaa', 99999999)}"
    ),
    "extra is a number.npz": lambda path: own(path, extra=5),
    "about is a number.npz": lambda path: own(path, about=5),
    "classes are numbers.npz": lambda path: own(path, classes=[5]),
    "about is nested.npz": lambda path: zip_of(
        path, {"about.npy": npy_of(np.array("[" * 100_000))}
    ),
    "a large layer.npz": of_layer("Linear", "wb", inputs=2**20, units=2**20),
    "large biases.npz": of_layer("Linear", "wb", inputs=0, units=10**9),
    "a layer that draws.npz": of_layer("Linear", "", inputs=10**4, units=10**4),
    "a large format.npz": of_layer("LRN", size="%999999999d"),
    "a large dtype.npz": lambda path: own(path, dtype="U100000000"),
    "nested.safetensors": lambda path: write_safetensors(
        path, b'{"a":' + b"[" * 100_000
    ),
    "many values.safetensors": lambda path: write_safetensors(
        path, b'{"a":[' + b"[]," * 7_000_000 + b"0]}"
    ),
    "many fields.caffemodel": lambda path: path.write_bytes(b"\x18\1" * 5_000_000),
    "many axes.caffemodel": lambda path: path.write_bytes(
        foreign.field(
            100, LAYER + foreign.field(7, foreign.field(7, b"\x0a\x80\x80\x80\x01"
            + b"\1" * 2_097_152))
        )
    ),
    "a long name.caffemodel": lambda path: path.write_bytes(
        foreign.field(1, "😀".encode() + b"a" * 100_000_000)
    ),
}  # fmt: skip

LOAD_EACH = """
import os, signal, sys, time
import npalexnet
from npalexnet import weights
from npalexnet.system.errors import UserError
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(1024 * int(s.split()[1]) for s in lines if s.startswith("VmHWM"))
for path in sys.argv[1:]:
    for use in weights.read, npalexnet.load:
        if os.fork():
            os.wait()
            continue
        signal.alarm(5)
        open("/proc/self/clear_refs", "w").write("5")
        before, said = peak(), "loaded"
        try:
            use(path)
        except UserError as error:
            said = "UserError" if path in str(error) else "nameless"
        except Exception as error:
            said = type(error).__name__
        print(path, time.process_time(), peak() - before, said, sep="|", flush=True)
        os._exit(0)
"""


@pytest.fixture(scope="module")
def costs(tmp_path_factory):
    """Of each hostile file: (seconds, bytes, outcome) of reading, and of loading it.

    Each is opened in a process of its own, which it may bring down.
    """
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("the peak of a process's memory is read from Linux's /proc")
    folder = tmp_path_factory.mktemp("hostile")
    for name, write in HOSTILE.items():
        write(folder / name)
    paths = [folder / name for name in HOSTILE]
    sizes = {path.name: path.stat().st_size for path in paths}
    command = [sys.executable, "-c", LOAD_EACH, *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = {name: [] for name in HOSTILE}
    for line in done.stdout.splitlines():
        path, seconds, peak, said = line.split("|")
        name = Path(path).name
        found[name].append((float(seconds), int(peak) - 4 * sizes[name], said))
    for path in paths:
        path.unlink()
    return found


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_soon_and_with_little_memory(costs, name):
    """Within 2 s, and four times its own size and 200 MB."""
    assert len(costs[name]) == 2, "the process died, or took too long"
    for seconds, too_large, said in costs[name]:
        assert said == "UserError"
        assert seconds < 2
        assert too_large < 200e6


# ------------------------------------------------------------- names, shapes, variants


def owt(classes=2, **changes):
    """torchvision's arrays; large ones are zeros, which cost nothing."""
    arrays = {}
    for name, shape in foreign.OWT.items():
        shape = (classes, *shape[1:]) if name == "classifier.6" else shape
        arrays[f"{name}.weight"] = np.zeros(shape, np.float32)
        arrays[f"{name}.bias"] = np.zeros(shape[:1], np.float32)
    arrays.update(changes)
    return {name: array for name, array in arrays.items() if array is not None}


def found(arrays):
    """`weights.read` of arrays that need not be in a file."""
    return names.from_names(arrays)


@pytest.fixture
def in_file(monkeypatch):
    """Let `read` find these arrays in any file."""

    def let(arrays):
        read = arrays if isinstance(arrays, names.Weights) else found(arrays)
        monkeypatch.setattr(formats, "read", lambda path: read)

    return let


def test_torchvision_is_recognised(in_file):
    in_file({f"module.{name}": a for name, a in owt(classes=7).items()})
    graph = filling.load_foreign("some.pth")
    assert graph.about["variant"] == "owt"
    assert graph.about["source"] == "torchvision's AlexNet (variant owt), from some.pth"
    assert graph.output_shapes["fc8"] == (7,)
    assert graph.input.classes == ()
    agree(graph.input.mean / 255, [0.485, 0.456, 0.406])
    agree(graph.input.std / 255, [0.229, 0.224, 0.225])
    assert (graph.input.side, graph.input.crop) == (256, 224)


def test_imagenet_has_its_names(in_file):
    in_file(owt(classes=1000))
    classes = filling.load_foreign("some.pth").input.classes
    assert len(set(classes)) == 1000
    assert (classes[0], classes[1], classes[207], classes[999]) == (
        "tench",
        "goldfish",
        "golden retriever",
        "toilet tissue",
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"features.3.weight": None},
            r"conv2\.w: expected with shape \(192, 64, 5, 5\), is missing",
        ),
        (
            {"features.3.bias": np.zeros(193)},
            r"conv2\.b \(features\.3\.bias\): expected shape \(192,\), found \(193,\)",
        ),
        (
            {"features.1.weight": np.zeros(64)},
            r"features\.1\.weight: not expected, found with shape \(64,\)",
        ),
        (
            {"classifier.6.weight": np.zeros((2, 9))},
            r"fc8\.w \(classifier\.6\.weight\): expected shape \(1000, 4096\), found",
        ),
        (
            {"classifier.1.weight": np.zeros((4096, 6400), np.float32)},
            r"fc6\.w .*expected shape \(4096, 9216\), found \(4096, 6400\)",
        ),
        ({"classifier.6.bias": np.array([1, np.nan])}, r"fc8\.b .*infinity or NaN"),
        ({"classifier.6.bias": np.array([1, np.inf])}, r"fc8\.b .*infinity or NaN"),
        ({"classifier.6.bias": np.array(["1", "2"])}, r"fc8\.b .*expected numbers"),
    ],
)
def test_an_array_that_does_not_fit_is_named(in_file, changes, message):
    in_file(owt(**changes))
    with pytest.raises(UserError, match=message) as error:
        filling.load_foreign("some.pth")
    assert str(error.value).startswith("some.pth: ")


def test_names_of_no_alexnet_are_told(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, **{"layer1.0.conv1.weight": np.ones(3)})
    with pytest.raises(UserError, match=r"other names: layer1\.0\.conv1\.weight"):
        npalexnet.load(path)


def test_a_strangers_words_do_not_reach_the_terminal_raw(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, **{"a\nb\x1b[31m": np.ones(3)})
    with pytest.raises(UserError, match=r"other names: a\\nb\\x1b\[31m"):
        npalexnet.load(path)
    graph = alexnet("small", 2)
    arrays = {f"{name}\n": param.data for name, param in graph.params.items()}
    with pytest.raises(UserError) as error:
        weights.put(graph, arrays)
    assert str(error.value).isprintable()


def blobs(order, name="", last="fc8"):
    shapes = {**foreign.CAFFE, last: (5, 4096)}
    if last != "fc8":
        del shapes["fc8"]
    arrays = {
        n: [np.zeros(s, np.float32), np.zeros(s[:1], np.float32)]
        for n, s in shapes.items()
    }
    return names.from_caffe(caffemodel.Net(name, ["data", "conv1", *order], arrays))


@pytest.mark.parametrize(
    ("order", "name", "variant", "says"),
    [
        (["norm1", "pool1"], "CaffeNet", "caffe", "Caffe's AlexNet (variant caffe)"),
        (["pool1", "norm1"], "AlexNet", "caffenet", "Caffe's CaffeNet (variant caffen"),
        ([], "AlexNet", "caffe", "Caffe's AlexNet"),
        ([], "CaffeNet", "caffenet", "Caffe's CaffeNet"),
    ],
)
def test_the_order_of_layers_tells_caffe_from_caffenet(
    in_file, order, name, variant, says
):
    in_file(blobs(order, name))
    graph = filling.load_foreign("a.caffemodel")
    assert graph.about["variant"] == variant
    assert graph.about["source"].startswith(says)
    assert graph.output_shapes["fc8"] == (5,)
    assert graph.input.crop == 227 and graph.input.std == 1
    agree(graph.input.mean, [122.7, 116.7, 104.0])


def test_neither_order_nor_name_is_refused():
    with pytest.raises(UserError, match="expected Caffe's AlexNet or CaffeNet"):
        blobs([], "VGG")


def test_a_renamed_last_layer_of_caffe_is_taken(in_file):
    in_file(blobs(["norm1", "pool1"], last="fc8_flickr"))
    assert filling.load_foreign("a.caffemodel").output_shapes["fc8"] == (5,)


@pytest.mark.parametrize("count", [3, 9])
def test_a_layer_of_caffe_has_weights_and_biases_and_no_more(in_file, count):
    shapes = foreign.CAFFE.items()
    blobs = {n: [np.zeros(s, np.float32), np.zeros(s[:1])] for n, s in shapes}
    blobs["conv2"] += [np.zeros(1)] * (count - 2)
    net = caffemodel.Net("AlexNet", list(blobs), blobs)
    in_file(names.from_caffe(net))
    last = min(count, 5) - 1  # three mistakes are told, the others counted
    with pytest.raises(UserError, match=rf"conv2\.blob{last}: not expected, found"):
        filling.load_foreign("a.caffemodel")


def test_our_names_need_a_variant_if_shapes_do_not_tell(tmp_path):
    path = tmp_path / "bare.npz"
    for variant, same_shapes in (
        ("small", ["small"]),
        ("paper", ["paper", "code2012", "caffe", "caffenet"]),
    ):
        graph = outline(variant, 3)
        np.savez(path, **{n: p.data for n, p in graph.params.items()})
        if len(same_shapes) == 1:
            assert npalexnet.load(path).about["variant"] == variant
            assert npalexnet.load(path).output_shapes["fc8"] == (3,)
        else:
            with pytest.raises(UserError, match=", ".join(same_shapes)):
                npalexnet.load(path)


# --------------------------------------------------------------- into a network


def test_read_and_put_a_part(tmp_path):
    path = tmp_path / "net.npz"
    npalexnet.save(path, alexnet("small", 3, seed=1))
    old, new = alexnet("small", 3, seed=1), alexnet("small", 5, seed=2)
    arrays = weights.read(path)
    assert list(arrays) == list(old.params)
    weights.put(new, arrays, layers=["conv1", "conv3"])
    fresh = alexnet("small", 5, seed=2)
    for name, param in new.params.items():
        source = old if name.split(".")[0] in ("conv1", "conv3") else fresh
        assert (param.data == source.params[name].data).all(), name


def test_put_is_all_or_nothing():
    graph = alexnet("small", 3)
    before = {n: p.data.copy() for n, p in graph.params.items()}
    arrays = {n: p.data + 1 for n, p in graph.params.items()}
    arrays["fc8.b"] = np.zeros(4)
    with pytest.raises(UserError, match=r"fc8\.b: expected shape \(3,\), found \(4,\)"):
        weights.put(graph, arrays)
    assert all((graph.params[n].data == a).all() for n, a in before.items())
    with pytest.raises(ValueError, match="conv9, relu1"):
        weights.put(graph, arrays, layers=["conv1", "conv9", "relu1"])


def test_put_follows_the_dropout_of_the_network():
    """A test-time y = W x everywhere: ours halves x where others leave it."""
    ones = {"fc6.w": np.ones((1024, 512)), "fc6.b": np.full(1024, 3.0)}
    foreigner = names.Weights(ones, "torchvision")
    for before, dropout, arrays, value in (
        (True, 0.5, foreigner, 2),
        (True, 0.75, foreigner, 4),
        (False, 0.5, foreigner, 1),
        (True, 0.5, names.Weights(ones, "npalexnet"), 1),
        (True, 0.5, ones, 1),
    ):
        layers = alexnet("small", 2).layers
        drop = {"drop": Dropout(dropout)} if before else {}
        graph = npalexnet.Graph({**drop, "fc6": layers["fc6"]}, (512,))
        weights.put(graph, arrays, ["fc6"])
        assert (graph.params["fc6.w"].data == value).all()
        assert (graph.params["fc6.b"].data == 3).all()


def test_filters_alone_make_a_backbone(tmp_path):
    path = tmp_path / "filters.npz"
    arrays = {
        n: foreign.parameter(n, a.shape)
        for n, a in owt().items()
        if n.startswith("features")
    }
    np.savez(path, **arrays)
    with pytest.raises(UserError, match=r"holds filters of owt alone.*backbone"):
        npalexnet.load(path)
    half = weights.backbone(path)
    assert list(half.layers)[-1] == "pool5"
    assert (
        half.about["source"] == "torchvision's AlexNet (variant owt), from filters.npz"
    )
    x = half.prepare(foreign.picture()[None])
    features = half.forward(x, keep=False)
    assert features.shape == (1, 256, 6, 6)
    whole = outline("owt", 2)
    weights.put(whole, weights.read(path), [f"conv{i}" for i in range(1, 6)])
    assert (whole.forward(x, until="pool5", keep=False) == features).all()


def test_the_filters_that_come_with_the_package():
    path = ROOT / "data" / "owt-conv1.npz"
    arrays = weights.read(path)
    assert {n: a.shape for n, a in arrays.items()} == {
        "conv1.w": (64, 3, 11, 11),
        "conv1.b": (64,),
    }
    weights.put(outline("owt", 2), arrays, ["conv1"])
    # a learned filter is smooth: neighbours are alike, those of noise are not
    w = arrays["conv1.w"]
    assert np.corrcoef(w[..., 1:].ravel(), w[..., :-1].ravel())[0, 1] > 0.5


# ------------------------------------------------------------------------- writing


def test_safetensors_bring_everything_back(tmp_path):
    path = tmp_path / "net.safetensors"
    graph = npalexnet.alexnet("small", 2, dropout=0.25, dtype=np.float64)
    mean, std = np.array([1.5, 1 / 3, 3]), np.array(7.0)
    graph.input = graph.input._replace(mean=mean, std=std, classes=("ä", "b"))
    npalexnet.save(path, graph, velocity={"v": np.ones(3)}, step=12)
    back, extra = checkpoint.load_all(path)
    assert extra["step"] == 12 and (extra["velocity"]["v"] == 1).all()
    assert back.about == graph.about
    assert back.input.classes == ("ä", "b")
    assert (back.input.mean == mean).all() and back.input.std == 7
    assert back.input.std.shape == ()
    for name, param in graph.params.items():
        assert (param.data == back.params[name].data).all()
    arrays, _ = safetensors.read(path)
    assert "conv1.w" in arrays and "input.mean" not in arrays
    renamed = path.rename(tmp_path / "network")
    assert npalexnet.load(renamed).about == graph.about
    picture = np.random.default_rng(0).random((64, 64, 3))
    graph.input = graph.input._replace(mean=picture)
    npalexnet.save(path, graph)
    assert (npalexnet.load(path).input.mean == picture).all()


def test_owt_is_written_for_pytorch(tmp_path):
    path = tmp_path / "net.safetensors"

    def tiny(seed):
        """The names and the order of owt, with one map and small pictures."""
        rng = np.random.default_rng(seed)
        layers = outline("owt", 3).layers
        for n in range(1, 6):
            layers[f"conv{n}"] = Conv2d(3 if n == 1 else 1, 1, 3, pad=1, rng=rng)
        layers |= {f"fc{n}": Linear(1, 3 if n == 8 else 1, rng=rng) for n in (6, 7, 8)}
        graph = npalexnet.Graph(layers, (3, 15, 15))
        graph.about = {"variant": "owt"}
        return graph

    graph = tiny(4)
    npalexnet.save(path, graph)
    arrays, texts = safetensors.read(path)
    assert list(arrays) == list(owt())
    assert texts["format"] == "pt"
    for theirs, ours, factor in (
        ("features.0.weight", "conv1.w", 1),
        ("classifier.1.weight", "fc6.w", 0.5),
        ("classifier.4.weight", "fc7.w", 0.5),
        ("classifier.4.bias", "fc7.b", 1),
        ("classifier.6.weight", "fc8.w", 1),
    ):
        assert (arrays[theirs] == graph.params[ours].data * np.float32(factor)).all()
    back = npalexnet.load(path)
    other = tiny(5)
    weights.put(other, weights.read(path))
    for name, param in graph.params.items():
        assert (param.data == back.params[name].data).all(), name
        assert (param.data == other.params[name].data).all(), name


def test_safetensors_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "net.safetensors"
    npalexnet.save(path, alexnet("small", 2, seed=1))
    before = path.read_bytes()

    def no_room(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(UserError, match="No space left on device"):
        npalexnet.save(path, alexnet("small", 2, seed=2))
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["net.safetensors"]


# ------------------------------------------------------------------ whole networks


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("whole")


def said(path):
    """What the loaded network says of the picture; and the network."""
    graph = npalexnet.load(path)
    x = graph.prepare(foreign.picture()[None])
    return graph.forward(x, keep=False), graph


@pytest.mark.parametrize("suffix", ["pth", "npz", "safetensors"])
def test_torchvisions_network_says_what_pytorch_says(folder, suffix):
    path, arrays = folder / f"net.{suffix}", foreign.torchvision_arrays()
    if suffix == "pth":
        foreign.write_torch(path, arrays)
    elif suffix == "npz":
        np.savez(path, **arrays)
    else:
        with path.open("wb") as file:
            safetensors.write(file, arrays, {})
    logits, graph = said(path)
    path.unlink()
    agree(logits, LOGITS["owt"], 1e-4)
    assert graph.input.classes[0] == "tench"
    found = {n: p.data for n, p in graph.params.items()}
    assert sum(a.size for a in found.values()) == 61_100_840


@pytest.mark.parametrize("variant", ["caffe", "caffenet"])
def test_caffes_networks_say_what_caffes_rules_say(folder, variant):
    path = folder / "net.caffemodel"
    foreign.write_caffe(path, foreign.caffe_arrays(), pool_first=variant == "caffenet")
    logits, graph = said(path)
    path.unlink()
    assert graph.about["variant"] == variant
    agree(logits, LOGITS[variant], 1e-4)


def test_loading_takes_little_more_memory_than_the_network(folder):
    """The network, and the part of the file that is being copied: not file and all."""
    path = folder / "net.pth"
    foreign.write_torch(path, foreign.torchvision_arrays())
    size = path.stat().st_size
    peak = peak_of(f"npalexnet.load({str(path)!r}); raise UserError('')")
    path.unlink()
    assert peak < 1.6 * size
