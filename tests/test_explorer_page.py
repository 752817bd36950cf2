"""The explorer as it is touched, by pointer and keyboard, held to Python's numbers."""

import base64
import io
import re

import numpy as np
import pytest
from browser import Opened, arrays, chromium
from PIL import Image

import npalexnet
from npalexnet import (
    SGD,
    Act,
    Conv,
    Drop,
    Flat,
    Full,
    MapNorm,
    Norm,
    Pool,
    build,
    datasets,
    softmax_cross_entropy,
)
from npalexnet.datasets import embedded
from npalexnet.datasets.pictures import read_squares
from npalexnet.explorer import pack, page
from npalexnet.layers.dropout import dropout_forward
from npalexnet.net.loss import softmax
from npalexnet.weights import checkpoint

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=document.title='taken'>"


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def emoji():
    """The network as the page has it, twelve pictures and their labels."""
    graph = npalexnet.load(embedded("emoji-small.npz"))
    for param in graph.params.values():
        param.data = pack.rounded(param.data, 16)
    val = datasets.load("emoji", train=False).val
    some = slice(0, 480, 40)
    return graph, val.pixels[some], val.labels[some]


@pytest.fixture(scope="module")
def file(emoji, tmp_path_factory):
    graph, pixels, labels = emoji
    file = tmp_path_factory.mktemp("explorer") / "page.html"
    page(graph, pixels, labels).save(file)
    return file


@pytest.fixture
def opened(browser, file):
    """Opens the page at an address; afterwards nothing may have been complained of."""
    all_opened = []

    def at(address="", **how):
        found = Opened(browser, file, address, **how)
        all_opened.append(found)
        found.page.locator("body[data-ready]").wait_for()
        return found

    yield at
    for found in all_opened:
        assert found.complaints == []
        assert found.requests == []
        found.page.close()


def probabilities(graph, x):
    return softmax(graph.forward(x))[0]


def answers(page):
    """{class: percent} as shown."""
    rows = page.locator(".answers li")
    shown = {}
    for i in range(min(5, rows.count())):  # a sixth is the true class
        name = rows.nth(i).locator(".name").inner_text()
        shown[name] = rows.nth(i).locator(".p").inner_text()
    return shown


def said(p):
    """A probability as the page writes it."""
    if p < 0.001:
        return "< 0.1 %"
    return f"{100 * p:.1f} %" if p < 0.1 else f"{int(100 * p + 0.5)} %"


def expect_answers(page, graph, x):
    """The five likeliest classes are shown, with their percentages."""
    p = probabilities(graph, x)
    best = np.argsort(-p)[:5]
    wanted = {graph.input.classes[i]: said(p[i]) for i in best}
    retry(page, lambda: answers(page), wanted)


def retry(page, find, wanted):
    """Wait until the page shows it: its arithmetic has a thread of its own."""
    for _ in range(50):
        if find() == wanted:
            return
        page.wait_for_timeout(100)
    assert find() == wanted


def value(page):
    return float(page.locator(".where .big").get_attribute("data-value"))


def expect_value(page, wanted, largest):
    page.locator(".where .big").wait_for()
    retry(page, lambda: abs(value(page) - wanted) <= 1e-4 * largest, True)


# ------------------------------------------------------------ 1: pictures and answers


def test_pictures_are_picked_by_pointer_and_keyboard(opened, emoji):
    graph, pixels, _ = emoji
    page = opened().page
    expect_answers(page, graph, graph.prepare(pixels[:1]))
    page.locator(".thumb").nth(5).click()
    expect_answers(page, graph, graph.prepare(pixels[5:6]))
    assert "#picture=5" in page.url
    page.locator(".thumb").nth(5).press("Tab")
    page.keyboard.press("Enter")
    expect_answers(page, graph, graph.prepare(pixels[6:7]))


def test_only_mistakes(opened, emoji):
    graph, pixels, labels = emoji
    page = opened().page
    wrong = probabilities_of(graph, pixels).argmax(1) != labels
    count = f" {wrong.sum()} of {len(labels)} mistaken"
    retry(page, lambda: page.locator(".gallery .count").text_content(), count)
    page.get_by_label("only mistakes").check()
    shown = page.locator(".thumb").evaluate_all("all => all.map((b) => !b.hidden)")
    assert shown == wrong.tolist()


def probabilities_of(graph, pixels):
    return softmax(graph.forward(graph.prepare(pixels)))


def test_the_eraser_and_back(opened, emoji):
    graph, pixels, _ = emoji
    page = opened("picture=3").page
    page.get_by_role("button", name="Eraser").click()
    page.locator(".picture").press("Space")
    crop = pixels[3:4, 4:60, 4:60].copy()
    rows, columns = np.ogrid[:56, :56]
    crop[:, (rows - 28) ** 2 + (columns - 28) ** 2 <= 16] = 255
    expect_answers(page, graph, graph.input.normalise(crop))
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    crop[:, (rows - 28) ** 2 + (columns - 30) ** 2 <= 16] = 255
    expect_answers(page, graph, graph.input.normalise(crop))
    box = page.locator(".picture").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 160, box["y"] + 160, steps=8)
    page.mouse.up()
    assert page.locator(".change").first.inner_text().startswith("changed by")
    page.get_by_role("button", name="Restore").click()
    expect_answers(page, graph, graph.prepare(pixels[3:4]))


def test_nudged_by_a_pixel_the_pooled_map_changes_less(opened, emoji):
    graph, pixels, _ = emoji
    page = opened("picture=2").page
    page.locator(".picture").press("ArrowRight")
    crop = pixels[2:3, 4:60, 4:60]
    moved = np.concatenate([crop[:, :, :1], crop[:, :, :-1]], axis=2)
    expect_answers(page, graph, graph.input.normalise(moved))
    before = graph.activations(graph.prepare(pixels[2:3]))
    after = graph.activations(graph.input.normalise(moved))
    changes = []
    for name in ("norm1", "pool1"):
        share = np.linalg.norm(after[name] - before[name]) / np.linalg.norm(
            before[name]
        )
        shown = page.locator(f"[data-layer={name}] .change")
        retry(page, shown.inner_text, f"changed by {said(share)}")
        changes.append(share)
    assert changes[1] < changes[0]


@pytest.mark.parametrize("kind", ["PNG", "rotated JPEG", "transparent", "grey"])
def test_a_picture_of_ones_own_is_taken_as_predict_takes_it(
    opened, emoji, tmp_path, kind
):
    graph, pixels, _ = emoji
    large = Image.fromarray(pixels[7]).resize((200, 200), Image.Resampling.BICUBIC)
    picture = Image.new("RGB", (300, 200), "teal")
    picture.paste(large, (50, 0))
    own = tmp_path / ("own.jpg" if kind == "rotated JPEG" else "own.png")
    if kind == "rotated JPEG":
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.save(own, exif=exif, quality=98, subsampling=0)
    elif kind == "transparent":
        picture.putalpha(Image.linear_gradient("L").resize(picture.size))
        picture.save(own)
    else:
        (picture.convert("L") if kind == "grey" else picture).save(own)
    page = opened().page
    page.get_by_label("A picture of your own").set_input_files(own)
    page.locator(".caption", has_text=own.name).wait_for()
    given = page.evaluate("Array.from(window.npalexnet.given())")
    wanted = graph.input.crop_centre(read_squares([str(own)], 64))
    off = np.abs(np.array(given).reshape(wanted.shape) - wanted.astype(int)).max()
    # browsers decode JPEG and mix with white in their own way, by a level or two
    assert off <= (6 if kind == "rotated JPEG" else 2)


def drop(page, name, data=b"", size=0):
    """Drop a file of these bytes, followed by so many zeros."""
    page.evaluate(
        """([name, text, size]) => {
          const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File([bytes, new Uint8Array(size)], name));
          const how = { dataTransfer, bubbles: true, cancelable: true };
          document.body.dispatchEvent(new DragEvent("drop", how));
        }""",
        [name, base64.b64encode(data).decode(), size],
    )


def test_what_is_dropped_and_is_no_picture_is_said_in_a_sentence(opened, emoji):
    graph, pixels, _ = emoji
    page = opened("picture=1").page
    buffer = io.BytesIO()
    Image.fromarray(pixels[4]).save(buffer, "PNG")
    whole = buffer.getvalue()
    for name, data in {"notes.txt": b"hello", "half.png": whole[:80]}.items():
        drop(page, name, data)
        page.locator(
            ".looking .message", has_text=f"{name} is not a picture"
        ).wait_for()
    drop(page, "giant.png", size=60_000_001)
    page.locator(".looking .message", has_text="giant.png has 60 MB").wait_for()
    buffer = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(buffer, "PNG")
    drop(page, "wide.png", buffer.getvalue())
    page.locator(
        ".looking .message", has_text="wide.png has more than 100 mill"
    ).wait_for()
    expect_answers(page, graph, graph.prepare(pixels[1:2]))
    drop(page, "good.png", whole)
    expect_answers(page, graph, graph.prepare(pixels[4:5]))


# ----------------------------------------------------------- 2: where it comes from


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("conv1", (17, 3, 4)),
        ("conv2", (90, 12, 0)),
        ("relu1", (2, 5, 5)),
        ("norm1", (5, 3, 9)),
        ("pool1", (9, 2, 2)),
        ("fc6", (1000,)),
        ("drop6", (12,)),
        ("flatten", (100,)),
        ("fc8", (3,)),
    ],
)
def test_each_number_and_its_parts(opened, emoji, name, index):
    graph, pixels, _ = emoji
    at = "" if len(index) == 1 else f"&at={index[1]},{index[2]}"
    page = opened(f"picture=2&layer={name}&map={index[0]}{at}").page
    found = graph.activations(graph.prepare(pixels[2:3]))[name][0]
    expect_value(page, found[index], np.abs(found).max())
    if name.startswith("conv"):
        sums = page.locator(".product .sum b").all_inner_texts()
        assert len(sums) == (3 if name == "conv1" else 4)
    if name == "pool1":
        assert page.locator(".where .grid td").count() == 9
        winner = page.locator(".where .grid .marked").inner_text()
        assert float(winner) == pytest.approx(found[index], rel=0.05)
    if name == "relu1":
        assert page.locator(".where .curve .point").count() == 1
    if name == "fc8":
        assert "loss = −log p" in page.locator(".where").inner_text()


def test_a_number_is_chosen_by_pointer_and_by_keyboard(opened, emoji):
    graph, pixels, _ = emoji
    page = opened().page
    found = graph.activations(graph.prepare(pixels[:1]))["conv1"][0]
    over = page.locator("[data-layer=conv1] .over")
    over.click(
        position={"x": 58 + 9, "y": 7}
    )  # second tile: 54 wide, 4 apart, cells of 2
    expect_value(page, found[1, 3, 4], np.abs(found).max())
    assert "layer=conv1&map=1&at=3,4" in page.url
    over.press("ArrowDown")
    over.press("ArrowRight")
    over.press("PageDown")
    expect_value(page, found[2, 4, 5], np.abs(found).max())
    assert "map=2&at=4,5" in page.url
    assert (
        "map 2, row 4, column 5"
        in page.locator("[data-layer=conv1] .readout").inner_text()
    )
    over.press("End")
    expect_value(page, found[47, 4, 5], np.abs(found).max())


def test_the_readout_follows_the_pointer(opened):
    page = opened().page
    page.locator("[data-layer=conv1] .over").hover(position={"x": 11, "y": 7})
    shown = page.locator("[data-layer=conv1] .readout").inner_text()
    assert shown.startswith("map 0, row 3, column 5: ")


def test_the_numbers_of_lrn_act_on_the_whole_network(opened, emoji):
    graph, pixels, _ = emoji
    page = opened("picture=2&layer=norm1&map=5&at=3,9").page
    slider = page.locator("[data-knob=alpha]")
    slider.focus()
    page.keyboard.press("End")  # α = 1
    layer, x = graph.layers["norm1"], graph.prepare(pixels[2:3])
    try:
        layer.alpha = 1.0
        expect_answers(page, graph, x)
        y = graph.activations(x)["norm1"][0]
        expect_value(page, y[5, 3, 9], np.abs(y).max())
    finally:
        layer.alpha = 1e-4
    page.get_by_role("button", name="as they were").click()
    expect_answers(page, graph, x)


def test_dropout_in_training_draws_masks(opened, emoji):
    graph, pixels, _ = emoji
    y = graph.activations(graph.prepare(pixels[2:3]))["relu6"]
    unit = int(y.argmax())
    page = opened(f"picture=2&layer=drop6&map={unit}").page
    weak, _ = dropout_forward(y, 0.5, np.random.default_rng(0), train=False)
    expect_value(page, weak[0, unit], weak.max())
    page.get_by_role("button", name="Training").click()
    seen = set()
    for _ in range(40):
        page.get_by_role("button", name="another mask").click()
        page.wait_for_timeout(150)
        seen.add(round(value(page) / float(y.max()), 3))
        if {0, 1} <= seen:
            break
    assert seen - {0.5} == {
        0,
        1,
    }  # dropped, or kept as it is; 0.5 before the first mask
    page.get_by_role("button", name="Test").click()
    expect_value(page, weak[0, unit], weak.max())


# ------------------------------------------------------------------------ 3: backward


def gradients(graph, x, label):
    y = graph.forward(x)
    loss, dy = softmax_cross_entropy(y, np.array([label]))
    return float(loss), graph.backward(dy, need_dx=True)


def test_another_true_class_and_the_way_back(opened, emoji):
    graph, pixels, _ = emoji
    page = opened("picture=2&layer=fc8&map=4").page
    page.locator("[data-way=back]").click()
    page.get_by_label("True class").select_option("food")
    p = probabilities(graph, graph.prepare(pixels[2:3]))
    expect_value(page, p[4] - 1, 1)
    assert "class=4" in page.url and "way=back" in page.url
    loss, dx = gradients(graph, graph.prepare(pixels[2:3]), 4)
    shown = page.locator(".loss").inner_text()
    assert float(shown.split("= ")[1]) == pytest.approx(loss, rel=0.01)
    place = np.abs(dx[0]).argmax()
    c, row, column = np.unravel_index(place, dx[0].shape)
    page.goto(
        page.url.split("#")[0]
        + f"#picture=2&layer=input&map={c}&at={row},{column}&way=back&class=4"
    )
    expect_value(page, dx[0, c, row, column], np.abs(dx).max())
    assert page.locator(".where .bars li").count() > 0


@pytest.mark.parametrize(
    "name", "input conv1 relu1 norm1 pool1 fc6 relu6 drop6 fc8".split()
)
def test_where_each_gradient_comes_from(opened, name):
    """The parts that are shown add up to the gradient."""
    found = opened(f"picture=2&layer={name}&map=1&class=4&way=back")
    page = found.page
    page.locator(".where .big").wait_for()
    parts = page.evaluate("([name]) => window.npalexnet.parts('back', name)", [name])
    total = {
        "Conv2d": lambda: sum(w["value"] for w in parts["windows"]),
        "MaxPool": lambda: sum(w["value"] for w in parts["windows"]),
        "LRN": lambda: parts["own"] + sum(n["value"] for n in parts["neighbours"]),
        "ReLU": lambda: parts["dy"] * parts["slope"],
        "Dropout": lambda: parts["dy"] * parts["factor"],
        "Flatten": lambda: parts["dy"],
        "Linear": lambda: parts["gradient"],
        "softmax": lambda: parts["p"] - parts["target"],
    }[parts["kind"]]()
    assert total == pytest.approx(parts["gradient"], rel=1e-3, abs=1e-9)


def test_one_step_and_undo(opened, emoji, file):
    graph, pixels, labels = emoji
    page = opened("picture=2").page
    x, label = graph.prepare(pixels[2:3]), int(labels[2])
    kept = {name: param.data.copy() for name, param in graph.params.items()}
    page.get_by_role("tab", name="Learn").click()
    page.get_by_role("button", name="One step").press("Enter")
    page.locator(".report .equation").wait_for()
    shown = page.locator(".report .equation").inner_text()
    try:
        before, _ = gradients(graph, x, label)
        SGD(graph.params, lr=0.01).step()
        after = float(softmax_cross_entropy(graph.forward(x), np.array([label]))[0])
        stepped = graph.activations(x)
        found = arrays(page, "activations(2)")
        for name, y in stepped.items():
            assert np.abs(found[name] - y[0]).max() <= 1e-4 * np.abs(y).max(), name
    finally:
        for name, param in graph.params.items():
            param.data = kept[name]
    numbers = re.search(r"loss (\S+) → (\S+)", shown)
    assert readable(numbers[1]) == pytest.approx(before, rel=0.02)
    assert readable(numbers[2]) == pytest.approx(after, rel=0.02)
    page.get_by_role("button", name="Undo 1 step").click()
    page.get_by_text("as they were").wait_for()
    found = arrays(page, "activations(2)")
    for name, y in graph.activations(x).items():
        assert np.abs(found[name] - y[0]).max() <= 1e-4 * np.abs(y).max(), name


def readable(text):
    """A number as the page writes it: 3.5·10⁻⁴."""
    factor, _, power = text.replace("−", "-").partition("·10")
    digits = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
    return float(factor) * 10.0 ** int(power.translate(digits) or 0)


def test_the_film_of_a_run_is_played_when_asked_for(browser, emoji, tmp_path):
    graph, pixels, labels = emoji
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    made = page(graph, pixels, labels, film=buffer.getvalue())
    made.save(tmp_path / "page.html")
    opened = Opened(browser, tmp_path / "page.html")
    opened.page.get_by_role("tab", name="Learn").click()
    assert opened.page.locator(".film img").is_hidden()
    opened.page.get_by_text("Play the film").press("Enter")
    width = "document.querySelector('.film img').naturalWidth"
    retry(opened.page, lambda: opened.page.evaluate(width), 40)
    assert opened.complaints == []


# ----------------------------------------------------------------------- 4: teach it


def test_new_classes_are_learned_and_saved(opened, emoji, tmp_path):
    graph, pixels, _ = emoji
    page = opened("picture=0").page
    page.get_by_role("tab", name="Teach").click()
    lessons = page.locator(".lesson")
    lessons.nth(0).locator("input[type=text]").fill("round things")
    lessons.nth(1).locator("input[type=text]").fill(HOSTILE)
    page.get_by_role("button", name="Learn", exact=True).click()
    page.get_by_text("At least two classes").wait_for()
    for lesson, pictures in ((0, (0, 1)), (1, (8, 9))):
        for i in pictures:
            page.locator(".gallery .thumb").nth(i).click()
            page.wait_for_timeout(200)
            lessons.nth(lesson).get_by_role("button", name="+ the picture shown").press(
                "Enter"
            )
    Image.fromarray(pixels[10]).save(tmp_path / "ten.png")
    page.get_by_label("Pictures of class 2").set_input_files(tmp_path / "ten.png")
    lessons.nth(1).locator(".thumb").nth(2).wait_for()
    page.get_by_role("button", name="Learn", exact=True).click()
    page.get_by_text("5 of 5 pictures right").wait_for()
    page.locator(".gallery .thumb").nth(10).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Save the network").click()
    download.value.save_as(tmp_path / "taught.npz")
    taught = npalexnet.load(tmp_path / "taught.npz")
    assert taught.input.classes == ("round things", HOSTILE)
    p = probabilities(taught, taught.prepare(pixels[10:11]))
    assert p.argmax() == 1
    rows = page.locator(".taught li")
    assert rows.locator("> :first-child").all_inner_texts() == ["round things", HOSTILE]
    wanted = [said(p[0]), said(p[1])]
    retry(page, rows.locator(".value").all_inner_texts, wanted)
    for name, param in graph.params.items():
        if not name.startswith("fc8"):
            assert np.array_equal(taught.params[name].data, param.data), name


def test_a_drawing_is_an_example(opened):
    page = opened().page
    page.get_by_role("tab", name="Teach").click()
    lesson = page.locator(".lesson").first
    lesson.get_by_role("button", name="+ a drawing").click()
    pad = lesson.locator(".pad")
    pad.press("Space")
    for key in ["ArrowRight"] * 5 + ["ArrowDown"] * 5:
        pad.press(key)
    lesson.get_by_role("button", name="Keep").click()
    assert lesson.locator(".thumb").count() == 1
    lesson.locator(".thumb").click()
    assert lesson.locator(".thumb").count() == 0


# --------------------------------------------------------------- 5: tour and address


def test_the_tour_from_end_to_end(opened):
    page = opened().page
    page.get_by_role("button", name="Tour").press("Enter")
    page.locator(".tour h2", has_text="A picture is numbers").wait_for()
    titles = []
    while True:
        page.wait_for_timeout(250)
        titles.append(page.locator(".tour h2").inner_text())
        assert f"tour={len(titles)}" in page.url
        page.get_by_text("What I found").press("Enter")
        assert len(page.locator(".tour details p").inner_text()) > 40
        following = page.get_by_role("button", name="Next")
        if not following.is_enabled():
            break
        following.press("Enter")
        number = len(titles) + 1
        page.locator(".tour .count", has_text=f"{number} of").wait_for()
    assert len(set(titles)) == len(titles) >= 10
    page.get_by_role("button", name="end the tour").click()
    assert page.locator(".tour").is_hidden()


def test_an_address_leads_to_a_stop(opened):
    page = opened("tour=2").page
    page.locator(".tour h2", has_text="An edge is found").wait_for()
    page.locator(".where .path", has_text="conv1").wait_for()


def test_an_address_that_leads_nowhere_does_no_harm(opened, emoji):
    graph, pixels, _ = emoji
    page = opened("picture=99&layer=nothing&map=-1&at=x&class=77&tour=500").page
    expect_answers(page, graph, graph.prepare(pixels[:1]))
    page = opened("picture=1&layer=conv1&map=4000&at=900,900").page
    expect_answers(page, graph, graph.prepare(pixels[1:2]))


def test_page_at(browser, emoji, tmp_path):
    graph, pixels, labels = emoji
    at = "picture=2&layer=conv1&map=17&at=3,4"
    page(graph, pixels, labels, at=at).save(tmp_path / "page.html")
    opened = Opened(browser, tmp_path / "page.html")
    found = graph.activations(graph.prepare(pixels[2:3]))["conv1"][0]
    expect_value(opened.page, found[17, 3, 4], np.abs(found).max())


# ------------------------------------------------------------- for everyone, and safe


def test_hostile_names_are_text(browser, emoji, tmp_path):
    graph, pixels, labels = emoji
    names = (HOSTILE, "</script><script>1", *graph.input.classes[2:])
    other = checkpoint.rebuild(checkpoint.describe(graph))
    for name, param in graph.params.items():
        other.params[name].data = param.data
    other.input = graph.input._replace(classes=names)
    page(other, pixels, labels, names=[HOSTILE] * 12).save(tmp_path / "page.html")
    opened = Opened(browser, tmp_path / "page.html", "layer=fc8&map=0")
    opened.page.locator(".where .big").wait_for()
    assert HOSTILE in opened.page.locator(".where .path").inner_text()
    assert HOSTILE in opened.page.locator(".caption").inner_text()
    assert opened.page.locator("img").count() == 0
    assert opened.page.title() == "npalexnet explorer"
    assert opened.complaints == [] and opened.requests == []


def test_narrow_and_dark_nothing_is_wider_than_the_screen(opened):
    found = opened(
        "picture=3&layer=conv2&map=17&at=3,4",
        viewport={"width": 390, "height": 844},
        color_scheme="dark",
    )
    wide = found.page.evaluate("document.documentElement.scrollWidth")
    assert wide <= 390
    found.page.locator(".where .big").wait_for()
    assert found.page.locator(".where .big").is_visible()


def test_everything_that_can_be_pressed_has_a_name(opened):
    page = opened("layer=norm1&map=3").page
    page.locator("[data-knob=alpha]").wait_for()
    nameless = page.evaluate(
        """() => Array.from(
          document.querySelectorAll("button, input, select, [tabindex='0']"),
        ).filter((e) => !(e.getAttribute("aria-label") || e.textContent.trim()
          || (e.labels && e.labels.length))).map((e) => e.outerHTML)"""
    )
    assert nameless == []


def test_a_frame_in_a_notebook_shows_it(browser, emoji, tmp_path):
    graph, pixels, labels = emoji
    shown = page(graph, pixels[:2], labels[:2])._repr_html_()
    (tmp_path / "cell.html").write_text(f"<!doctype html><body>{shown}</body>")
    tab = browser.new_page()
    tab.goto((tmp_path / "cell.html").as_uri())
    frame = tab.frame_locator("iframe")
    frame.locator("body[data-ready]").wait_for()
    assert frame.locator(".answers li").count() >= 5
    tab.close()


# ---------------------------------------------------------------- any network of ours


def grey():
    layers = [Conv(6, 3, pad=1), Act("tanh"), Pool(2, 2), Flat(), Full(0)]
    graph = build(layers, input_shape=(1, 12, 12), classes=200)
    return graph, np.random.default_rng(0).integers(0, 256, (3, 12, 12), np.uint8)


def oblong():
    layers = [Conv(4, 3, pad=1), Norm(), Pool(), MapNorm(), Flat(), Drop(), Full(0)]
    graph = build(layers, input_shape=(2, 8, 14), classes=3)
    return graph, np.random.default_rng(0).standard_normal((3, 2, 8, 14))


def row_of_numbers():
    graph = build([Full(9), Act(), Full(0)], input_shape=(30,), classes=4)
    return graph, np.random.default_rng(0).standard_normal((3, 30))


@pytest.mark.parametrize("make", [grey, oblong, row_of_numbers])
def test_any_network_every_layer_both_ways_and_the_tour(browser, tmp_path, make):
    graph, pictures = make()
    page(graph, pictures, [0, 1, 2]).save(tmp_path / "page.html")
    for param in graph.params.values():
        param.data = pack.rounded(param.data, 16)
    x = graph.prepare(pictures[1:2])
    found = {"input": x, **graph.activations(x)}
    opened = Opened(browser, tmp_path / "page.html", "picture=1")
    shown = opened.page
    for name, y in found.items():
        over = shown.locator(f"[data-layer={name}] .over")
        over.click(position={"x": 2, "y": 2})
        shown.locator(".where .path", has_text=name).wait_for()
        expect_value(shown, y.ravel()[0], np.abs(y).max())
    _, dx = gradients(graph, x, 1)
    shown.locator("[data-way=back]").click()
    shown.locator("[data-layer=input] .over").click(position={"x": 2, "y": 2})
    expect_value(shown, dx.ravel()[0], np.abs(dx).max())
    shown.locator(".picture").press("ArrowRight")
    shown.get_by_role("button", name="Tour").click()
    shown.locator(".tour h2").wait_for()
    while (following := shown.get_by_role("button", name="Next")).is_enabled():
        title = shown.locator(".tour h2").inner_text()
        following.click()
        retry(shown, lambda: shown.locator(".tour h2").inner_text() != title, True)  # noqa: B023
    assert opened.complaints == [] and opened.requests == []
