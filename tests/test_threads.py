"""Several Python threads, forks, and other people's limits: the answers stay right."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import threadpoolctl
from helpers import numbers

from npalexnet import Graph, softmax_cross_entropy
from npalexnet.layers import Conv2d, Flatten, Linear, ReLU
from npalexnet.net import threads

pytestmark = pytest.mark.usefixtures("two_threads")


def network():
    graph = Graph([Conv2d(2, 8, 3), ReLU(), Flatten(), Linear(8 * 36, 5)], (2, 8, 8))
    for name, param in graph.params.items():
        param.data = 0.3 * numbers(*param.data.shape, seed=len(name))
    return graph


def blas_threads():
    return [lib["num_threads"] for lib in threads._the_pool().blas.info()]


def on_threads(count, work):
    """work(0), work(1)... at once, each on a thread of its own; what they return."""
    with ThreadPoolExecutor(count) as pool:
        start = threading.Barrier(count)

        def one(number):
            start.wait()
            return work(number)

        return list(pool.map(one, range(count)))


def test_a_graph_answers_several_threads_as_it_answers_one():
    graph = network()
    x = [numbers(n + 1, 2, 8, 8, seed=n) for n in range(4)]
    expected = [graph.forward(v) for v in x]

    def ask(number):
        return all(
            np.array_equal(graph.forward(x[number], keep=False), expected[number])
            and np.array_equal(
                graph.activations(x[number], ["full1"])["full1"],
                expected[number],
            )
            for _ in range(20)
        )

    assert on_threads(4, ask) == [True] * 4


def test_a_backward_never_takes_another_threads_forward():
    """It is refused, or the gradient is the one of this thread's own forward."""
    graph = network()
    x = [numbers(3, 2, 8, 8, seed=n) for n in range(4)]
    dy = numbers(3, 5)
    expected = []
    for v in x:
        graph.forward(v)
        expected.append(graph.backward(dy, need_dx=True))

    def step(number):
        said = []
        for _ in range(20):
            graph.forward(x[number])
            try:
                dx = graph.backward(dy, need_dx=True)
            except RuntimeError as error:
                said.append(str(error))
            else:
                assert np.array_equal(dx, expected[number])
        return said

    for said in on_threads(4, step):
        for sentence in said:
            assert "another Python thread" in sentence or "needs a forward" in sentence


def test_a_forward_on_another_thread_is_named():
    graph = network()
    graph.forward(numbers(2, 2, 8, 8))

    def backward(_):
        with pytest.raises(RuntimeError, match="another Python thread: keep a step on"):
            graph.backward(numbers(2, 5))

    on_threads(1, backward)
    assert graph.backward(numbers(2, 5), need_dx=True) is not None


def test_each_thread_may_train_a_graph_of_its_own():
    x, labels = numbers(6, 2, 8, 8), np.array([0, 1, 2, 3, 4, 0])

    def train(_):
        graph = network()
        for _ in range(5):
            _, dlogits = softmax_cross_entropy(graph.forward(x), labels)
            graph.backward(dlogits)
            for param in graph.params.values():
                param.data = param.data - 0.01 * param.grad
        return graph.forward(x)

    one = train(0)
    assert all(np.array_equal(found, one) for found in on_threads(3, train))


def test_blas_has_its_threads_back_whoever_leaves_first():
    """Entered on two threads, it was left at one thread for ever."""
    with threads._the_pool().blas.limit(limits=2, user_api="blas"):
        before = blas_threads()

        def enter(_):
            for _ in range(50):
                with threads.one_thread_blas(), threads.one_thread_blas():
                    if set(blas_threads()) > {1}:
                        return False
            return True

        assert on_threads(3, enter) == [True] * 3
        assert blas_threads() == before


def test_a_limit_of_the_users_own_does_not_switch_ours_off():
    """Since threadpoolctl 3.8 only the thread that was first may set another."""
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        before = blas_threads()

        def inside(_):
            with threads.one_thread_blas():
                return blas_threads()

        assert on_threads(1, inside) == [[1] * len(before)]
        assert blas_threads() == before


IN_A_FORK = """
import os, sys, warnings
import numpy as np
from npalexnet import alexnet
from npalexnet.net import threads
warnings.simplefilter("ignore")  # Python's, of forks beside threads
threads.set_threads(2)
graph = alexnet("small", 3)
x = np.ones((4, 3, 56, 56))
y = graph.forward(x, keep=False)
child = os.fork()
if child == 0:
    same = np.array_equal(graph.forward(x, keep=False), y)
    os._exit(0 if same and threads.get_threads() == 2 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_has_threads_of_its_own():
    """As multiprocessing does on Linux; a forward there waited for ever."""
    subprocess.run([sys.executable, "-c", IN_A_FORK], check=True, timeout=60)
