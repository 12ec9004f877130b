#!/usr/bin/env python3
"""Reference values of the measures and changes by spatial frequency, from the formulas of the method alone.

Transforms are NumPy's, in 80-bit extended precision, a channel at a time. Inputs are not stored: both sides draw them from SplitMix64.
Run again with

    python3 tests/oracle/bands.py > tests/oracle/bands-values.h
"""
import hashlib
import math

import numpy as np
from metric import number, table, tensor, wide
from splitmix import Rng


def frequencies(h, w):
    """r of each frequency, and the largest."""
    y, x = (wide(np.fft.fftfreq(n) * n).round() for n in (h, w))
    r = np.sqrt(y[:, None] ** 2 + x[None, :] ** 2)
    return r, r.max()


def image(seed, h, w):
    rng = Rng(seed)
    return np.array([rng.next() >> 56 for _ in range(h * w * 3)], dtype=np.uint8).reshape(h, w, 3)


# ── Input bands ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def input_bands(pixels):
    h, w, _ = pixels.shape
    r, largest = frequencies(h, w)
    edges = [(largest + 1) ** (wide(j) / 3) - 1 for j in range(4)]
    power = [np.abs(np.fft.fft2(wide(pixels[:, :, c]) / 255)) ** 2 for c in range(3)]
    for j in range(3):
        # A radius on an edge, to the accuracy of the root, begins the next band; the last ends with its edge.
        inside = (r >= edges[j] - 1e-15) & ((r < edges[j + 1] - 1e-15) | (j == 2))
        yield np.mean([p[inside].mean() for p in power]) if inside.any() else np.nan


def input_rows():
    # 48 × 20: r_max + 1 is 27, so that the edges are the whole numbers 2 and 8.
    for index, (h, w) in enumerate([(1, 1), (1, 2), (2, 2), (3, 3), (1, 17), (19, 1), (5, 7), (8, 8), (16, 15), (53, 47), (48, 20), (64, 96)]):
        seed = 100 + index
        yield str(h), str(w), str(seed), "{ " + ", ".join(map(number, input_bands(image(seed, h, w)))) + " }"


# ── Token bands ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────


def resample(frame, h, w):
    rows = [math.floor((i + 0.5) * frame.shape[0] / h) for i in range(h)]
    columns = [math.floor((i + 0.5) * frame.shape[1] / w) for i in range(w)]
    return wide(frame[rows][:, columns])


def band_masks(h, w):
    r, largest = frequencies(h, w)
    rho = r / largest if largest else r
    return [(rho > 0) & (rho > low) & (rho <= high) for low, high in ((0, 1 / wide(3)), (1 / wide(3), 2 / wide(3)), (2 / wide(3), 1))]


def correlation(a, b):
    a, b = a - a.mean(), b - b.mean()
    return (a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum())


def token_bands(pairs):
    """`pairs` of frames [h, w, d], clean and perturbed."""
    count, sums = np.zeros(3), np.zeros((4, 3), dtype=np.longdouble)
    maps = [[[], []], [[], []]]
    for frames in pairs:
        h, w = (min(f.shape[i] for f in frames) for i in (0, 1))
        masks = band_masks(h, w)
        clean, perturbed = (np.fft.fft2(resample(f, h, w), axes=(0, 1)) for f in frames)
        for b, mask in enumerate(masks):
            f, g = clean[mask], perturbed[mask]
            count[b] += mask.sum()
            sums[:, b] += (np.abs(f) ** 2).sum(), (np.abs(g) ** 2).sum(), (np.abs(g - f) ** 2).sum(), (g * f.conj()).real.sum()
        for field, spectrum in enumerate((clean, perturbed)):
            for part, mask in enumerate((masks[0], masks[2])):
                local = np.fft.ifft2(spectrum * mask[:, :, None], axes=(0, 1)).real
                maps[field][part].append((local**2).sum(axis=2).ravel())
    sums[:, count == 0] = np.nan
    a, b, difference, product = sums
    chi = [correlation(*map(np.concatenate, parts)) if count[0] and count[2] else np.nan for parts in maps]
    return a, b, difference / a, product / np.sqrt(a * b), chi


def token_rows():
    one = lambda h, w: ([(1, h, w)], [(1, h, w)])
    shapes = [
        one(1, 1), one(1, 2), one(1, 3), one(2, 2), one(4, 4), one(1, 7), one(11, 1), one(6, 6), one(7, 7), one(5, 13), one(8, 12), one(53, 3),
        ([(1, 8, 9)], [(1, 7, 8)]), ([(1, 5, 12)], [(1, 9, 6)]), ([(2, 7, 5)], [(2, 7, 5)]), ([(1, 8, 8), (1, 1, 6)], [(1, 9, 7), (1, 2, 5)]),
    ]
    for index, grids in enumerate(shapes):
        for d in (1, 2, 5, 64, 67):
            seed = 8000 + 100 * index + d
            same = grids[0] == grids[1]
            frames = []
            for side in range(2):
                n = sum(t * h * w for t, h, w in grids[side])
                z = tensor(seed + 50 * side, n, d)
                if side and same:
                    z = (clean + z * np.float32(0.25)).astype(np.float32)
                clean, start, cut = z, 0, []
                for t, h, w in grids[side]:
                    for _ in range(t):
                        cut.append(z[start : start + h * w].reshape(h, w, d))
                        start += h * w
                frames.append(cut)
            *bands, chi = token_bands(list(zip(*frames)))
            sides = ["{ " + ", ".join(f"{{ {t}, {h}, {w} }}" for t, h, w in side) + " }" for side in grids]
            values = ["{ " + ", ".join(map(number, band)) + " }" for band in bands] + [number(c) for c in chi]
            yield str(d), str(seed), *sides, str(len(grids[0])), "{ " + ", ".join(values) + " }"


# ── Changes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────────────

LEVELS = 127.5  # from −1..1 to 0..255


def filtered(field, low, high):
    h, w, _ = field.shape
    r, largest = frequencies(h, w)
    keep = (r >= wide(low) * largest - 1e-12) & (r <= wide(high) * largest + 1e-12)
    return np.fft.ifft2(np.fft.fft2(field, axes=(0, 1)) * keep[:, :, None], axes=(0, 1)).real


def to_pixels(levels):
    """The nearest level, half to even; what is within a millionth of a half is one."""
    return np.rint(np.clip(np.rint(levels * 2**20) / 2**20, 0, 255)).astype(np.uint8)


def digest(pixels):
    return '"' + hashlib.sha256(pixels.tobytes()).hexdigest()[:16] + '"'


def keep_rows():
    # 18 × 18: the cut at 5/9 goes through a frequency, and its square rounds up.
    for index, (h, w) in enumerate([(1, 1), (2, 3), (7, 7), (16, 12), (31, 20), (53, 47), (18, 18)]):
        seed = 200 + index
        before = image(seed, h, w)
        for j in range(10):
            c = j / 9
            for low, high in ((0, c), (c, 1)):
                yield str(h), str(w), str(seed), number(low), number(high), digest(to_pixels((filtered(wide(before) / LEVELS - 1, low, high) + 1) * LEVELS))


def gaussian(rng):
    while True:
        u, v = (2 * ((rng.next() >> 11) * 2.0**-53) - 1 for _ in range(2))
        s = u * u + v * v
        if 0 < s < 1:
            return u * math.sqrt(-2 * math.log(s) / s)


def sign(rng):
    return 1.0 if rng.next() >> 63 else -1.0


def noise_rows():
    for index, (h, w) in enumerate([(1, 1), (3, 2), (7, 9), (16, 16), (37, 20)]):
        seed = 300 + index
        before = image(seed, h, w)
        for kind, draw in (("UT_NOISE_GAUSSIAN", gaussian), ("UT_NOISE_SIGN", sign)):
            for low, high in ((0, 0.25), (0.25, 1), (0, 1)):
                for epsilon in (1, 2, 4, 8, 16):
                    rng = Rng(seed)
                    noise = wide([draw(rng) for _ in range(h * w * 3)]).reshape(h, w, 3)
                    if (low, high) != (0, 1):
                        noise = filtered(noise, low, high)
                    noise *= wide(epsilon) / 255 / np.abs(noise).max()
                    after = to_pixels(before + noise * LEVELS)
                    yield str(h), str(w), str(seed), kind, number(low), number(high), number(epsilon), digest(after)


if __name__ == "__main__":
    print("/* Written by tests/oracle/bands.py: change that and run it again. */")
    table("InputCase", "input_cases", input_rows())
    table("TokenBandsCase", "token_bands_cases", token_rows())
    table("KeepCase", "keep_cases", keep_rows())
    table("NoiseCase", "noise_cases", noise_rows())
