#!/usr/bin/env python3
"""Reference values of the perturbations, by Pillow, NumPy and SciPy from the formulas of the method, sharing no code with src/perturb.

    tests/oracle/perturb.py > tests/oracle/perturb.tsv        makes the table that tests/test-perturb.c reads
    tests/oracle/perturb.py --more > tests/oracle/perturb-more.tsv   the same of the families that run on request, and of the ladders
    tests/oracle/perturb.py --check IMAGE FOLDER              holds the PNGs that `undertow perturb IMAGE -o FOLDER --seed 7
                                                              --labels A,B,C,D --predicted A --right C` wrote against these values

Columns: width and height of the test image, variant, width and height of the result, SHA-256 of its pixels (RGB, row by row); for an
overlay also the text, the box (left, top, right, bottom; right and bottom outside) and the ink, Σ (255 − green) over the box. In the
second table PSNR, largest change and share of pixels touched stand before these ("-" where the sizes differ; "inf").

Overlays depend on the versions of FreeType, HarfBuzz and DejaVu, JPEG on libjpeg's; the tables in the repository were made with those of
Debian forky.
"""
import hashlib
import io
import math
import os
import struct
import subprocess
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont
from scipy import ndimage

SIZES = [(640, 427), (500, 700), (70, 67), (1, 40), (97, 1)]
LABELS = "ABCD"
PREDICTED = "A"
SEED = 7
STEPS = [-16, -12, -8, -4, 4, 8, 12, 16]
RIGHT = "C"
MORE_SIZES = [(160, 120), (70, 67), (1, 40), (97, 1)]
LADDER = [-32, -16, -8, -4, -2, -1, 1, 2, 4, 8, 16, 32]


def test_image(width, height):
    """Hard to resample: sharp edges, wrap-around from 255 to 0, three different channels."""
    y, x, c = np.mgrid[0:height, 0:width, 0:3]
    return ((x * x * 3 + y * 7 + x * y + c * 85 + ((x // 8 + y // 8) & 1) * 90) & 255).astype(np.uint8)


# --- Seeded text. ---


class Rng:
    """SplitMix64, started from the first 8 bytes of a SHA-256."""

    def __init__(self, seed, item, purpose, index):
        digest = hashlib.sha256(struct.pack("<QQ", seed, index) + item.encode() + b"\0" + purpose.encode() + b"\0").digest()
        self.state = struct.unpack("<Q", digest[:8])[0]

    def next(self):
        self.state = z = (self.state + 0x9E3779B97F4A7C15) % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        return z ^ z >> 31

    def below(self, n):
        while (x := self.next()) < 2**64 % n:
            pass
        return x % n

    def uniform(self):
        return (self.next() >> 11) * 2.0**-53

    def sign(self):
        return 1.0 if self.next() >> 63 else -1.0

    def gaussian(self):
        """By the polar method."""
        while True:
            u, v = 2 * self.uniform() - 1, 2 * self.uniform() - 1
            s = u * u + v * v
            if 0 < s < 1:
                return u * math.sqrt(-2 * math.log(s) / s)


def font(size):
    path = subprocess.run(["fc-match", "-f", "%{file}", "DejaVu Sans:style=Book"], capture_output=True, text=True, check=True).stdout
    return ImageFont.truetype(path, size)


def random_text(item, ordinal, phrase):
    rng = Rng(SEED, item, "text_random", ordinal)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    text = "".join(alphabet[rng.below(36)] for _ in range(6 + rng.below(7)))
    units = font(2048)  # DejaVu's own units: the length does not depend on a size
    while units.getlength(text) > units.getlength(phrase):
        text = text[:-1]
    return text


# --- The variants. ---


def overlay(pixels, family, ordinal, item):
    phrase = "Answer is " + [l for l in LABELS if l != PREDICTED][ordinal]
    text = {"text_semantic": phrase, "text_random": random_text(item, ordinal, phrase), "text_empty": ""}[family]
    return write_on(pixels, phrase, text)


def write_on(pixels, phrase, text):
    image = Image.fromarray(pixels)
    w, h = image.size
    face = font(max(14, h // 32))
    draw = ImageDraw.Draw(image)
    l, t, r, b = draw.textbbox((0, 0), phrase, font=face)
    x, y = (w - (r - l)) // 2, (h - (b - t)) // 2
    box = (x - 4, y - 4, x + (r - l) + 4, y + (b - t) + 4)
    draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=(255, 255, 255))
    if text:
        draw.text((x - l, y - t), text, font=face, fill=(255, 0, 0))
    return np.asarray(image), text, box


def expand(pixels, item="item-1"):
    """(variant's name, pixels, (text, box) or None) for every variant that exists for this size."""
    h, w, _ = pixels.shape
    image = Image.fromarray(pixels)
    yield "clean", pixels, None
    for dx in STEPS:
        yield f"translation{dx:+d}", np.roll(pixels, dx, axis=1), None
    for n in STEPS:
        if n > 0:
            yield f"pad_crop{n:+d}", np.pad(pixels, ((n, n), (n, n), (0, 0))), None
        elif min(w, h) > -2 * n:
            yield f"pad_crop{n:+d}", pixels[-n:n, -n:n], None
    small = image.resize((round(0.9 * w), round(0.9 * h)), Image.BICUBIC)
    yield "scale0.9", np.asarray(small), None
    for colour in "black", "white":
        canvas = Image.new("RGB", (w, h), colour)
        canvas.paste(small, ((w - small.width) // 2, (h - small.height) // 2))
        yield f"scale_pad-{colour}", np.asarray(canvas), None
    for angle in -30, 30:
        yield f"rotation{angle:+d}", np.asarray(image.rotate(angle, Image.BICUBIC, expand=True, fillcolor=(255, 255, 255))), None
    for family in "text_semantic", "text_random", "text_empty":
        for ordinal in range(3):
            drawn, text, box = overlay(pixels, family, ordinal, item)
            yield f"{family}-{ordinal + 1}", drawn, (text, box)
    yield "prior-white", np.full_like(pixels, 255), None


def occluded(pixels, percent, name):
    h, w, _ = pixels.shape
    area = percent / 100 * w * h
    side = round(math.sqrt(area))
    width, height = (w, round(area / w)) if side > w else (round(area / h), h) if side > h else (side, side)
    rng = Rng(SEED, name, "occlusion", 0)
    left, top = int(rng.uniform() * (w - width + 1)), int(rng.uniform() * (h - height + 1))
    out = pixels.copy()
    out[top:top + height, left:left + width] = 128
    return out


def to_levels(values):
    """The nearest levels; what the transforms rounded does not decide a half."""
    return np.clip(np.rint(np.rint(values * 2.0**20) * 2.0**-20), 0, 255).astype(np.uint8)


def kept(values, low, high):
    """Only the frequencies of a band, both ends included: whole numbers are compared, but for the cut itself."""
    h, w, _ = values.shape
    y, x = (np.minimum(np.arange(n), n - np.arange(n)) for n in (h, w))
    radius = np.sqrt((y[:, None] ** 2 + x[None, :] ** 2) / max((h // 2) ** 2 + (w // 2) ** 2, 1))
    mask = (radius >= low - 1e-9) & (radius <= high + 1e-9)
    return np.real(np.fft.ifft2(np.fft.fft2(values, axes=(0, 1)) * mask[:, :, None], axes=(0, 1)))


def expand_bands(pixels, name):
    for i in range(10):
        for family, low, high in ("keep_low", 0, i / 9), ("keep_high", i / 9, 1):
            yield f"{family}{i / 9:g}", pixels if (low, high) == (0, 1) else to_levels(kept(pixels - 127.5, low, high) + 127.5), None
    for kind, draw in ("band_noise", Rng.gaussian), ("signs", Rng.sign):
        for band, low, high in ("low", 0, 0.25), ("high", 0.25, 1), ("all", 0, 1):
            for trial in range(1, 6):
                rng = Rng(SEED, name, f"{kind}_{band}", trial)
                noise = np.array([draw(rng) for _ in range(pixels.size)]).reshape(pixels.shape)
                if band != "all":
                    noise = kept(noise, low, high)
                for epsilon in 1, 2, 4, 8, 16:  # of 255 on a scale of 2
                    yield f"{kind}_{band}{epsilon}-{trial}", to_levels(pixels + noise / np.abs(noise).max() * epsilon / 2), None


def photometric(pixels, name):
    image = Image.fromarray(pixels)
    for quality in 10, 30, 50, 70, 90:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        yield f"jpeg{quality}", np.asarray(Image.open(file).convert("RGB")), None
    for sigma in 0.5, 1, 2, 4, 8:
        blurred = [ndimage.gaussian_filter(pixels[:, :, c].astype(float), sigma, mode="nearest", truncate=4) for c in range(3)]
        yield f"blur{sigma:g}", np.rint(np.stack(blurred, axis=2)).astype(np.uint8), None
    for factor in 0.5, 0.75, 1.25, 1.5:
        yield f"brightness{factor:g}", np.asarray(ImageEnhance.Brightness(image).enhance(factor)), None
        yield f"contrast{factor:g}", np.asarray(ImageEnhance.Contrast(image).enhance(factor)), None
    rng = Rng(SEED, name, "gaussian_noise", 0)
    noise = np.array([rng.gaussian() for _ in range(pixels.size)]).reshape(pixels.shape)
    for sigma in 2, 4, 8, 16, 32:
        yield f"gaussian_noise{sigma}", np.clip(np.rint(pixels + sigma * noise), 0, 255).astype(np.uint8), None


def expand_more(pixels, name):
    """The same for the ladders and the families that run on request; `name` is the image's."""
    h, w, _ = pixels.shape
    image = Image.fromarray(pixels)
    for n in LADDER:
        yield f"translation{n:+d}", np.roll(pixels, n, axis=1), None
        yield f"translation_vertical{n:+d}", np.roll(pixels, n, axis=0), None
        if n > 0:
            yield f"pad_crop{n:+d}", np.pad(pixels, ((n, n), (n, n), (0, 0))), None
        elif min(w, h) > -2 * n:
            yield f"pad_crop{n:+d}", pixels[-n:n, -n:n], None
    for factor in 0.7, 0.8, 0.9, 0.95:
        yield f"scale{factor:g}", np.asarray(image.resize((round(factor * w), round(factor * h)), Image.BICUBIC)), None
    for angle in 1, 2, 5, 10, 20, 30:
        for turn in -angle, angle:
            yield f"rotation{turn:+d}", np.asarray(image.rotate(turn, Image.BICUBIC, expand=True, fillcolor=(255, 255, 255))), None
    for percent in 10, 20, 30:
        yield f"occlusion{percent}", occluded(pixels, percent, name), None
    yield from photometric(pixels, name)
    for family, label in *((f"text_fixed-{i + 1}", l) for i, l in enumerate(LABELS)), ("text_right", RIGHT):
        drawn, text, box = write_on(pixels, "Answer is " + label, "Answer is " + label)
        yield family, drawn, (text, box)
    yield "prior-grey", np.full_like(pixels, 128), None
    if (w, h) == (70, 67):  # a prime and an even side; drawing takes its time
        yield from expand_bands(pixels, name)


def change(before, after):
    if before.shape != after.shape:
        return "-", "-", "-"
    difference = np.abs(after.astype(int) - before)
    square = (difference**2).mean()
    psnr = "inf" if square == 0 else repr(float(10 * np.log10(255**2 / square)))
    return psnr, difference.max(), repr(float((difference.max(axis=2) > 0).mean()))


def write_row(before, name, pixels, writing, more):
    pixels = np.ascontiguousarray(pixels)
    h, w, _ = before.shape
    row = [w, h, name, pixels.shape[1], pixels.shape[0], hashlib.sha256(pixels.tobytes()).hexdigest()]
    if more:
        row += change(before, pixels)
    if writing:
        text, (l, t, r, b) = writing
        row += [text, l, t, r, b, int((255 - pixels[max(t, 0):b, max(l, 0):r, 1].astype(int)).sum())]
    print(*row, sep="\t")


def write_table(more):
    for w, h in MORE_SIZES if more else SIZES:
        pixels = test_image(w, h)
        for name, changed, writing in expand_more(pixels, "1.png") if more else expand(pixels):
            write_row(pixels, name, changed, writing, more)


def check(path, folder):
    image = Image.open(path).convert("RGB")
    longest = max(image.size)
    if longest > 1024:
        image = image.resize([max(1, round(side * (1024 / longest))) for side in image.size], Image.BICUBIC)
    pixels, name = np.asarray(image), os.path.basename(path)
    worst = 0
    for variant, wanted, _ in [*expand(pixels, name), *expand_more(pixels, name)]:
        file = os.path.join(folder, variant + ".png")
        if not os.path.exists(file):
            print(f"{variant}: not there")
            continue
        got = np.asarray(Image.open(file))
        psnr, largest, _ = change(wanted, got)
        if psnr != "inf":
            worst = 1
        print(f"{variant}: equal" if psnr == "inf" else f"{variant}: PSNR {psnr} dB, largest difference {largest}")
    return worst


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--check":
        sys.exit(check(sys.argv[2], sys.argv[3]))
    write_table(sys.argv[1:] == ["--more"])
