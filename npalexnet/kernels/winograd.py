"""For layers/tiles.py: Winograd's transforms, with the images innermost.

The numbers of one tile lie scattered, and a tile is small; so neither the pixels of a
tile nor the tiles of a row fill a SIMD register. But every tile of every image goes
through the same arithmetic. So the pictures are turned around: what stands side by side
is the same pixel of all tiles in a row, of all images of the block,

    line   a row of pixels          `LINE` numbers after the one above
    phase  each m-th pixel of it    `PHASE` numbers after its neighbour to the left
    run    all tiles of the row, and for each all images: side by side

and a transform is sums of whole runs. The distances are constants, so that the compiler
knows that two runs do not overlap. First all lines of a tile, then all phases; where
tiles overlap, the shared pixels are copied (or, on the way back, added) in between.

The four transforms are those of layers/winograd.py, for 6 points (0, ±1, ±2, infinity)
and 8 (and ±1/2). A point and its negative share their even and their odd powers: so
half of the multiplications are saved, and that is why the points come in pairs.
"""

from __future__ import annotations

from npalexnet.kernels.compile import kernel, piece

PHASE = 256
LINE = 8 * PHASE + 16  # no power of two: lines must not meet in the cache


@piece
def to_points6(d, s, step, n):
    """d = Bᵀ s, six runs from six."""
    number = s.dtype.type
    two, four, five = number(2), number(4), number(5)
    for k in range(n):
        s1, s2, s3 = s[k + step], s[k + 2 * step], s[k + 3 * step]
        s4 = s[k + 4 * step]
        d[k] = four * s[k] - five * s2 + s4
        even, odd = s4 - four * s2, s3 - four * s1
        d[k + step] = even + odd
        d[k + 2 * step] = even - odd
        even, odd = s4 - s2, two * (s3 - s1)
        d[k + 3 * step] = even + odd
        d[k + 4 * step] = even - odd
        d[k + 5 * step] = four * s1 - five * s3 + s[k + 5 * step]


@piece
def from_points6(d, s, step, n):
    """d = B s, six runs from six."""
    number = s.dtype.type
    two, four, five = number(2), number(4), number(5)
    for k in range(n):
        s0, s1, s2, s3 = s[k], s[k + step], s[k + 2 * step], s[k + 3 * step]
        s4, s5 = s[k + 4 * step], s[k + 5 * step]
        even1, odd1, even2, odd2 = s1 + s2, s1 - s2, s3 + s4, s3 - s4
        d[k] = four * s0
        d[k + step] = four * (s5 - odd1) - two * odd2
        d[k + 2 * step] = -five * s0 - four * even1 - even2
        d[k + 3 * step] = odd1 + two * odd2 - five * s5
        d[k + 4 * step] = s0 + even1 + even2
        d[k + 5 * step] = s5


@piece
def evaluate6(d, s, step, n):
    """d = A s for four coefficients, but for the last point."""
    number = s.dtype.type
    two, four = number(2), number(4)
    for k in range(n):
        s0, s1, s2, s3 = s[k], s[k + step], s[k + 2 * step], s[k + 3 * step]
        d[k] = s0
        even, odd = s0 + s2, s1 + s3
        d[k + step] = even + odd
        d[k + 2 * step] = even - odd
        even, odd = s0 + four * s2, two * (s1 + four * s3)
        d[k + 3 * step] = even + odd
        d[k + 4 * step] = even - odd


@piece
def collect6(d, s, step, n):
    """d = Aᵀ s, four coefficients, but for the last point."""
    number = s.dtype.type
    two, four, eight = number(2), number(4), number(8)
    for k in range(n):
        s1, s2, s3, s4 = (
            s[k + step],
            s[k + 2 * step],
            s[k + 3 * step],
            s[k + 4 * step],
        )
        even1, odd1, even2, odd2 = s1 + s2, s1 - s2, s3 + s4, s3 - s4
        d[k] = s[k] + even1 + even2
        d[k + step] = odd1 + two * odd2
        d[k + 2 * step] = even1 + four * even2
        d[k + 3 * step] = odd1 + eight * odd2


@piece
def to_points8(d, s, step, n):
    """d = Bᵀ s, eight runs from eight."""
    number = s.dtype.type
    half, quarter, two, four, five = (
        number(0.5),
        number(0.25),
        number(2),
        number(4),
        number(5),
    )
    a, b, c = number(5.25), number(4.25), number(1.25)
    for k in range(n):
        s1, s2, s3 = s[k + step], s[k + 2 * step], s[k + 3 * step]
        s4, s5, s6 = s[k + 4 * step], s[k + 5 * step], s[k + 6 * step]
        d[k] = s6 - s[k] + a * (s2 - s4)
        even, odd = s6 + s2 - b * s4, s5 + s1 - b * s3
        d[k + step] = even + odd
        d[k + 2 * step] = even - odd
        even, odd = s6 - c * s4 + quarter * s2, two * (s5 - c * s3 + quarter * s1)
        d[k + 3 * step] = even + odd
        d[k + 4 * step] = even - odd
        even, odd = s6 - five * s4 + four * s2, half * (s5 - five * s3 + four * s1)
        d[k + 5 * step] = even + odd
        d[k + 6 * step] = even - odd
        d[k + 7 * step] = s[k + 7 * step] - s1 + a * (s3 - s5)


@piece
def from_points8(d, s, step, n):
    """d = B s, eight runs from eight."""
    number = s.dtype.type
    half, quarter, two, four, five = (
        number(0.5),
        number(0.25),
        number(2),
        number(4),
        number(5),
    )
    a, b, c, e = number(5.25), number(4.25), number(1.25), number(2.5)
    for k in range(n):
        s0, s1, s2, s3 = s[k], s[k + step], s[k + 2 * step], s[k + 3 * step]
        s4, s5, s6 = s[k + 4 * step], s[k + 5 * step], s[k + 6 * step]
        s7 = s[k + 7 * step]
        even1, odd1, even2, odd2 = s1 + s2, s1 - s2, s3 + s4, s3 - s4
        even3, odd3 = s5 + s6, s5 - s6
        d[k] = -s0
        d[k + step] = odd1 + half * odd2 + two * odd3 - s7
        d[k + 2 * step] = a * s0 + even1 + quarter * even2 + four * even3
        d[k + 3 * step] = a * s7 - b * odd1 - e * (odd2 + odd3)
        d[k + 4 * step] = -a * s0 - b * even1 - c * even2 - five * even3
        d[k + 5 * step] = odd1 + two * odd2 + half * odd3 - a * s7
        d[k + 6 * step] = s0 + even1 + even2 + even3
        d[k + 7 * step] = s7


@piece
def evaluate8(d, s, step, n):
    """d = A s for six coefficients, but for the last point."""
    number = s.dtype.type
    half, quarter, two, four = number(0.5), number(0.25), number(2), number(4)
    for k in range(n):
        s0, s1, s2, s3 = s[k], s[k + step], s[k + 2 * step], s[k + 3 * step]
        s4, s5 = s[k + 4 * step], s[k + 5 * step]
        d[k] = s0
        even, odd = s0 + s2 + s4, s1 + s3 + s5
        d[k + step] = even + odd
        d[k + 2 * step] = even - odd
        even = s0 + four * (s2 + four * s4)
        odd = two * (s1 + four * (s3 + four * s5))
        d[k + 3 * step] = even + odd
        d[k + 4 * step] = even - odd
        even = s0 + quarter * (s2 + quarter * s4)
        odd = half * (s1 + quarter * (s3 + quarter * s5))
        d[k + 5 * step] = even + odd
        d[k + 6 * step] = even - odd


@piece
def collect8(d, s, step, n):
    """d = Aᵀ s, six coefficients, but for the last point."""
    number = s.dtype.type
    half, quarter, two, four = number(0.5), number(0.25), number(2), number(4)
    for k in range(n):
        s1, s2, s3 = s[k + step], s[k + 2 * step], s[k + 3 * step]
        s4, s5, s6 = s[k + 4 * step], s[k + 5 * step], s[k + 6 * step]
        even1, odd1, even2, odd2 = s1 + s2, s1 - s2, s3 + s4, s3 - s4
        even3, odd3 = s5 + s6, s5 - s6
        d[k] = s[k] + even1 + even2 + even3
        odd2, odd3 = two * odd2, half * odd3
        d[k + step] = odd1 + odd2 + odd3
        even2, even3 = four * even2, quarter * even3
        d[k + 2 * step] = even1 + even2 + even3
        odd2, odd3 = four * odd2, quarter * odd3
        d[k + 3 * step] = odd1 + odd2 + odd3
        even2, even3 = four * even2, quarter * even3
        d[k + 4 * step] = even1 + even2 + even3
        odd2, odd3 = four * odd2, quarter * odd3
        d[k + 5 * step] = odd1 + odd2 + odd3


@kernel
def pixels_to_points(v, lines, x, m, t, tiles_q, before):
    """v (T·T, C, tiles·B) = Bᵀ x B from x (B, C, H, W); lines: scratch."""
    images, channels, h, w = x.shape
    run = tiles_q * images
    tiles_p = v.shape[2] // run
    wide = (tiles_q + (t - 1) // m) * images  # with what the last tile reaches over
    high = tiles_p * m + t - m
    below, right = min(h, high - before), min(w, tiles_q * m + t - m - before)
    middle = lines[high * LINE :]
    points = middle[t * LINE :]
    together = min(tiles_p, PHASE // wide)  # rows of tiles
    lines[: high * LINE] = 0
    for c in range(channels):
        for n in range(images):
            for i in range(below):
                pixels = x[n, c, i]
                line = lines[(i + before) * LINE :]
                for p in range(m):
                    j, at = p - before, p * PHASE + n
                    while j < 0:
                        j += m
                        at += images
                    for z in range(j, right, m):
                        line[at] = pixels[z]
                        at += images
        for first in range(0, tiles_p, together):
            rows = min(together, tiles_p - first)
            for a in range(rows):
                for p in range(m):
                    to = middle[p * PHASE + a * wide :]
                    of = lines[(first + a) * m * LINE + p * PHASE :]
                    if t == 6:
                        to_points6(to, of, LINE, wide)
                    else:
                        to_points8(to, of, LINE, wide)
            long = (rows - 1) * wide + run
            for u in range(t):
                for p in range(m, t):  # the pixels that a tile shares with the next
                    to = middle[u * LINE + p * PHASE :]
                    of = middle[u * LINE + (p - m) * PHASE + images :]
                    for k in range(long):
                        to[k] = of[k]
                if t == 6:
                    to_points6(points, middle[u * LINE :], PHASE, long)
                else:
                    to_points8(points, middle[u * LINE :], PHASE, long)
                for p in range(t):
                    for a in range(rows):
                        to = v[u * t + p, c, (first + a) * run : (first + a + 1) * run]
                        of = points[p * PHASE + a * wide :]
                        for k in range(run):
                            to[k] = of[k]


@kernel
def points_to_pixels(dx, lines, dv, m, t, tiles_q, before):
    """dx (B, C, H, W) = Σ_tiles B dv Bᵀ: the way back of `pixels_to_points`."""
    images, channels, h, w = dx.shape
    run = tiles_q * images
    tiles_p = dv.shape[2] // run
    wide = (tiles_q + (t - 1) // m) * images
    high = tiles_p * m + t - m
    below, right = min(h, high - before), min(w, tiles_q * m + t - m - before)
    middle = lines[high * LINE :]
    points = middle[t * LINE :]
    together = min(tiles_p, PHASE // wide)
    for c in range(channels):
        for i in range(high):
            for p in range(m):
                lines[i * LINE + p * PHASE : i * LINE + p * PHASE + wide] = 0
        for first in range(0, tiles_p, together):
            rows = min(together, tiles_p - first)
            long = (rows - 1) * wide + run
            for u in range(t):
                for p in range(t):
                    for a in range(rows):
                        to = points[p * PHASE + a * wide :]
                        of = dv[u * t + p, c, (first + a) * run : (first + a + 1) * run]
                        for k in range(run):
                            to[k] = of[k]
                        for k in range(run, wide):
                            to[k] = 0
                if t == 6:
                    from_points6(middle[u * LINE :], points, PHASE, rows * wide)
                else:
                    from_points8(middle[u * LINE :], points, PHASE, rows * wide)
                for p in range(m, t):
                    to = middle[u * LINE + (p - m) * PHASE + images :]
                    of = middle[u * LINE + p * PHASE :]
                    for k in range(long):
                        to[k] += of[k]
            for a in range(rows):
                for p in range(m):
                    of = middle[p * PHASE + a * wide :]
                    if t == 6:
                        from_points6(points, of, LINE, wide)
                    else:
                        from_points8(points, of, LINE, wide)
                    for u in range(t):
                        to = lines[((first + a) * m + u) * LINE + p * PHASE :]
                        of = points[u * LINE :]
                        for k in range(wide):
                            to[k] += of[k]
        if below < h or right < w:  # pixels that no tile reaches
            dx[:, c] = 0
        for n in range(images):
            for i in range(below):
                pixels = dx[n, c, i]
                line = lines[(i + before) * LINE :]
                for p in range(m):
                    j, at = p - before, p * PHASE + n
                    while j < 0:
                        j += m
                        at += images
                    for z in range(j, right, m):
                        pixels[z] = line[at]
                        at += images


@kernel
def outputs_to_points(dm, db, lines, dy, m, t, tiles_q):
    """dm (T·T, F, tiles·B) = A dy Aᵀ from dy (B, F, P, Q); db (F,) gets its sums."""
    images, filters, out_h, out_w = dy.shape
    run = tiles_q * images
    tiles_p = dm.shape[2] // run
    middle = lines[t * LINE :]
    points = middle[t * LINE :]
    together = min(tiles_p, PHASE // run)  # rows of tiles
    for f in range(filters):
        for first in range(0, tiles_p, together):
            rows = min(together, tiles_p - first)
            long = rows * run
            lines[: t * LINE] = 0
            total = dy.dtype.type(0)
            for n in range(images):
                for i in range(first * m, min((first + rows) * m, out_h)):
                    pixels = dy[n, f, i]
                    for j in range(out_w):
                        total += pixels[j]
                    a = i // m
                    line = lines[(i - a * m) * LINE + (a - first) * run + n :]
                    for p in range(m):
                        at = p * PHASE
                        for j in range(p, out_w, m):
                            line[at] = pixels[j]
                            at += images
            db[f] += total
            for p in range(m):
                of, to = lines[p * PHASE :], middle[p * PHASE :]
                if t == 6:
                    evaluate6(to, of, LINE, long)
                else:
                    evaluate8(to, of, LINE, long)
                to, of = to[(t - 1) * LINE :], of[(m - 1) * LINE :]
                for k in range(long):
                    to[k] = of[k]
            for u in range(t):
                of = middle[u * LINE :]
                for p in range(m, t):
                    of[p * PHASE : p * PHASE + long] = 0
                if t == 6:
                    evaluate6(points, of, PHASE, long)
                else:
                    evaluate8(points, of, PHASE, long)
                to, of = points[(t - 1) * PHASE :], of[(m - 1) * PHASE :]
                for k in range(long):
                    to[k] = of[k]
                for p in range(t):
                    to = dm[u * t + p, f, first * run : first * run + long]
                    of = points[p * PHASE :]
                    for k in range(long):
                        to[k] = of[k]


@kernel
def points_to_outputs(y, lines, products, b, m, t, tiles_q):
    """y (B, F, P, Q) = Aᵀ M A + b from the products M (T·T, F, tiles·B)."""
    images, filters, out_h, out_w = y.shape
    run = tiles_q * images
    tiles_p = products.shape[2] // run
    middle = lines[t * LINE :]
    points = middle[t * LINE :]
    together = min(tiles_p, PHASE // run)  # rows of tiles
    for f in range(filters):
        bias = b[f]
        for first in range(0, tiles_p, together):
            rows = min(together, tiles_p - first)
            long = rows * run
            for u in range(t):
                for p in range(t):
                    to = points[p * PHASE :]
                    of = products[u * t + p, f, first * run : first * run + long]
                    for k in range(long):
                        to[k] = of[k]
                to = middle[u * LINE :]
                if t == 6:
                    collect6(to, points, PHASE, long)
                else:
                    collect8(to, points, PHASE, long)
                to, of = to[(m - 1) * PHASE :], points[(t - 1) * PHASE :]
                for k in range(long):
                    to[k] += of[k]
            for p in range(m):
                to, of = lines[p * PHASE :], middle[p * PHASE :]
                if t == 6:
                    collect6(to, of, LINE, long)
                else:
                    collect8(to, of, LINE, long)
                to, of = to[(m - 1) * LINE :], of[(t - 1) * LINE :]
                for k in range(long):
                    to[k] += of[k]
            for n in range(images):
                for i in range(first * m, min((first + rows) * m, out_h)):
                    pixels = y[n, f, i]
                    a = i // m
                    line = lines[(i - a * m) * LINE + (a - first) * run + n :]
                    for p in range(m):
                        at = p * PHASE
                        for j in range(p, out_w, m):
                            pixels[j] = line[at] + bias
                            at += images


@kernel
def weights_to_points(u, lines, w, scale, t):
    """u (T·T, F, C) = G w Gᵀ from w (F, C, K, K); scale (T,): see layers/tiles.py."""
    filters, channels, r, _ = w.shape
    middle = lines[t * LINE :]
    points = middle[t * LINE :]
    lines[: 2 * t * LINE] = 0
    for f in range(filters):
        for first in range(0, channels, PHASE):
            run = min(channels - first, PHASE)
            for i in range(r):
                for j in range(r):
                    line = lines[i * LINE + j * PHASE :]
                    for c in range(run):
                        line[c] = w[f, first + c, i, j]
            for p in range(r):
                to, of = middle[p * PHASE :], lines[p * PHASE :]
                if t == 6:
                    evaluate6(to, of, LINE, run)
                else:
                    evaluate8(to, of, LINE, run)
                to, of = to[(t - 1) * LINE :], of[(r - 1) * LINE :]
                for c in range(run):
                    to[c] = of[c]
            for i in range(t):
                of = middle[i * LINE :]
                if t == 6:
                    evaluate6(points, of, PHASE, run)
                else:
                    evaluate8(points, of, PHASE, run)
                to, of = points[(t - 1) * PHASE :], of[(r - 1) * PHASE :]
                for c in range(run):
                    to[c] = of[c]
                for p in range(t):
                    to = u[i * t + p, f, first : first + run]
                    of = points[p * PHASE :]
                    factor = scale[i] * scale[p]
                    for c in range(run):
                        to[c] = factor * of[c]


@kernel
def points_to_weights(dw, lines, du, scale, t):
    """dw (F, C, K, K) gets Gᵀ du G: the way back of `weights_to_points`."""
    filters, channels, r, _ = dw.shape
    middle = lines[t * LINE :]
    points = middle[t * LINE :]
    for f in range(filters):
        for first in range(0, channels, PHASE):
            run = min(channels - first, PHASE)
            for i in range(t):
                for p in range(t):
                    to = points[p * PHASE :]
                    of = du[i * t + p, f, first : first + run]
                    factor = scale[i] * scale[p]
                    for c in range(run):
                        to[c] = factor * of[c]
                to = middle[i * LINE :]
                if t == 6:
                    collect6(to, points, PHASE, run)
                else:
                    collect8(to, points, PHASE, run)
                to, of = to[(r - 1) * PHASE :], points[(t - 1) * PHASE :]
                for c in range(run):
                    to[c] += of[c]
            for p in range(r):
                to, of = lines[p * PHASE :], middle[p * PHASE :]
                if t == 6:
                    collect6(to, of, LINE, run)
                else:
                    collect8(to, of, LINE, run)
                to, of = to[(r - 1) * LINE :], of[(t - 1) * LINE :]
                for c in range(run):
                    to[c] += of[c]
            for i in range(r):
                for j in range(r):
                    line = lines[i * LINE + j * PHASE :]
                    for c in range(run):
                        dw[f, first + c, i, j] += line[c]
