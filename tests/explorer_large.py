"""The explorer and the networks for 227 pixels: `make browser`, too long for CI.

The weights are the starting ones: products and gradients are of the same kinds as in a
trained network, and nothing is downloaded.
"""

import numpy as np
import pytest
from browser import Opened, chromium
from test_explorer_arithmetic import check_backward, check_forward, rounded

from npalexnet import alexnet
from npalexnet.explorer import page

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("variant", "bits"), [("column", 16), ("code2012", 8)])
def test_a_large_network(tmp_path, variant, bits):
    graph = alexnet(variant, 10)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 256, 256, 3), np.uint8)
    made = page(graph, pixels, [3], bits=bits)
    assert len(made.text) < 200_000_000
    made.save(tmp_path / "page.html")
    rounded(graph, bits)
    with chromium() as browser:
        opened = Opened(browser, tmp_path / "page.html")
        opened.page.set_default_timeout(120_000)
        x = graph.prepare(pixels)
        outputs = check_forward(opened, graph, x, 0)
        check_backward(opened, graph, x, 0, 3, outputs)
        assert opened.complaints == []
