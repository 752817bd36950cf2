"""The instruments that check derivatives: they accept the right, and see the wrong."""

import numpy as np
import pytest
from helpers import numbers

from npalexnet.checks import cases
from npalexnet.gradcheck import (
    check,
    compare,
    complex_step,
    differences,
    direction,
    small_differences,
)
from npalexnet.layers import Conv2d, Flatten, Linear, ReLU
from npalexnet.net.graph import Graph

CASES = cases()
MUTANTS = [(case, array) for case in CASES for array in case.mutants]


def name_of(value):
    return getattr(value, "name", value)


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_every_derivative_is_right(case):
    findings = check(case.forward, case.backward, case.arrays, case.method)
    assert [finding.array for finding in findings] == list(case.arrays)
    for finding in findings:
        assert finding.error < case.tolerance, finding


@pytest.mark.parametrize(("case", "array"), MUTANTS, ids=name_of)
def test_every_mutant_is_caught_and_nothing_else_is_blamed(case, array):
    _, backward = case.mutants[array]
    findings = check(case.forward, backward, case.arrays, case.method)
    blamed = [f.array for f in findings if not f.error < case.tolerance]
    assert blamed == [array]


def test_every_array_of_every_reference_has_a_mutant():
    for case in CASES:
        wanted = set() if "(kernel)" in case.name else set(case.arrays)
        assert set(case.mutants) == wanted, case.name


def test_every_layer_with_a_derivative_has_a_case():
    checked = {case.name.split()[0] for case in CASES}
    layers = {"conv", "maxpool", "lrn", "samemap_norm", "relu", "tanh", "dropout"}
    layers |= {"linear", "winograd"}
    assert layers | {"softmax"} <= checked
    machines = {case.name.split()[0] for case in CASES if "(kernel)" in case.name}
    assert layers <= machines


@pytest.mark.parametrize("method", [differences, small_differences, complex_step])
def test_instruments_by_hand(method):
    """y = x², dy = 10: moving x = 3 moves 10 y by 60."""
    found = method(lambda x: (x * x, None), {"x": np.array([3.0])}, np.array([10]), "x")
    assert found == pytest.approx([60], rel=1e-9)


@pytest.mark.parametrize(
    ("bent", "slope"),
    [
        (lambda x: np.log1p(np.exp(x)), lambda x: 1 / (1 + np.exp(-x))),
        (lambda x: x**3, lambda x: 3 * x**2),
        (lambda x: np.maximum(x, 0), lambda x: x > 0),  # nearer to its kink than 1/4
    ],
    ids=["softplus", "cube", "relu"],
)
def test_a_layer_that_is_bent_needs_no_other_method(bent, slope):
    x = {"x": np.array([0.1, -0.1, 1.7, -2.3, 0.01])}
    (finding,) = check(lambda x: (bent(x), x), lambda dy, x: dy * slope(x), x)
    assert finding.error < 1e-8, finding


def test_whole_numbers_are_moved_by_a_fraction():
    x = np.array([1, 2, 3])
    found = differences(lambda x: (x * 3, None), {"x": x}, np.ones(3), "x")
    assert found.tolist() == [3, 3, 3]


@pytest.mark.parametrize("blind", [np.abs, np.real, lambda x: x * np.conj(x)])
def test_a_function_without_a_complex_derivative_is_refused_by_the_complex_step(blind):
    """|x| is real whatever small imaginary number is added: a backward of 0 passed."""
    x = numbers(4, 5)
    with pytest.raises(
        ValueError, match=r"complex_step cannot check x: .* use small_d"
    ):
        check(
            lambda x: (blind(x), None), lambda dy, cache: 0 * dy, {"x": x}, complex_step
        )


@pytest.mark.parametrize("method", [differences, small_differences, complex_step])
@pytest.mark.parametrize("seed", range(3))
def test_dy_is_nothing_that_a_user_would_draw(method, seed):
    """A backward that takes x for dy must not pass because the two are equal."""
    x = {"x": np.random.default_rng(seed).standard_normal((3, 4))}
    (finding,) = check(
        lambda x: (x**2 / 2, x), lambda dy, x: dy * dy, x, method, seed=seed
    )
    assert finding.error > 0.1


def test_the_worst_place_is_named():
    finding = compare("w", np.array([[1.0, 2], [3, 5]]), np.array([[1.0, 2], [3, 4]]))
    assert (finding.where, finding.claimed, finding.found) == ((1, 1), 5, 4)
    assert finding.error == 1 / 4  # relative to the largest, which is 4
    assert "dw" in str(finding) and "[1, 1]" in str(finding)


def test_a_gradient_of_nan_is_wrong():
    finding = compare("x", np.array([np.nan, 1.0]), np.array([0.0, 1.0]))
    assert finding.error == np.inf and finding.where == (0,)


def test_a_gradient_of_another_shape_is_refused():
    x = {"x": numbers(2, 3)}
    with pytest.raises(ValueError, match=r"dx must have the shape of x, \(2, 3\)"):
        check(lambda x: (x, None), lambda dy, cache: dy.T, x)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_gradients_is_refused(count):
    arrays = {"x": numbers(2), "w": numbers(2)}
    message = f"must return 2 gradients, one each for x, w; it returns {count}"
    with pytest.raises(ValueError, match=message):
        check(lambda x, w: (x * w, None), lambda dy, cache: (dy,) * count, arrays)


class DoubledBias(Linear):
    """A Linear with a mistake in one gradient."""

    def backward(self, dy, cache, ws):
        dx = super().backward(dy, cache, ws)
        ws.grads["b"] *= 2
        return dx


def test_direction_blames_the_one_wrong_parameter_of_a_network():
    graph = Graph(
        {
            "conv": Conv2d(2, 3, 3, std=0.5, bias=0.1),
            "relu": ReLU(),
            "flatten": Flatten(),
            "fc1": DoubledBias(3 * 4 * 3, 6, std=0.5),
            "fc2": Linear(6, 4, std=0.5),
        },
        (2, 6, 5),
        np.float64,
    )
    for name, param in graph.params.items():  # the same ones every time: no kink is met
        if name.endswith(".w"):
            param.data = 0.5 * numbers(*param.data.shape)
    x, dy, rng = numbers(3, 2, 6, 5), numbers(3, 4), np.random.default_rng(0)
    before = {name: param.data.copy() for name, param in graph.params.items()}
    findings = [direction(graph, x, name, dy, rng) for name in graph.params]
    errors = {finding.array: finding.error for finding in findings}
    assert errors.pop("fc1.b") == pytest.approx(1, rel=1e-4)
    assert max(errors.values()) < 1e-6
    for name, param in graph.params.items():
        assert np.array_equal(param.data, before[name])
