"""The pictures: what is drawn in them, and that they open."""

import inspect
import io
import pkgutil
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from test_predict import colour_network

from npalexnet import alexnet, datasets, evaluate, figures
from npalexnet.net import inside
from npalexnet.net.loss import softmax
from npalexnet.training import evaluation, folder
from npalexnet.training.evaluation import Result
from npalexnet.weights import checkpoint


def drawn(figure):
    """The figure as a PNG's pixels; nothing of it may warn."""
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(out, dpi=50)
    with Image.open(out) as picture:
        pixels = np.asarray(picture.convert("RGBA"))
    assert (pixels[0, 0] == 255).all()  # white, not transparent
    return pixels


def words(figure):
    """All that is written in a figure, and in what is not hidden."""
    drawn(figure)
    texts = [t.get_text() for axes in figure.axes for t in axes.texts]
    texts += [axes.get_title(loc) for axes in figure.axes for loc in ("left", "center")]
    return [text for text in texts if text]


def pictures(*shape):
    """Random pictures, the same ones every time."""
    return np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)


# --------------------------------------------------------------------- the room


def test_the_room_hands_on_its_figures_and_nothing_else():
    found = {
        name
        for name, value in vars(figures).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }
    assert found == set(figures.__all__)
    assert all(inspect.isfunction(getattr(figures, name)) for name in found)


def test_no_file_has_the_name_of_a_figure():
    files = {file.name for file in pkgutil.iter_modules(figures.__path__)}
    assert "style" in files
    assert not files & set(figures.__all__)


# -------------------------------------------------------------------- confusion


LABELS = np.array([0, 0, 0, 1, 1, 2])
GUESSES = np.array([0, 1, 1, 1, 0, 2])
COUNTS = [[1, 2, 0], [1, 1, 0], [0, 0, 1]]


def counted():
    result = Result(0, 0, 0, np.eye(3)[GUESSES])
    return evaluation.confusion(result, LABELS)


def test_confusion_is_counted_by_hand():
    assert counted().tolist() == COUNTS


def test_the_table_of_classes_by_hand():
    table = evaluation.class_table(counted(), ("a", "bb", "c")).splitlines()
    assert [line.split() for line in table[1:]] == [
        ["a", "3", "0.33", "bb"],
        ["bb", "2", "0.50", "a"],
        ["c", "1", "1.00"],
    ]
    empty = evaluation.class_table(np.zeros((2, 2), int), ("a", "b")).splitlines()
    assert empty[1].split() == ["a", "0"]


def test_confusion_has_rows_of_true_classes_in_per_cent():
    figure = figures.confusion(np.array(COUNTS), ("a", "bb", "c"))
    axes = figure.axes[0]
    assert sorted((t.get_position(), t.get_text()) for t in axes.texts) == [
        ((0, 0), "33"),  # x: column, guessed; y: row, true
        ((0, 1), "50"),
        ((1, 0), "67"),
        ((1, 1), "50"),
        ((2, 2), "100"),
    ]
    assert [t.get_text() for t in axes.get_yticklabels()] == [
        "a (3)",
        "bb (2)",
        "c (1)",
    ]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["a", "bb", "c"]
    drawn(figure)


def test_confusion_of_many_classes_lists_the_largest_and_names_none_twice():
    counts = np.diag(np.full(200, 50))
    counts[7, 9], counts[100, 3] = 20, 50
    names = [f"cost $x^^{i}" for i in range(200)]  # no mathematics, please
    figure = figures.confusion(counts, names)
    listed = [" ".join(text.split()) for text in words(figure)[1:]]
    assert listed == [
        "50 % of cost $x^^100 → cost $x^^3",
        "29 % of cost $x^^7 → cost $x^^9",
    ]


def test_a_class_without_pictures_leaves_its_row_empty():
    figure = figures.confusion(np.array([[2, 0], [0, 0]]), ("a", "b"))
    assert words(figure) == ["100"]


# ------------------------------------------------------------------------ top5


def test_top5_shows_the_likeliest_first_and_marks_the_right_one():
    p = np.array([[0.1, 0.5, 0.0, 0.4, 0, 0], [1, 0, 0, 0, 0, 0]])
    classes = ["a", "b", "c", "d", "e", "f"]
    figure = figures.top5(pictures(2, 8, 8), p, classes, [3, 5])
    first, second = figure.axes[1], figure.axes[3]
    said = [t.get_text() for t in first.texts]
    assert said[::2] == ["b", "✓ d", "a", "c", "e"]
    assert said[1::2] == ["50 %", "40 %", "10 %", "0 %", "0 %"]
    assert [bar.get_width() for bar in first.patches] == [0.5, 0.4, 0.1, 0, 0]
    assert len({bar.get_facecolor() for bar in first.patches}) == 2
    assert first.get_title("left") == "d"
    assert not any("✓" in t.get_text() for t in second.texts)
    drawn(figure)


@pytest.mark.parametrize("count", [1, 2, 3, 11])
def test_top5_of_any_number_of_pictures_and_of_few_classes(count):
    p = np.full((count, 3), 1 / 3)
    figure = figures.top5(
        pictures(count, 9, 9), p, "abc", titles=["$x^^$" + "$" * 99] * count
    )
    assert words(figure).count("33 %") == 3 * count


# -------------------------------------------------------------- looking inside


def test_activations_show_the_strongest_maps_in_their_order():
    maps = np.zeros((5, 4, 4))
    maps[1], maps[4], maps[2] = 2, 1, 0.5
    shown = {"pool": maps, "fc": np.array([1.0, -2, 0])}
    figure = figures.activations(shown, pictures(8, 8), most=2)
    titles = [a.get_title() for a in figure.axes if a.get_title()]
    assert titles == ["1", "4"]
    assert words(figure)[:2] == ["pool\n5 x 4 x 4\n0 to 2", "fc\n3\n-2 to 1"]


def test_activations_with_a_sign_have_zero_in_the_middle_of_the_colours():
    maps = np.stack([np.full((2, 2), -3.0), np.full((2, 2), 1.0)])
    figure = figures.activations({"conv": maps}, most=2)
    images = [image for axes in figure.axes for image in axes.images]
    assert [image.get_clim() for image in images] == [(-3, 3)] * 2


def test_top_activations_frame_what_the_unit_sees_unless_it_is_all():
    found = inside.TopActivations(
        "conv2",
        np.array([6]),
        np.array([[2, 0]]),
        np.array([[3.5, 1]]),
        np.array([[[1, 2, 4, 7], [0, 0, 8, 8]]]),
    )
    shown = pictures(3, 8, 8)
    figure = figures.top_activations(shown, found)
    first, second = figure.axes
    assert (first.images[0].get_array() == shown[2]).all()
    frame = first.patches[0]
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((1.5, 0.5), 5, 3)
    assert not second.patches
    assert words(figure) == ["3.5", "unit 6", "1"]


def test_occlusion_covers_the_costliest_square():
    after = np.array([[0.8, 0.2], [0.9, 0.7]])
    found = inside.Occlusion(0.9, after, np.array([0, 6]), 2)
    shown = np.zeros((8, 8, 3), np.uint8)
    figure = figures.occlusion(shown, found, "cat")
    grey = figure.axes[1].images[0].get_array()
    assert (np.argwhere(grey[..., 0] == 128).min(0) == (0, 6)).all()
    assert (grey[..., 0] == 128).sum() == 4
    lost = figure.axes[2].images[1].get_array()
    assert lost[0, 7] == pytest.approx(70)
    assert not shown.any()
    assert words(figure)[:2] == ["cat: 90 %", "with the costliest cover: 20 %"]


def test_saliency_is_drawn_below_its_picture():
    maps = np.zeros((2, 8, 8))
    maps[1, 2, 3] = 4
    figure = figures.saliency(pictures(2, 8, 8), maps, ["a", "b"], [(0, 1, 4, 8)] * 2)
    assert figure.axes[3].images[0].get_array()[2, 3] == pytest.approx(1)
    assert figure.axes[2].images[0].get_array().max() == 0
    assert figure.axes[0].patches[0].get_xy() == (0.5, -0.5)
    assert words(figure) == ["a", "b"]


def test_neighbours_of_another_class_are_marked():
    figure = figures.neighbours(
        pictures(1, 8, 8), pictures(1, 2, 8, 8), ["cat"], [["dog", "cat"]]
    )
    titles = [axes.title for axes in figure.axes if axes.get_title()]
    assert [t.get_text() for t in titles] == ["cat", "dog", "cat"]
    assert titles[1].get_color() != titles[2].get_color()
    drawn(figure)


def test_figures_of_one_kind_need_no_names():
    drawn(figures.neighbours(pictures(2, 8, 8), pictures(2, 1, 8, 8)))
    drawn(figures.saliency(pictures(1, 8, 8), np.ones((1, 8, 8))))


# ------------------------------------------------------- what evaluate leaves


@pytest.fixture
def evaluated():
    """What `evaluation.draw` is given, but for the folder."""
    graph = colour_network()
    shown = datasets.Pictures(pictures(12, 8, 8), np.arange(12) % 3, ("",) * 12)
    result = evaluation.evaluate(graph, shown)
    return graph, result, shown, graph.input.classes


def test_evaluate_draws_into_the_folder_the_same_pictures_each_time(
    tmp_path, evaluated
):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        evaluation.draw(tmp_path / name, *evaluated)
    for file in ("confusion.png", "top5.png"):
        with Image.open(tmp_path / "a" / file) as picture:
            picture.load()
            assert min(picture.size) > 300
        first, second = ((tmp_path / n / file).read_bytes() for n in ("a", "b"))
        assert first == second


def test_evaluate_draws_each_picture_with_its_own_answer_and_class(
    tmp_path, evaluated, monkeypatch
):
    graph, _, shown, classes = evaluated
    drawing, top5 = [], figures.top5
    monkeypatch.setattr(figures, "top5", lambda *a: drawing.append(a) or top5(*a))
    evaluation.draw(tmp_path, *evaluated, shown=5)
    crops, probabilities, names, labels = drawing[0]
    assert crops.shape == (5, 6, 6, 3)
    again = softmax(graph.forward(graph.input.normalise(crops), keep=False))
    assert again == pytest.approx(probabilities, rel=1e-5)
    centres = list(map(bytes, shown.pixels[:, 1:7, 1:7]))
    numbers = [centres.index(bytes(crop)) for crop in crops]
    assert (shown.labels[numbers] == labels).all()
    assert names == classes


def test_evaluate_says_where_its_pictures_are_and_does_without(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    graph = alexnet("small", 10)
    config = {"subset": "emoji", "variant": "small", "data": None, "classes": None}
    folder.write_config(tmp_path, config)
    checkpoint.save("last.npz", graph)
    assert evaluate.main(["last.npz"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-3] == "figures: confusion.png top5.png"
    Path("top5.png").unlink()
    Path("top5.png").mkdir()  # so that it cannot be written
    assert evaluate.main(["last.npz"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[-3].startswith("no figures: top5.png could not be written")
    assert said[-1].startswith("top1 ")
