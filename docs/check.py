"""Reads the pages that were built: `python -m docs.check build/pages`.

Every link inside leads to a file, and to a place in it; nothing is asked of another
host; every picture says what is to be seen.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """One page: its places, its links, what it loads, and its pictures."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.pictures: list[tuple[str, str]] = []  # (source, alternative text)
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attrs}
        self.places |= {said[name] for name in ("id", "name") if name in said}
        if tag == "a" and "href" in said:
            self.links.append(said["href"])
        elif tag == "link" and said.get("rel") != "canonical":
            self.loads.append(said.get("href", ""))
        elif "src" in said:
            self.loads.append(said["src"])
        if tag == "img":
            self.pictures.append((said.get("src", ""), said.get("alt", "")))


def faults(folder: Path) -> Iterator[str]:
    """A line for everything that is wrong."""
    pages = {path.resolve(): Page(path) for path in folder.rglob("*.html")}
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        source_page = "_modules" in name.parts
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.loads and parts.scheme != "data":
                    yield f"{name} asks another host: {link}"
                continue
            target = path.parent / unquote(parts.path) if parts.path else path
            target = target.resolve()
            if not target.exists():
                yield f"{name} links to nothing: {link}"
            elif source_page or "_modules" in link or target not in pages:
                continue  # a property has no place on the page of its source file
            elif parts.fragment and unquote(parts.fragment) not in pages[target].places:
                yield f"{name} links to no such place: {link}"
        for source, alternative in page.pictures:
            if not alternative or alternative in source or source.endswith(alternative):
                yield f"{name} has a picture without words: {source[-60:]}"


def main(folder: str) -> int:
    found = sorted(set(faults(Path(folder))))
    print(*found, sep="\n")
    print(f"{len(found)} faults in {len(list(Path(folder).rglob('*.html')))} pages")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
