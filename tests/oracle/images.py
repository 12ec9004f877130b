#!/usr/bin/env python3
"""Image files of every kind that benchmarks hold, written by Pillow, and the pixels that Pillow reads from them.

    ./dev -n reference python3 tests/oracle/images.py > tests/oracle/images.json

A file a line: `name`, `file` (base64), `width`, `height`, `rgb` (base64 of the 8-bit RGB pixels after EXIF orientation, alpha laid on white,
16 bit divided by 257) and `tolerance`, the largest difference of a value that is no fault: 0 where nothing is to be rounded.
"""
import base64
import io
import json

import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT = 24, 16
# With the same libraries all but the last three are equal (AVIF within 1); others may round a lossy file's transforms and colours otherwise.
# Alpha is blended, and 16 bits are cut, to a level. CMYK without a profile is 255 - C - K by Pillow and a press's colours by libvips.
LOSSY, ALPHA, SIXTEEN, CMYK = 2, 1, 1, 80


def picture(mode):
    """Smooth, with one corner apart, so that turning it shows; sizes are those of the blocks that codecs work in."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    channels = [x * 9 + 20, y * 12 + 30, 220 - 5 * x - 4 * y]
    image = np.stack(channels, -1)
    image[:4, :8] = (240, 40, 60)
    if mode == "RGBA":
        image = np.concatenate([image, np.clip(x * 10 + y, 0, 255)[..., None]], -1)
    return Image.fromarray(image.astype(np.uint8), mode)


def saved(image, format, **options):
    out = io.BytesIO()
    image.save(out, format, **options)
    return out.getvalue()


def oriented(n):
    exif = Image.Exif()
    exif[0x0112] = n
    return saved(picture("RGB"), "JPEG", quality=95, subsampling=0, exif=exif)


def grey16():
    return Image.fromarray((np.mgrid[0:HEIGHT, 0:WIDTH][1] * 2700).astype(np.uint16))


def files():
    rgb, rgba = picture("RGB"), picture("RGBA")
    frames = dict(save_all=True, append_images=[rgb.transpose(Image.Transpose.ROTATE_180)], duration=100)
    yield "baseline.jpg", saved(rgb, "JPEG", quality=90, subsampling=0), LOSSY
    yield "chroma.jpg", saved(rgb, "JPEG", quality=90, subsampling=2), LOSSY
    yield "progressive.jpg", saved(rgb, "JPEG", quality=90, subsampling=0, progressive=True), LOSSY
    yield "grey.jpg", saved(rgb.convert("L"), "JPEG", quality=90), LOSSY
    yield "cmyk.jpg", saved(rgb.convert("CMYK"), "JPEG", quality=95), CMYK
    for n in range(1, 9):
        yield f"orientation-{n}.jpg", oriented(n), LOSSY
    yield "rgb.png", saved(rgb, "PNG"), 0
    yield "alpha.png", saved(rgba, "PNG"), ALPHA
    yield "palette.png", saved(rgb.quantize(16), "PNG"), 0
    yield "transparent.png", saved(rgb.quantize(16), "PNG", transparency=3), 0
    yield "grey.png", saved(rgb.convert("L"), "PNG"), 0
    yield "grey-alpha.png", saved(rgba.convert("LA"), "PNG"), ALPHA
    yield "bits.png", saved(rgb.convert("1"), "PNG"), 0
    yield "grey-16.png", saved(grey16(), "PNG"), SIXTEEN
    yield "lossless.webp", saved(rgb, "WEBP", lossless=True), 0
    yield "lossy.webp", saved(rgb, "WEBP", quality=90), LOSSY
    yield "alpha.webp", saved(rgba, "WEBP", lossless=True, exact=True), ALPHA
    yield "animated.webp", saved(rgb, "WEBP", lossless=True, **frames), 0
    yield "still.gif", saved(rgb.quantize(16), "GIF"), 0
    yield "animated.gif", saved(rgb.quantize(16), "GIF", **(frames | dict(append_images=[rgba.convert("RGB").quantize(16)]))), 0
    yield "rgb.bmp", saved(rgb, "BMP"), 0
    yield "palette.bmp", saved(rgb.quantize(16), "BMP"), 0
    yield "rgb.tiff", saved(rgb, "TIFF"), 0
    yield "lzw.tiff", saved(rgb, "TIFF", compression="tiff_lzw"), 0
    yield "grey-16.tiff", saved(grey16(), "TIFF"), SIXTEEN
    yield "cmyk.tiff", saved(rgb.convert("CMYK"), "TIFF"), CMYK
    yield "rgb.avif", saved(rgb, "AVIF", quality=90, subsampling="4:4:4"), LOSSY


def pixels(data):
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode.startswith("I;16"):
        image = Image.fromarray(np.round(np.array(image) / 257).astype(np.uint8))
    if image.mode in ("RGBA", "LA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def main():
    encode = lambda data: base64.b64encode(data).decode()
    rows = []
    for name, data, tolerance in files():
        rgb = pixels(data)
        rows.append(dict(name=name, width=rgb.width, height=rgb.height, tolerance=tolerance, file=encode(data), rgb=encode(rgb.tobytes())))
    print("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]")


if __name__ == "__main__":
    main()
