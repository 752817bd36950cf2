"""Same-map normalisation: by hand, gradient, kernel against reference, edges."""

import numpy as np
import pytest
from helpers import agree, few, machine, numbers
from hypothesis import given
from hypothesis import strategies as st

from npalexnet.gradcheck import check, complex_step
from npalexnet.layers import SameMapNorm, samemap_norm_backward, samemap_norm_forward


def one_map(*rows):
    """One map of one image: (1, 1, H, W)."""
    return np.array(rows, float)[None, None]


def test_samemap_norm_by_hand():
    settings = {"size": 3, "alpha": 1.0, "beta": 1.0, "k": 1.0}
    x, dy = one_map([1, 2, 0], [0, 2, 0]), one_map([1, 0, 0], [0, 0, 0])
    y, cache = samemap_norm_forward(x, **settings)
    # s = 1 + 1 + 4 + 4 in the first two columns, where the window holds 1, 2 and 2;
    # in the third it holds the two 2s: 9. y = x / s
    agree(y, one_map([1 / 10, 2 / 10, 0], [0, 2 / 10, 0]))
    # y00 = x00 / (1 + x00² + x01² + x10² + x11²): its slope in x00 is (10 - 2) / 100,
    # in x01 and x11 it is -2·2 / 100, in x10 = 0 it is 0; the third column is out of
    # its window
    expected = one_map([8 / 100, -4 / 100, 0], [0, -4 / 100, 0])
    agree(samemap_norm_backward(dy, cache), expected)
    y_found, dx_found, _ = machine(SameMapNorm(**settings), x, dy)
    agree(y_found, y)
    agree(dx_found, expected)


def test_the_defaults_are_the_2012_code():
    """scale 0.001 over 5 x 5 places, pow 0.75, and 1 in the denominator."""
    x = np.full((1, 1, 9, 9), 100.0)
    y, _ = samemap_norm_forward(x)
    agree(y[0, 0, 4, 4], 100 / (1 + 0.001 * 100**2) ** 0.75)
    agree(machine(SameMapNorm(), x, x)[0], y)


def test_without_alpha_it_only_multiplies_by_a_constant():
    x, dy = numbers(2, 4, 3, 2), numbers(2, 4, 3, 2, seed=1)
    y, cache = samemap_norm_forward(x, alpha=0, beta=0.75, k=2)
    agree(y, x * 2**-0.75)
    agree(samemap_norm_backward(dy, cache), dy * 2**-0.75)


def test_a_window_of_one_place_sees_only_itself():
    x = numbers(2, 4, 3, 2)
    y, _ = samemap_norm_forward(x, size=1, alpha=0.3, beta=0.5)
    agree(y, x / np.sqrt(1 + 0.3 * x**2))


def test_a_window_wider_than_the_map_sees_all_of_it():
    x = numbers(2, 4, 3, 2)
    y, _ = samemap_norm_forward(x, size=9, alpha=0.3, beta=0.5)
    agree(y, x / np.sqrt(1 + 0.3 * (x**2).sum((2, 3), keepdims=True)))


def test_maps_do_not_see_each_other():
    x = numbers(2, 4, 5, 6)
    y, _ = samemap_norm_forward(x, alpha=0.3)
    for c in range(4):
        agree(y[:, c : c + 1], samemap_norm_forward(x[:, c : c + 1], alpha=0.3)[0])


@pytest.mark.parametrize("beta", [0.75, 0.5])
def test_the_gradient_is_right_where_every_term_counts(beta):
    findings = check(
        lambda x: samemap_norm_forward(x, 3, 0.5, beta, 2.0),
        samemap_norm_backward,
        {"x": numbers(2, 2, 4, 5)},
        complex_step,
    )
    for finding in findings:
        assert finding.error < 1e-12, finding


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(
    shape=st.tuples(few, few, st.integers(1, 8), st.integers(1, 8)),
    size=st.sampled_from([1, 3, 5, 7]),
    alpha=st.sampled_from([0.0, 0.01, 0.3, 2.0]),
    beta=st.sampled_from([0.75, 0.5, 1.0]),
    k=st.sampled_from([1.0, 2.0]),
)
def test_kernel_equals_reference(dtype, shape, size, alpha, beta, k):
    settings = {"size": size, "alpha": alpha, "beta": beta, "k": k}
    x, dy = numbers(*shape), numbers(*shape, seed=1)
    y, cache = samemap_norm_forward(x, **settings)
    y_found, dx_found, _ = machine(SameMapNorm(**settings), x, dy, dtype=dtype)
    agree(y_found, y)
    agree(dx_found, samemap_norm_backward(dy, cache))


@pytest.mark.parametrize("loud", [1e12, 1e15, 1e18, 1e20, 1e36])
@pytest.mark.parametrize("beta", [0.75, 1.0])
def test_loud_inputs_are_quietened_and_not_made_nan(loud, beta):
    """Squares, then √s·√√s, then s itself overflow in float32; the answer nears 0."""
    x = loud * (1.5 + numbers(2, 6, 5, 4) % 1)
    x[0, :, 2:] = 1  # beside loud ones, and by themselves
    y, cache = samemap_norm_forward(x, beta=beta)
    dx = samemap_norm_backward(np.ones_like(x), cache)
    y_found, dx_found, _ = machine(
        SameMapNorm(beta=beta), x, np.ones_like(x), dtype=np.float32
    )
    agree(y_found, y)
    agree(dx_found, dx)
    with np.errstate(over="ignore"):
        y, cache = samemap_norm_forward(x.astype(np.float32), beta=beta)
        agree(y, y_found)
        agree(
            samemap_norm_backward(np.ones_like(x), cache).astype(np.float32), dx_found
        )


def test_nan_spreads_over_its_window_and_no_further():
    x = numbers(1, 2, 6, 7)
    x[0, 0, 1, 5] = np.nan
    expected = np.zeros(x.shape, bool)
    expected[0, 0, 0:3, 4:7] = True
    y, _ = samemap_norm_forward(x, size=3)
    y_found, _, _ = machine(SameMapNorm(3), x, np.ones_like(x))
    assert (np.isnan(y) == expected).all()
    assert (np.isnan(y_found) == expected).all()


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"size": 2}, "size must be odd"), ({"size": -1}, "odd"), ({"k": 0}, "k must be")],
)
def test_settings_that_cannot_be_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        SameMapNorm(**settings)


@pytest.mark.parametrize("shape", [(4, 9), (36,)])
def test_an_input_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError, match="SameMapNorm expects"):
        SameMapNorm().output_shape(shape)
