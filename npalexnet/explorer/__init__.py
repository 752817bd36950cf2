"""A trained network as a page in the browser, to be touched, forward and backward.

    page(graph, pictures, labels).save("page.html")     one file, it needs nothing else
    page(graph, pictures, labels)                       in a notebook: shown in the cell

In here: the page (page), how it is put together out of its parts (pack), and the parts,
in JavaScript, which are plain modules without a build step:

    layers/     one file per layer, to be held beside npalexnet/layers/
    network/    the chain, the update rule, where a number comes from; the worker that
                runs them beside the page
    view/       what is drawn, and what can be done: no arithmetic
    page.html, page.css

Not in here: reading networks or data (weights/, training/, datasets/). No file of the
page asks for anything from a network, and none is loaded by name: pack.py joins them.
"""

from npalexnet.explorer.page import Page, page

__all__ = ["Page", "page"]
