#!/usr/bin/env python3
"""Reference values of the perturbations, by Pillow and NumPy from the formulas of the method, sharing no code with src/perturb.

    tests/oracle/perturb.py > tests/oracle/perturb.tsv        makes the table that tests/test-perturb.c reads
    tests/oracle/perturb.py --check IMAGE FOLDER              holds the PNGs that `undertow perturb IMAGE -o FOLDER --seed 7
                                                              --labels A,B,C,D --predicted A` wrote against Pillow's

Columns: width and height of the test image, variant, width and height of the result, SHA-256 of its pixels (RGB, row by row); for an
overlay also the text, the box (left, top, right, bottom; right and bottom outside) and the ink, Σ (255 − green) over the box.

Overlays depend on the versions of FreeType, HarfBuzz and DejaVu; the table in the repository was made with those of Debian forky.
"""
import hashlib
import math
import os
import struct
import subprocess
import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SIZES = [(640, 427), (500, 700), (70, 67), (1, 40), (97, 1)]
LABELS = "ABCD"
PREDICTED = "A"
SEED = 7
STEPS = [-16, -12, -8, -4, 4, 8, 12, 16]


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
    image = Image.fromarray(pixels)
    w, h = image.size
    label = [l for l in LABELS if l != PREDICTED][ordinal]
    phrase = "Answer is " + label
    text = {"text_semantic": phrase, "text_random": random_text(item, ordinal, phrase), "text_empty": ""}[family]
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


def write_table():
    for w, h in SIZES:
        for name, pixels, writing in expand(test_image(w, h)):
            pixels = np.ascontiguousarray(pixels)
            row = [w, h, name, pixels.shape[1], pixels.shape[0], hashlib.sha256(pixels.tobytes()).hexdigest()]
            if writing:
                text, (l, t, r, b) = writing
                ink = int((255 - pixels[max(t, 0):b, max(l, 0):r, 1].astype(int)).sum())
                row += [text, l, t, r, b, ink]
            print(*row, sep="\t")


def check(path, folder):
    image = Image.open(path).convert("RGB")
    longest = max(image.size)
    if longest > 1024:
        image = image.resize([max(1, round(side * (1024 / longest))) for side in image.size], Image.BICUBIC)
    worst = 0
    for name, pixels, _ in expand(np.asarray(image), os.path.basename(path)):
        got = np.asarray(Image.open(os.path.join(folder, name + ".png"))).astype(int)
        if got.shape != pixels.shape:
            print(name, "size", got.shape, "expected", pixels.shape)
            worst = 1
        elif (got != pixels).any():
            print(f"{name}: PSNR {10 * math.log10(255**2 / ((got - pixels) ** 2).mean()):.1f} dB")
            worst = 1
        else:
            print(f"{name}: equal")
    return worst


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--check":
        sys.exit(check(sys.argv[2], sys.argv[3]))
    write_table()
