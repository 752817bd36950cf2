"""A solution of notebooks/exercises/4-sgd.ipynb."""


def update(w, v, g, lr, momentum, decay):
    new_v = momentum * v - decay * lr * w - lr * g
    new_w = w + new_v
    return new_v, new_w
