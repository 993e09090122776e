"""Reduces the size of a screenshot: converts a PNG with 8 bits per channel to a palette of distinct colours."""

import struct
import zlib
from collections import Counter

# Colours count as the same if they differ only in this many low bits.
IGNORED_BITS = 3
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def _chunks(data):
    offset = len(SIGNATURE)
    while offset < len(data):
        size, kind = struct.unpack_from(">I4s", data, offset)
        yield kind, data[offset + 8:offset + 8 + size]
        offset += size + 12


def _chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _rows(data, width, height, size):
    """The rows of pixels, without the PNG filters."""
    stride, previous = width * size, bytes(width * size)
    for number in range(height):
        start = number * (stride + 1)
        kind, row = data[start], bytearray(data[start + 1:start + 1 + stride])
        if kind == 2:
            row = bytearray((a + b) & 255 for a, b in zip(row, previous))
        elif kind:
            for i in range(stride):
                left = row[i - size] if i >= size else 0
                corner = previous[i - size] if i >= size else 0
                row[i] = (row[i] + _predict(kind, left, previous[i], corner)) & 255
        previous = row
        yield bytes(row)


def _predict(kind, left, up, corner):
    if kind == 1:
        return left
    if kind == 3:
        return (left + up) // 2
    base = left + up - corner
    return min((left, up, corner), key=lambda value: abs(base - value))


def _distance(first, second):
    return sum((a - b) ** 2 for a, b in zip(first, second))


def reduce_colors(data, max_colors=80):
    """The same picture with at most `max_colors` colours (up to 256). Each pixel gets the nearest one."""
    parts = list(_chunks(data))
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", parts[0][1])
    if depth != 8 or kind not in (2, 6):
        raise ValueError("only RGB and RGBA with 8 bits per channel are supported")
    size = 3 if kind == 2 else 4
    packed = zlib.decompress(b"".join(body for name, body in parts if name == b"IDAT"))
    rows = [[row[i:i + 3] for i in range(0, len(row), size)] for row in _rows(packed, width, height, size)]
    used = Counter(pixel for row in rows for pixel in row)
    # Keep one of several similar colours, so that shades of a frequent colour leave room for rare ones.
    chosen, weight = {}, Counter()
    for color, count in used.most_common():
        bucket = tuple(value >> IGNORED_BITS for value in color)
        chosen.setdefault(bucket, color)
        weight[bucket] += count
    colors = [chosen[bucket] for bucket, _ in weight.most_common(max_colors)]
    index = {color: min(range(len(colors)), key=lambda n: _distance(color, colors[n])) for color in used}
    body = b"".join(b"\0" + bytes(map(index.__getitem__, row)) for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    return SIGNATURE + b"".join((_chunk(b"IHDR", head), _chunk(b"PLTE", b"".join(colors)),
                                 _chunk(b"IDAT", zlib.compress(body, 9)), _chunk(b"IEND", b"")))
