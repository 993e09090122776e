"""Makes a browser's PNG small: 8 bits a channel become a palette of colours that differ."""

import struct
import zlib
from collections import Counter

# Colours are alike where they differ in these lowest bits alone.
SHADES = 3
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _chunks(data):
    place = len(SIGNATURE)
    while place < len(data):
        size, kind = struct.unpack_from(">I4s", data, place)
        yield kind, data[place + 8:place + 8 + size]
        place += size + 12


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _rows(data, width, height, size):
    """The rows of pixels, their filters undone."""
    stride, above = width * size, bytes(width * size)
    for number in range(height):
        start = number * (stride + 1)
        kind, row = data[start], bytearray(data[start + 1:start + 1 + stride])
        if kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, above))
        elif kind:
            for i in range(stride):
                left = row[i - size] if i >= size else 0
                corner = above[i - size] if i >= size else 0
                row[i] = (row[i] + _guess(kind, left, above[i], corner)) & 255
        above = row
        yield bytes(row)


def _guess(kind, left, up, corner):
    if kind == 1:
        return left
    if kind == 3:
        return (left + up) // 2
    base = left + up - corner
    return min((left, up, corner), key=lambda one: abs(base - one))


def _distance(one, other):
    return sum((a - b) ** 2 for a, b in zip(one, other))


def of_few_colors(data, most=80):
    """The same picture with this many colours at most (256), each pixel in the nearest of them."""
    parts = list(_chunks(data))
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", parts[0][1])
    if depth != 8 or kind not in (2, 6):
        raise ValueError("only RGB and RGBA of 8 bits are known here")
    size = 3 if kind == 2 else 4
    packed = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    rows = [[row[i:i + 3] for i in range(0, len(row), size)] for row in _rows(packed, width, height, size)]
    used = Counter(pixel for row in rows for pixel in row)
    # One colour of those that hardly differ, so that shades of what is common leave room for what is rare.
    chosen, weight = {}, Counter()
    for color, count in used.most_common():
        near = tuple(value >> SHADES for value in color)
        chosen.setdefault(near, color)
        weight[near] += count
    colors = [chosen[near] for near, _ in weight.most_common(most)]
    index = {color: min(range(len(colors)), key=lambda n: _distance(color, colors[n])) for color in used}
    body = b"".join(b"\0" + bytes(map(index.__getitem__, row)) for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return SIGNATURE + b"".join((_chunk(b"IHDR", head), _chunk(b"PLTE", b"".join(colors)),
                                 _chunk(b"IDAT", zlib.compress(body, 9)), _chunk(b"IEND", b"")))
