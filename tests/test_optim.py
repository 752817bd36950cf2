"""The update rule by hand, through a change of the learning rate."""

import numpy as np
import pytest

from npalexnet.layers import Param
from npalexnet.net.optim import SGD, ReduceLROnPlateau, sgd_update, step_decay


def test_three_steps_by_hand_with_a_drop_of_the_rate():
    p = Param(np.array([1.0]))
    sgd = SGD({"w": p}, lr=0.1, momentum=0.9, weight_decay=0.5)
    p.grad[...] = 2
    sgd.step()  # v = -0.5·0.1·1 - 0.1·2 = -0.25
    assert sgd.velocity["w"] == pytest.approx(-0.25)
    assert p.data == pytest.approx(0.75)
    sgd.step()  # v = 0.9·-0.25 - 0.05·0.75 - 0.2 = -0.4625
    assert p.data == pytest.approx(0.2875)
    sgd.lr = 0.01  # the old velocity keeps its old size: the rate is inside
    sgd.step()  # v = 0.9·-0.4625 - 0.005·0.2875 - 0.02 = -0.4376875
    assert sgd.velocity["w"] == pytest.approx(-0.4376875)
    assert p.data == pytest.approx(0.2875 - 0.4376875)


def test_multipliers_change_rate_and_decay():
    p = Param(np.array([1.0]), lr=2, decay=0)
    p.grad[...] = 1
    SGD({"b": p}, lr=0.1, momentum=0, weight_decay=0.5).step()
    assert p.data == pytest.approx(0.8)


def test_decay_follows_the_rate_that_the_schedule_has_set():
    """-ε · decay · w, once, with today's ε: after a drop w is pulled ten times less."""
    p = Param(np.array([1.0]), lr=2, decay=3)
    sgd = SGD({"w": p}, lr=0.1, momentum=0, weight_decay=0.5)
    for lr in (0.1, 0.01):
        before, sgd.lr = p.data.copy(), lr
        sgd.step()
        assert p.data == pytest.approx(before * (1 - 2 * lr * 0.5 * 3))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 7, 250_001])  # the last one is split over threads
def test_the_kernel_is_the_reference(dtype, size):
    rng = np.random.default_rng(size)
    w, g, v = rng.standard_normal((3, size)).astype(dtype)
    p = Param(w.copy(), lr=2, decay=3)
    p.grad[...] = g
    sgd = SGD({"w": p}, lr=0.05, momentum=0.8, weight_decay=0.3)
    sgd.velocity["w"][...] = v
    sgd.step()
    new_w, new_v = sgd_update(w, v, g, lr=0.1, momentum=0.8, weight_decay=0.9)
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(sgd.velocity["w"], new_v, rtol=20 * eps, atol=20 * eps)
    np.testing.assert_allclose(p.data, new_w, rtol=20 * eps, atol=20 * eps)


def test_the_reference_leaves_its_inputs_alone():
    w, v, g = np.arange(12.0).reshape(3, 4)
    before = [a.copy() for a in (w, v, g)]
    sgd_update(w, v, g, lr=0.1)
    for a, b in zip((w, v, g), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_steps_drop_by_ten_after_the_named_epochs():
    rates = [step_decay(0.01, (2, 4), epoch) for epoch in range(6)]
    assert rates == pytest.approx([0.01, 0.01, 0.001, 0.001, 0.0001, 0.0001])


def test_plateau_drops_three_times_and_no_more():
    plateau = ReduceLROnPlateau(0.01, patience=2)
    errors = [0.9, 0.8, 0.8, 0.85, 0.7, 0.71, 0.72, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7]
    rates = [plateau.after_epoch(error) for error in errors]
    expected = [1e-2] * 3 + [1e-3] * 3 + [1e-4] * 2 + [1e-5] * 5
    assert rates == pytest.approx(expected)


def test_plateau_goes_on_from_its_state():
    one = ReduceLROnPlateau(0.01, patience=2)
    one.after_epoch(0.5)
    one.after_epoch(0.6)
    two = ReduceLROnPlateau(**one.state())
    assert two.after_epoch(0.6) == one.after_epoch(0.6) == pytest.approx(0.001)
