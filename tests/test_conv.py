"""Convolution: by hand, its gradient, the kernel against the reference, edges."""

import numpy as np
import pytest
from helpers import agree, few, grids, machine, numbers
from hypothesis import given

from npalexnet.gradcheck import check, complex_step
from npalexnet.layers import Conv2d, conv2d_backward, conv2d_forward, linear_forward


def test_conv_by_hand():
    x = np.arange(1.0, 10).reshape(1, 1, 3, 3)  # 1 2 3 / 4 5 6 / 7 8 9
    w = np.array([[[[1.0, 2], [0, -1]]]])
    y, cache = conv2d_forward(x, w, np.array([0.5]))
    # top left: 1·1 + 2·2 - 1·5 + 0.5 = 0.5, and so on
    assert y[0, 0].tolist() == [[0.5, 2.5], [6.5, 8.5]]

    dx, dw, db = conv2d_backward(np.array([[[[1.0, 2], [3, 4]]]]), cache)
    assert db.tolist() == [1 + 2 + 3 + 4]
    # the first weight saw 1, 2, 4 and 5: 1·1 + 2·2 + 3·4 + 4·5 = 37
    assert dw[0, 0].tolist() == [[37, 47], [67, 77]]
    # the middle pixel was seen by all: 4·1 + 3·2 + 2·0 - 1·1 = 9
    assert dx[0, 0].tolist() == [[1, 4, 4], [3, 9, 6], [0, -3, -4]]


def test_one_bright_pixel_shows_the_filter_turned_around():
    x = np.zeros((1, 1, 5, 5))
    x[0, 0, 2, 2] = 1
    w = numbers(1, 1, 3, 3)
    y, _ = conv2d_forward(x, w, np.zeros(1))
    agree(y, w[:, :, ::-1, ::-1], 0)


def test_a_filter_of_one_pixel_is_a_linear_layer_at_every_place():
    x, w, b = numbers(2, 5, 3, 4), numbers(6, 5), numbers(6)
    y, _ = conv2d_forward(x, w[:, :, None, None], b)
    pixels = x.transpose(0, 2, 3, 1).reshape(-1, 5)
    agree(y.transpose(0, 2, 3, 1).reshape(-1, 6), linear_forward(pixels, w, b)[0])


def test_two_groups_are_two_convolutions_side_by_side():
    x, w, b = numbers(2, 4, 6, 5), numbers(6, 2, 3, 3), numbers(6)
    y, cache = conv2d_forward(x, w, b, 2, 1, groups=2)
    left, left_cache = conv2d_forward(x[:, :2], w[:3], b[:3], 2, 1)
    right, right_cache = conv2d_forward(x[:, 2:], w[3:], b[3:], 2, 1)
    agree(y, np.concatenate([left, right], 1))

    dy = numbers(*y.shape, seed=1)
    dx, dw, db = conv2d_backward(dy, cache)
    dx1, dw1, db1 = conv2d_backward(dy[:, :3], left_cache)
    dx2, dw2, db2 = conv2d_backward(dy[:, 3:], right_cache)
    agree(dx, np.concatenate([dx1, dx2], 1))
    agree(dw, np.concatenate([dw1, dw2]))
    agree(db, np.concatenate([db1, db2]))


def test_a_stride_of_three_takes_every_third_place():
    x, w, b = numbers(2, 3, 11, 8), numbers(4, 3, 3, 3), numbers(4)
    every, _ = conv2d_forward(x, w, b)
    third, _ = conv2d_forward(x, w, b, stride=3)
    agree(third, every[:, :, ::3, ::3])


def test_the_gradient_is_right_with_uneven_pad_and_three_groups():
    arrays = {"x": numbers(2, 3, 6, 5), "w": numbers(6, 1, 3, 3), "b": numbers(6)}
    findings = check(
        lambda x, w, b: conv2d_forward(x, w, b, 3, (0, 2), 3),
        conv2d_backward,
        arrays,
        complex_step,  # so the reference accepts complex numbers, too
    )
    for finding in findings:
        assert finding.error < 1e-12, finding


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@given(few, few, few, few, grids())
def test_kernel_equals_reference(dtype, n, groups, channels, filters, grid):
    h, w, kernel, stride, pad = grid
    settings = {"stride": stride, "pad": pad, "groups": groups}
    x = numbers(n, channels * groups, h, w)
    params = {
        "w": numbers(filters * groups, channels, kernel, kernel),
        "b": numbers(filters * groups),
    }
    y, cache = conv2d_forward(x, **params, **settings)
    dy = numbers(*y.shape, seed=1)
    dx, dw, db = conv2d_backward(dy, cache)

    layer = Conv2d(channels * groups, filters * groups, kernel, **settings)
    y_found, dx_found, grads = machine(layer, x, dy, params, dtype)
    agree(y_found, y)
    agree(dx_found, dx)
    agree(grads["w"], dw)
    agree(grads["b"], db)


def test_kernel_equals_reference_where_whole_windows_hang_over_the_edge():
    x, params = numbers(2, 1, 2, 3), {"w": numbers(2, 1, 2, 2), "b": numbers(2)}
    y, cache = conv2d_forward(x, **params, pad=4)
    dy = numbers(*y.shape, seed=1)
    y_found, dx_found, grads = machine(Conv2d(1, 2, 2, pad=4), x, dy, params)
    assert y[0, 0, 0, 0] == params["b"][0]  # saw nothing but pad
    agree(y_found, y)
    agree(dx_found, conv2d_backward(dy, cache)[0])
    agree(grads["w"], conv2d_backward(dy, cache)[1])


def test_kernel_equals_reference_when_a_product_holds_two_images(set_threads):
    set_threads(1)  # 5 images of 18 x 16 places: two, two, and one
    x, params = numbers(5, 2, 20, 18), {"w": numbers(3, 2, 3, 3), "b": numbers(3)}
    y, cache = conv2d_forward(x, **params)
    dy = numbers(*y.shape, seed=1)
    dx, dw, db = conv2d_backward(dy, cache)
    y_found, dx_found, grads = machine(Conv2d(2, 3, 3), x, dy, params)
    agree(y_found, y)
    agree(dx_found, dx)
    agree(grads["w"], dw)
    agree(grads["b"], db)


@pytest.mark.parametrize(("channels", "filters"), [(3, 4), (4, 3)])
def test_groups_must_divide_channels_and_filters(channels, filters):
    with pytest.raises(ValueError, match="groups=2 must divide both"):
        Conv2d(channels, filters, 3, groups=2)


@pytest.mark.parametrize("shape", [(4, 9, 9), (3, 9), (27,), (3, 2, 9), (3, 9, 2)])
def test_an_input_that_does_not_fit_is_refused(shape):
    with pytest.raises(ValueError):
        Conv2d(3, 4, 3).output_shape(shape)


def test_weights_are_drawn_with_the_std_and_biases_start_where_told():
    layer = Conv2d(50, 40, 5, std=0.02, bias=1.0, rng=np.random.default_rng(0))
    w, b = layer.params["w"].data, layer.params["b"].data
    assert w.shape == (40, 50, 5, 5) and (b == 1).all()
    assert abs(w.std() / 0.02 - 1) < 0.02 and abs(w.mean()) < 0.001
    assert not Conv2d(3, 4, 3, std=0).params["w"].data.any()
