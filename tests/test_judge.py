"""The judge accepts what is right, names what is wrong, and never falls over."""

import numpy as np
import pytest
from helpers import numbers

from npalexnet import layers as L
from npalexnet.checks.exercise import Trial, sentence
from npalexnet.checks.sheets import EXERCISES
from npalexnet.checks.sheets.sgd import right_step
from npalexnet.gradcheck import judge
from npalexnet.layers.layer import Param
from npalexnet.net.loss import softmax_cross_entropy
from npalexnet.net.optim import SGD

PAIRS = {
    "linear": (L.linear_forward, L.linear_backward),
    "relu": (L.relu_forward, L.relu_backward),
    "tanh": (L.tanh_forward, L.tanh_backward),
    "conv": (L.conv2d_forward, L.conv2d_backward),
    "maxpool": (L.maxpool_forward, L.maxpool_backward),
    "lrn": (L.lrn_forward, L.lrn_backward),
    "dropout": (L.dropout_forward, L.dropout_backward),
}
SUSPECTS = [
    pytest.param(layer, result, suspect, id=f"{layer}-{result}-{suspect.__name__}")
    for layer, exercise in EXERCISES.items()
    for result, suspects in exercise.suspects.items()
    for suspect in suspects
]


def update(w, v, g, lr, momentum, decay):
    new_v = momentum * v - decay * lr * w - lr * g
    return new_v, w + new_v


def right(layer):
    """The package's own functions, as somebody's solution."""
    if layer == "softmax":
        return (softmax_cross_entropy,)
    return (update,) if layer == "sgd" else PAIRS[layer]


def with_mistake(layer, result, suspect):
    """The right functions, but for one result that a suspect gives."""
    exercise = EXERCISES[layer]
    names = list(exercise.trials[0].arrays)

    def known(arrays, settings, y=None):
        trial = Trial("", dict(zip(names, arrays, strict=True)), settings)
        return exercise.known(trial, y)

    def wrong(t):
        found = suspect(t)
        return getattr(t, result) if found is None else found

    def one(*arrays, **settings):
        t = known(arrays, settings)
        values = vars(t) | {result: wrong(t)}
        return tuple(values[name] for name in exercise.results)

    def forward(*arrays, **settings):
        train = {"train": True} if layer == "dropout" else {}  # then y tells the mask
        y, _ = PAIRS[layer][0](*arrays, **settings | train)
        t = known(arrays, settings, y)
        return (wrong(t) if result == "y" else t.y), t

    def backward(dy, t):
        values = vars(t) | ({} if result == "y" else {result: wrong(t)})
        gradients = tuple(values[name] for name in exercise.results[1:])
        return gradients if len(gradients) > 1 else gradients[0]

    return (forward, backward) if layer in PAIRS else (one,)


def said(capsys):
    """What was printed, on one line."""
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("layer", EXERCISES)
def test_the_package_solves_its_own_exercises(layer, capsys):
    assert judge(layer, *right(layer)) is True
    out = said(capsys)
    assert "SOLVED" in out and EXERCISES[layer].file in out and "WRONG" not in out


@pytest.mark.parametrize(("layer", "result", "suspect"), SUSPECTS)
def test_every_suspect_is_told_from_the_right_and_from_all_others(
    layer, result, suspect, capsys
):
    assert judge(layer, *with_mistake(layer, result, suspect)) is False
    assert f"{result} WRONG: {sentence(suspect)}" in said(capsys)


@pytest.mark.parametrize(("layer", "result", "suspect"), SUSPECTS)
def test_every_suspect_can_be_computed_in_every_trial_and_says_something(
    layer, result, suspect
):
    assert sentence(suspect)[-1] in ".?)"
    exercise = EXERCISES[layer]
    for trial in exercise.trials:
        with np.errstate(all="ignore"):
            found = suspect(exercise.known(trial))
        assert found is None or np.asarray(found).dtype.kind in "biuf"


def test_the_update_rule_that_is_judged_by_is_that_of_the_optimiser():
    w, v, g = numbers(3, 4), numbers(3, 4, seed=1), numbers(3, 4, seed=2)
    param = Param(w.copy())
    param.grad[:] = g
    sgd = SGD({"w": param}, lr=0.1, momentum=0.9, weight_decay=0.02)
    sgd.velocity["w"][:] = v
    sgd.step()
    settings = {"lr": 0.1, "momentum": 0.9, "decay": 0.02}
    right = right_step(Trial("", {"w": w, "v": v, "g": g}, settings), None)
    np.testing.assert_allclose(param.data, right["new_w"], rtol=1e-12)
    np.testing.assert_allclose(sgd.velocity["w"], right["new_v"], rtol=1e-12)


# ------------------------------------------------------------- form, not numbers


def linear(**changes):
    """The right pair of the linear layer, with some results changed."""

    def forward(x, w, b):
        y = changes.get("y", lambda y: y)(x @ w.T + b)
        return y, (x, w)

    def backward(dy, cache):
        x, w = cache
        right = {"dx": dy @ w, "dw": dy.T @ x, "db": dy.sum(0)}
        return tuple(changes.get(k, lambda a: a)(a) for k, a in right.items())

    return forward, backward


def verdict(capsys, *functions, layer="linear"):
    """What the judge says about functions that are not right."""
    assert judge(layer, *functions) is False
    return said(capsys)


@pytest.mark.parametrize("nothing", [None, ...])
def test_nothing_is_not_filled_in_yet(nothing, capsys):
    def forward(x, w, b):
        return nothing

    def backward(dy, cache):
        return nothing

    out = verdict(capsys, forward, backward)
    assert "NOT FILLED IN YET" in out and "WRONG" not in out


def test_dots_in_place_of_results_are_not_filled_in_yet(capsys):
    out = verdict(capsys, lambda x, w, b: (..., ...), lambda dy, cache: (...,) * 3)
    assert "NOT FILLED IN YET" in out


def test_not_implemented_is_not_filled_in_yet(capsys):
    def forward(x, w, b):
        raise NotImplementedError

    assert "NOT FILLED IN YET" in verdict(capsys, forward, lambda dy, cache: None)


@pytest.mark.parametrize("nothing", [None, ..., (None,) * 3, (...,) * 3])
@pytest.mark.parametrize(
    "change", [lambda y: y + 1, lambda y: y[:, :-1], lambda y: y.sum()]
)
def test_backward_is_not_filled_in_yet_whatever_is_wrong_with_y(
    change, nothing, capsys
):
    out = verdict(capsys, linear(y=change)[0], lambda dy, cache: nothing)
    assert "y WRONG:" in out
    assert "dx not filled in yet dw not filled in yet db not filled in yet" in out
    assert "forward not right yet, backward not filled in yet." in out


def test_backward_that_is_not_implemented_is_not_filled_in_when_y_is_wrong(capsys):
    def backward(dy, cache):
        raise NotImplementedError

    out = verdict(capsys, linear(y=lambda y: y[:, :-1])[0], backward)
    assert "dx not filled in yet" in out and "backward not filled in yet." in out


def test_forward_alone_is_half_way_after_all_trials(capsys):
    out = verdict(capsys, linear()[0], lambda dy, cache: (..., ..., ...))
    assert "HALF WAY: forward right in all 4 trials, backward not filled in" in out


def test_backward_alone_waits_for_forward(capsys):
    out = verdict(capsys, lambda x, w, b: None, linear()[1])
    assert "y not filled in yet dx needs forward's cache" in out


def test_one_gradient_may_be_missing_still(capsys):
    out = verdict(capsys, *linear(dw=lambda dw: ...))
    assert "dx ok dw not filled in yet db ok" in out


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"dx": lambda a: 2 * a}, "dx WRONG: Your dx is 2.0 times the right one."),
        ({"dx": lambda a: -a}, "dx WRONG: Its sign is wrong"),
        ({"dx": lambda a: a / 7}, "Your dx is 1/7 times the right one."),
        ({"dw": lambda a: -0.25 * a}, "Your dw is -1/4 times the right one."),
        ({"dw": lambda a: 3 * a}, "3 is the number of units in this trial."),
        ({"dw": lambda a: 0 * a}, "dw is zero everywhere."),
        ({"dw": lambda a: a.T}, "Its shape is (5, 3) and should be (3, 5), that of w."),
        ({"dw": lambda a: a.T}, "right, but rows and columns are exchanged."),
        ({"db": lambda a: a[None]}, "Its shape is (1, 3) and should be (3,)"),
        ({"db": lambda a: a + np.eye(3)[1]}, "wrong where it is 1. Worst at [1]"),
        ({"dx": lambda a: a * np.nan}, "dx WRONG: 5 of its 5 numbers are NaN"),
        (
            {"dx": lambda a: "dx"},
            "must be an array of real numbers; yours is of type s",
        ),
        ({"dx": lambda a: [[1], [1, 2]]}, "must be an array of real numbers"),
        ({"dx": lambda a: 1j * a}, "must be an array of real numbers"),
        ({"y": lambda a: a.astype(np.float32)}, "y is float32 where the input is floa"),
        ({"db": lambda a: a.astype(float)}, "db is float64 where the input is float32"),
    ],
)
def test_what_is_said_about_a_wrong_result(changes, says, capsys):
    assert says in verdict(capsys, *linear(**changes))


def test_a_sum_that_is_missing_is_seen_by_the_shape(capsys):
    forward, backward = linear()

    def each_image(dy, cache):
        dx, _, db = backward(dy, cache)
        return dx, dy[:, :, None] * cache[0][:, None, :], db

    assert "not added up yet" in verdict(capsys, forward, each_image)


def test_gradients_in_another_order(capsys):
    forward, backward = linear()
    out = verdict(capsys, forward, lambda dy, cache: backward(dy, cache)[::-1])
    assert "It has the shape of b: mind the order of the results." in out


def test_the_border_is_told_from_the_inside(capsys):
    forward, backward = PAIRS["conv"]

    def edges(dy, cache):
        dx, dw, db = backward(dy, cache)
        dx[..., 0], dx[..., -1, :] = 0, 0
        return dx, dw, db

    out = verdict(capsys, forward, edges, layer="conv")
    assert "dx WRONG: 4 of 9 numbers are wrong" not in out
    assert "the inside is right, the border is wrong" in out


def test_too_few_results(capsys):
    forward, backward = linear()
    out = verdict(capsys, lambda x, w, b: forward(x, w, b)[0], backward)
    assert "must return 2 results: y, cache. Yours returns 1." in out
    out = verdict(capsys, forward, lambda dy, cache: backward(dy, cache)[:2])
    assert "must return 3 results: dx, dw, db. Yours returns 2." in out


@pytest.mark.parametrize("name", ["x", "w", "b"])
def test_an_argument_that_is_written_to(name, capsys):
    def forward(x, w, b):
        result = linear()[0](x.copy(), w.copy(), b)
        {"x": x, "w": w, "b": b}[name][:] += 1
        return result

    assert f"forward writes into {name}," in verdict(capsys, forward, linear()[1])


@pytest.mark.parametrize("name", ["dy", "x"])
def test_an_argument_that_backward_writes_to(name, capsys):
    def backward(dy, cache):
        result = linear()[1](dy, cache)
        {"dy": dy, "x": cache[0]}[name][:] = 0
        return result

    assert f"backward writes into {name}," in verdict(capsys, linear()[0], backward)


def test_an_exception_is_shown_with_its_line(capsys):
    def forward(x, w, b):
        y = x @ w  # the line that stops
        return y + b, (x, w)

    out = verdict(capsys, forward, linear()[1])
    assert "forward stopped with ValueError" in out
    assert "y = x @ w # the line that stops" in out
    assert "x (1, 5), w (3, 5), b (3,)" in out


def test_what_backward_keeps_outside_of_its_cache_is_noticed(capsys):
    kept = {}

    def forward(x, w, b):
        kept["x"] = x
        return x @ w.T + b, w

    def backward(dy, w):
        return dy @ w, dy.T @ kept["x"], dy.sum(0)

    out = verdict(capsys, forward, backward)
    assert "Right, but only directly after its own forward" in out


def test_a_backward_may_belong_to_a_wrong_forward(capsys):
    out = verdict(
        capsys,
        lambda x: (np.where(x > 0, 3 * x, x), x),
        lambda dy, x: np.where(x > 0, 3 * dy, dy),
        layer="relu",
    )
    assert "dx the derivative of your y; mend y first" in out
    out = verdict(
        capsys, lambda x: (3 * x, x), lambda dy, x: dy * 7 * (x > 0), layer="relu"
    )
    assert "dx neither right nor the derivative of your y; look again when y" in out
    assert "NOT YET: forward not right yet." in out


def test_a_right_backward_is_right_though_forward_is_wrong(capsys):
    out = verdict(capsys, *linear(y=lambda y: y + 1))
    assert "dx ok dw ok db ok NOT YET: backward right, forward not right yet." in out


class Unruly:
    """A result on which everything fails."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no array")

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __len__ = __bool__ = __eq__ = __str__


class UnrulyError(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def leave(*args, **settings):
    raise SystemExit(3)


def forever(*args, **settings):
    return forever(*args, **settings)


def unprintable(*args, **settings):
    raise UnrulyError


def reshapes(x, *args, **settings):
    x.shape = (-1,)
    return x, x


def generates(*args, **settings):
    yield 1


RESULTS = [
    *(0, 1.5, True, "y", b"y", [], {}, object(), Unruly(), np.float16, print, 10**400),
    *(
        [1, [2]],
        np.array("y"),
        np.array(None),
        np.datetime64("2012-12-03"),
        [..., None],
    ),
    *(np.zeros((0, 3)), np.zeros((1,) * 20), np.ma.masked, np.array([1j]), {1, 2}),
]
FUNCTIONS = [leave, forever, unprintable, reshapes, generates, print, int, dict, Unruly]
FUNCTIONS += [lambda: 0, np.add, iter, L.Conv2d]


@pytest.mark.parametrize("layer", EXERCISES)
def test_it_never_raises_whatever_it_is_given(layer):
    functions = list(FUNCTIONS)
    for result in RESULTS:
        functions.append(lambda *a, _r=result, **k: _r)
        functions.append(lambda *a, _r=result, **k: (_r, _r))
        functions.append(lambda *a, _r=result, **k: (_r, _r, _r))
    for function in functions:
        assert judge(layer, *[function] * len(right(layer))) is False
        if layer in PAIRS:
            assert judge(layer, right(layer)[0], function) is False
            assert judge(layer, function, right(layer)[1]) is False


def test_it_never_raises_when_the_code_is_fickle():
    rng = np.random.default_rng(0)

    def forward(x, **settings):
        if rng.random() < 0.2:
            raise ValueError("not today")
        return np.ones(rng.integers(1, 3, x.ndim)) * rng.random(), None

    for layer in ("relu", "maxpool", "lrn", "dropout"):
        for _ in range(5):
            assert judge(layer, forward, lambda dy, cache: dy) is False


@pytest.mark.parametrize(
    "call",
    [("convolution", print, print), ("conv", print), ("conv",), ("sgd", None)],
)
def test_a_wrong_call_is_explained(call, capsys):
    assert judge(*call) is False
    assert ("there are: linear" in said(capsys)) == (call[0] == "convolution")


def test_dropouts_mask_is_looked_at(capsys):
    def dropout(draw):
        def forward(x, rate, rng, train=True):
            factor = draw(rng, x.shape, rate) if train else 1 - rate
            return x * factor, factor

        return forward, lambda dy, factor: dy * factor

    def says(draw):
        return verdict(capsys, *dropout(draw), layer="dropout")

    def own(seed=None):
        return np.random.default_rng(seed)

    assert "Nothing is dropped" in says(lambda rng, s, rate: 1)
    assert "not of being kept" in says(lambda rng, s, rate: rng.random(s) < rate)
    assert "50% of the neurons" in says(lambda rng, s, rate: rng.random(s) < 0.5)
    assert "from the `rng` that" in says(lambda rng, s, rate: own().random(s) >= rate)
    assert "make one of your own" in says(lambda rng, s, rate: own(0).random(s) >= rate)
    assert "Whole rows or columns" in says(
        lambda rng, s, rate: rng.random(s[1]) >= rate
    )


def test_x_and_dy_are_never_the_same_numbers():
    """A backward that takes dy for x passed wherever the two had one shape."""

    def forward(x):
        return np.tanh(x), None

    def backward(dy, cache):
        return dy * (1 - np.tanh(dy) ** 2)

    assert not judge("tanh", forward, backward)
    for name, exercise in EXERCISES.items():
        for trial in exercise.trials:
            known = exercise.known(trial)
            arrays = [*trial.arrays.values(), getattr(known, "dy", np.ones(0))]
            drawn = [np.ravel(a)[:4] for a in arrays if np.size(a) > 3 and np.any(a)]
            for i, a in enumerate(drawn):
                same = [np.allclose(a[0] * b, b[0] * a) for b in drawn[:i]]
                assert not any(same), (name, trial.says)
