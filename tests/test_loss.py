"""Softmax with cross-entropy, and who is among the top five."""

import numpy as np
import pytest
from helpers import agree, numbers
from hypothesis import given
from hypothesis import strategies as st

from npalexnet.gradcheck import check, complex_step
from npalexnet.net.loss import in_top_k, log_softmax, softmax, softmax_cross_entropy

sizes = st.tuples(st.integers(1, 6), st.integers(1, 12))


def labels_for(n, classes):
    return np.random.default_rng(0).integers(0, classes, n)


def test_loss_by_hand():
    # probabilities 1/4 and 3/4, then 1/2 and 1/2
    logits = np.array([[0, np.log(3)], [7, 7]])
    agree(softmax(logits), [[1 / 4, 3 / 4], [1 / 2, 1 / 2]])
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 1]))
    agree(loss, (np.log(4) + np.log(2)) / 2)
    # what was said minus what is right, by the number of images
    agree(dlogits, [[-3 / 8, 3 / 8], [1 / 4, -1 / 4]])


@pytest.mark.parametrize("classes", [1, 2, 10, 1000])
def test_who_knows_nothing_loses_ln_c(classes):
    loss, _ = softmax_cross_entropy(np.full((3, classes), 0.7), np.zeros(3, int))
    agree(loss, np.log(classes), 1e-14)


@given(sizes)
def test_the_gradient_of_each_image_sums_to_zero(size):
    _, dlogits = softmax_cross_entropy(5 * numbers(*size), labels_for(*size))
    assert dlogits.shape == size
    assert np.abs(dlogits.sum(1)).max() < 1e-15


@given(sizes)
def test_only_the_right_class_is_pulled_up(size):
    labels = labels_for(*size)
    _, dlogits = softmax_cross_entropy(numbers(*size), labels)
    right = np.arange(size[1]) == labels[:, None]
    assert (dlogits[right] <= 0).all() and (dlogits[~right] > 0).all()


@given(sizes, st.floats(-500, 500))
def test_adding_a_number_to_all_logits_of_an_image_changes_nothing(size, number):
    labels = labels_for(*size)
    loss, dlogits = softmax_cross_entropy(numbers(*size), labels)
    moved_loss, moved = softmax_cross_entropy(numbers(*size) + number, labels)
    assert abs(moved_loss - loss) < 1e-11
    assert np.abs(moved - dlogits).max() < 1e-11


@given(sizes)
def test_probabilities_are_positive_and_sum_to_one(size):
    p = softmax(10 * numbers(*size))
    assert (p > 0).all()
    agree(p.sum(1), np.ones(len(p)))
    agree(np.exp(log_softmax(10 * numbers(*size))), p)


def test_the_gradient_is_right():
    labels = np.array([0, 2, 1, 2, 2])
    (finding,) = check(
        lambda x: softmax_cross_entropy(x, labels),
        lambda dy, dlogits: dy * dlogits,
        {"x": 3 * numbers(5, 3)},
        complex_step,  # so complex logits are accepted, too
    )
    assert finding.error < 1e-13, finding


def test_huge_logits_neither_overflow_nor_lose_the_loss():
    logits = np.array([[1e4, 0, -1e4]])
    for label, expected in enumerate([0, 1e4, 2e4]):
        loss, dlogits = softmax_cross_entropy(logits, np.array([label]))
        agree(loss, expected)
        assert np.isfinite(dlogits).all()


def test_the_dtype_of_the_logits_is_kept():
    logits = numbers(4, 3).astype(np.float32)
    loss, dlogits = softmax_cross_entropy(logits, np.array([0, 1, 2, 0]))
    assert loss.dtype == dlogits.dtype == np.float32


def test_logits_and_labels_are_left_alone():
    logits, labels = numbers(4, 3), np.array([0, 1, 2, 0])
    before = logits.copy(), labels.copy()
    softmax_cross_entropy(logits, labels)
    assert np.array_equal(logits, before[0]) and np.array_equal(labels, before[1])


def test_nan_in_the_logits_is_nan_in_the_loss():
    loss, _ = softmax_cross_entropy(np.array([[np.nan, 1.0]]), np.array([1]))
    assert np.isnan(loss)


@pytest.mark.parametrize("label", [-1, 3])
def test_a_label_that_is_no_class_is_refused(label):
    with pytest.raises(ValueError, match="labels must lie in 0 to 2"):
        softmax_cross_entropy(numbers(2, 3), np.array([0, label]))


@pytest.mark.parametrize("labels", [[0], [0, 1, 2], [[0, 1]]])
def test_another_number_of_labels_is_refused(labels):
    with pytest.raises(ValueError, match="need 2 labels"):
        softmax_cross_entropy(numbers(2, 3), np.array(labels))


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match="at least one"):
        softmax_cross_entropy(np.zeros((0, 3)), np.zeros(0, int))


def test_in_top_by_hand():
    scores = np.array([[0.1, 0.5, 0.4], [0.1, 0.5, 0.4], [0.1, 0.5, 0.4]])
    labels = np.array([1, 2, 0])  # the first, the second, the last
    assert in_top_k(scores, labels, 1).tolist() == [True, False, False]
    assert in_top_k(scores, labels, 2).tolist() == [True, True, False]
    assert in_top_k(scores, labels, 3).tolist() == [True, True, True]


def test_a_tie_counts_against_us():
    scores = np.array([[2.0, 2, 1]])
    assert in_top_k(scores, np.array([0]), 1).tolist() == [False]
    assert in_top_k(scores, np.array([0]), 2).tolist() == [True]


def test_a_network_that_says_nan_is_never_right():
    scores = np.full((1, 3), np.nan)
    assert in_top_k(scores, np.array([0]), 3).tolist() == [False]
