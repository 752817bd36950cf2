"""The explorer's page, without a browser: its parts, its policy, its errors."""

import json
import re

import numpy as np
import pytest
from test_predict import colour_network

from npalexnet import Graph, explore, layers
from npalexnet.explorer import pack, page
from npalexnet.explorer.page import KINDS
from npalexnet.layers import Conv2d, Layer
from npalexnet.system.errors import UserError
from npalexnet.weights import checkpoint

PIXELS = np.arange(2 * 8 * 8 * 3, dtype=np.uint8).reshape(2, 8, 8, 3)


def about(text):
    """What the page knows besides weights and pixels."""
    return json.loads(re.search(r'id="about">(.*?)</script>', text)[1])


def test_modules_are_joined_in_order_and_once():
    script = pack.join("network/worker.js")
    assert script.count('modules["layers/array.js"] = ') == 1
    for line in script.splitlines():
        assert not line.startswith(("import ", "export ")), line


def test_nothing_is_drawn_where_arithmetic_is_done():
    """layers/ and network/ know nothing of the page."""
    for folder in ("layers", "network"):
        for file in (pack.HERE / folder).glob("*.js"):
            assert "document" not in file.read_text("utf-8"), file
            assert "../view/" not in file.read_text("utf-8"), file


@pytest.mark.parametrize(
    "module", sorted(p.stem for p in (pack.HERE / "layers").glob("*.js"))
)
def test_each_layer_file_mirrors_one_in_python(module):
    """The same names: conv2d_forward is conv2dForward."""
    source = (pack.HERE / "layers" / f"{module}.js").read_text("utf-8")
    folder = pack.HERE.parent / ("net" if module == "softmax" else "layers")
    python = {"softmax": "loss", "array": "layer"}.get(module, module)
    names = [
        line.split("(")[0].removeprefix("def ")
        for line in (folder / f"{python}.py").read_text("utf-8").splitlines()
        if line.startswith("def ") and line.endswith(("_forward(", "_backward("))
    ]
    for name in names:
        first, *rest = name.split("_")
        assert f"function {first}{''.join(map(str.title, rest))}" in source


def test_every_layer_is_known_to_the_page():
    kinds = {
        name
        for name in layers.__all__
        if isinstance(kind := getattr(layers, name), type)
        and issubclass(kind, Layer)
        and kind is not Layer
    }
    chain = (pack.HERE / "network" / "chain.js").read_text("utf-8")
    assert kinds == set(KINDS)
    assert set(re.findall(r"^  (\w+): \{$", chain, flags=re.M)) == kinds


def test_names_are_text_and_end_no_script():
    graph = colour_network(("<img src=x onerror=alert(1)>", "</script>", "{{weights}}"))
    text = page(graph, PIXELS, ["</script>", 0], names=["<b>", "<!--"]).text
    assert "<img" not in text and "<b>" not in text and "<!--" not in text
    said = about(text)
    assert said["network"]["classes"] == list(graph.input.classes)
    assert said["pictures"]["labels"] == [1, 0]
    assert said["pictures"]["names"] == ["<b>", "<!--"]


def test_the_policy_allows_nothing_from_outside():
    text = page(colour_network(), PIXELS).text
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    assert policy[1].startswith("default-src 'none'; ")
    assert "unsafe" not in policy[1] and "http" not in policy[1]
    assert '<html lang="en">' in text and "<title>" in text
    assert not re.search(r'(src|href)="?(https?:)?//', text)


def test_a_notebook_shows_it_in_a_frame():
    made = page(colour_network(), PIXELS)
    shown = made._repr_html_()
    assert shown.startswith("<iframe srcdoc=") and "<script" not in shown


@pytest.mark.parametrize("bits", [16, 8])
def test_rounding_is_small(bits):
    w = np.random.default_rng(0).standard_normal((4, 3, 5, 5)).astype(np.float32)
    error = np.abs(pack.rounded(w, bits) - w).max()
    assert 0 < error < {16: 1e-3, 8: 0.02}[bits]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": ["red"]}, "a label and a name for each of 2"),
        ({"labels": [0, 3]}, "expected 0 to 2"),
        ({"labels": ["red", "violet"]}, "'violet'"),
        ({"bits": 4}, "expected 16 or 8, found 4"),
        ({"pictures": np.zeros((2, 5, 5))}, "takes arrays"),
        ({"pictures": PIXELS[:0]}, "no image"),
    ],
)
def test_what_cannot_be_shown_is_said(change, says):
    given = {"pictures": PIXELS, **change}
    with pytest.raises(UserError, match=says):
        page(colour_network(), **given)


def test_networks_that_cannot_be_shown():
    with pytest.raises(UserError, match="knows the layers"):
        page(Graph({"own": Layer()}, (3, 8, 8)), PIXELS)
    with pytest.raises(UserError, match="one number per class"):
        page(Graph({"conv": Conv2d(3, 2, 3)}, (3, 8, 8)), PIXELS)
    graph = colour_network()
    graph.params["fc.w"].data[0, 0] = 1e9
    with pytest.raises(UserError, match="diverged"):
        page(graph, PIXELS)


def test_numbers_are_taken_as_the_input_they_are():
    x = np.random.default_rng(0).standard_normal((2, 3, 6, 6))
    assert about(page(colour_network(), x).text)["pictures"]["kind"] == "numbers"


def test_grey_pictures():
    assert about(page(colour_network(), PIXELS[..., 0]).text)["pictures"]["shape"] == [
        2,
        6,
        6,
        3,
    ]


def test_the_film_of_a_run_comes_along(tmp_path):
    assert (
        about(page(colour_network(), PIXELS, film=b"GIF89a").text)["film"] == "R0lGODlh"
    )


def test_the_command_writes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert explore.main(["--no-open", "--pictures", "7"]) == 0
    text = (tmp_path / "explorer.html").read_text("utf-8")
    assert len(about(text)["pictures"]["names"]) == 7
    assert len(text) < 9_000_000
    said = capsys.readouterr().out
    assert "2,163,914 weights, in 16 bits" in said and "--bits 8: 2.89 MB less" in said


def test_the_command_asks_for_pictures_and_refuses_giants(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    checkpoint.save("net.npz", colour_network())
    assert explore.main(["net.npz", "--no-open"]) == 2
    assert "--data PATH" in capsys.readouterr().err
    assert explore.main(["--no-open", "--pictures", "0"]) == 2
    monkeypatch.setattr(explore, "MOST_BYTES", 1_000_000)
    assert explore.main(["--no-open"]) == 2
    assert "--bits 8, or fewer --pictures" in capsys.readouterr().err
    assert not (tmp_path / "explorer.html").exists()
