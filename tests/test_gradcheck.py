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
    layers |= {"linear"}
    assert layers | {"softmax"} <= checked
    machines = {case.name.split()[0] for case in CASES if "(kernel)" in case.name}
    assert layers <= machines


@pytest.mark.parametrize("method", [differences, small_differences, complex_step])
def test_instruments_by_hand(method):
    """y = x², dy = 10: moving x = 3 moves 10 y by 60."""
    found = method(lambda x: (x * x, None), {"x": np.array([3.0])}, np.array([10]), "x")
    assert found == pytest.approx([60], rel=1e-9)


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
    x, dy, rng = numbers(3, 2, 6, 5), numbers(3, 4), np.random.default_rng(0)
    before = {name: param.data.copy() for name, param in graph.params.items()}
    findings = [direction(graph, x, name, dy, rng) for name in graph.params]
    errors = {finding.array: finding.error for finding in findings}
    assert errors.pop("fc1.b") == pytest.approx(1, rel=1e-4)
    assert max(errors.values()) < 1e-6
    for name, param in graph.params.items():
        assert np.array_equal(param.data, before[name])
