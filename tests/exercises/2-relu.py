"""A solution of notebooks/exercises/2-relu.ipynb."""

import numpy as np


def forward(x):
    y = np.maximum(x, 0)
    return y, x


def backward(dy, x):
    dx = dy * (x > 0)
    return dx


def my_tanh_forward(x):
    y = np.tanh(x)
    return y, y


def my_tanh_backward(dy, y):
    slope = 1 - y**2
    return dy * slope
