"""Prints the palettes that the Python package colorthief finds in pictures, as JSON.

Usage: python palette.py PICTURE... > palette.json
It reads every pixel (quality 1). Each colour comes with the number of pixels in its box.
"""

import json
import sys
from pathlib import Path

from colorthief import MMCQ
from PIL import Image

COLORS = (4, 5, 6, 7, 10)


def pixels(path):
    """Return the pixels that ColorThief.get_palette quantises: all that are neither transparent nor near-white."""
    data = Image.open(path).convert("RGBA").tobytes()
    quads = zip(data[0::4], data[1::4], data[2::4], data[3::4])
    return [(r, g, b) for r, g, b, a in quads if a >= 125 and not (r > 250 and g > 250 and b > 250)]


def palette(valid, colors):
    boxes = MMCQ.quantize(valid, colors).vboxes
    return [{"rgb": list(box["color"]), "count": box["vbox"].count} for box in boxes.contents]


def entry(path):
    valid = pixels(path)
    compact = {"separators": (",", ":"), "sort_keys": True}
    lines = [f'  "{colors}": {json.dumps(palette(valid, colors), **compact)}' for colors in COLORS]
    return f"{json.dumps(Path(path).name)}: {{\n" + ",\n".join(lines) + "\n}"


print("{\n" + ",\n".join(map(entry, sorted(sys.argv[1:], key=lambda path: Path(path).name))) + "\n}")
