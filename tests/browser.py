"""A page of the explorer in a real browser: Debian's Chromium, through playwright."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

# Float32Arrays as base64: a few megabytes as a list in JSON would take a second.
PACK = """
const pack = (arrays) => Object.fromEntries(Object.entries(arrays).map(
  ([name, { shape, data }]) => {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    let text = "";
    for (let i = 0; i < bytes.length; i += 8192) {
      text += String.fromCharCode(...bytes.subarray(i, i + 8192));
    }
    return [name, { shape, text: btoa(text) }];
  },
));
"""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser; skips the test, saying why, where none can be had."""
    api = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("no Chromium: apt-get install chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


def arrays(page: Any, call: str) -> dict[str, np.ndarray]:
    """What `window.npalexnet.CALL` answers, as arrays without the axis N."""
    found = page.evaluate(
        f"async () => {{ {PACK} return pack(await window.npalexnet.{call}); }}"
    )
    return {
        name: np.frombuffer(base64.b64decode(v["text"]), "<f4").reshape(v["shape"])
        for name, v in found.items()
    }


class Opened:
    """A page that was opened, and what happened that should not.

    Attributes:
        page: playwright's.
        complaints: lines in the console, and errors that nobody caught.
        requests: addresses that were asked for, the page's own aside.
    """

    def __init__(self, browser: Any, file: Path, at: str = "", **how: Any) -> None:
        how = {"viewport": {"width": 1360, "height": 900}, **how}
        self.page = browser.new_page(**how)
        self.page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda line: self.complaints.append(line.text))
        self.page.on("pageerror", lambda error: self.complaints.append(error.stack))
        self.page.on("request", lambda asked: self._note(asked.url))
        self.page.goto(file.as_uri() + (f"#{at}" if at else ""))

    def _note(self, url: str) -> None:
        if not url.startswith(("file:", "blob:", "data:")):
            self.requests.append(url)

    def arrays(self, call: str) -> dict[str, np.ndarray]:
        """`arrays` of this page."""
        return arrays(self.page, call)
