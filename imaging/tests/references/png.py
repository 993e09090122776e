"""PNG of our own writing, because Pillow writes few of its variants: all colour types and depths, filters, interlacing, cut
data, transparency by colour."""

import struct
import zlib

from picture import picture

COLOR_TYPES = {0: ("L", (1, 2, 4, 8, 16)), 2: ("RGB", (8, 16)), 3: ("P", (1, 2, 4, 8)), 4: ("LA", (8, 16)), 6: ("RGBA", (8, 16))}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def write(random, path):
    kind = random.choice(tuple(COLOR_TYPES))
    mode, depths = COLOR_TYPES[kind]
    depth = random.choice(depths)
    image = picture(random, "RGB" if kind == 3 else mode)
    palette = None
    if kind == 3:
        image = image.quantize(min(64, 1 << depth))
        palette = bytes(image.getpalette()[: 3 * (1 << depth)])
    interlaced = random.random() < 0.4
    samples = rows_of(image, kind, depth)
    data = b"".join(filtered(random, part, depth, len(image.getbands())) for part in passes(samples, interlaced))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *image.size, depth, kind, 0, 0, int(interlaced)))]
    if palette:
        chunks.append((b"PLTE", palette))
    transparent = random.random() < 0.3 and transparency(random, samples, kind, depth, palette)
    if transparent:
        chunks.append((b"tRNS", transparent))
    packed = zlib.compress(data, random.choice((0, 1, 6, 9)))
    cut = max(1, len(packed) // random.choice((1, 1, 2, 5)))
    chunks += [(b"IDAT", packed[at : at + cut]) for at in range(0, len(packed), cut)]
    chunks.append((b"IEND", b""))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for name, content in chunks:
            file.write(struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content)))
    return f"type {kind}, {depth} bits, interlaced {interlaced}, tRNS {bool(transparent)}"


def rows_of(image, kind, depth):
    """Rows of pixels, each a tuple of samples at this depth."""
    width, height = image.size
    bands, values = len(image.getbands()), image.tobytes()
    scale = (lambda value: value) if kind == 3 else (lambda value: value * 257 if depth == 16 else value >> (8 - depth))
    pixels = [tuple(scale(value) for value in values[at : at + bands]) for at in range(0, len(values), bands)]
    return [pixels[row * width : (row + 1) * width] for row in range(height)]


def passes(rows, interlaced):
    if not interlaced:
        return [rows]
    parts = ([row[left::across] for row in rows[top::down]] for left, top, across, down in ADAM7)
    return [[row for row in part if row] for part in parts]


def filtered(random, rows, depth, bands):
    """Packs the rows and applies a filter to each (PNG specification, section 9)."""
    out, step = b"", max(1, depth * bands // 8)
    above = None
    for row in rows:
        line = packed(row, depth)
        above = above or bytes(len(line))
        method = random.randrange(5)
        out += bytes([method]) + bytes((value - predicted(method, line, above, at, step)) % 256 for at, value in enumerate(line))
        above = line
    return out


def packed(row, depth):
    samples = [sample for pixel in row for sample in pixel]
    if depth == 16:
        return struct.pack(f">{len(samples)}H", *samples)
    bits = "".join(f"{sample:0{depth}b}" for sample in samples)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def predicted(method, line, above, at, step):
    left = line[at - step] if at >= step else 0
    corner = above[at - step] if at >= step else 0
    up = above[at]
    if method == 4:
        return min((left, up, corner), key=lambda value: abs(left + up - corner - value))
    return (0, left, up, (left + up) // 2)[method]


def transparency(random, rows, kind, depth, palette):
    """One colour that is transparent, or an opacity for each colour of the palette."""
    if kind == 3:
        return bytes(random.choice((0, 128, 255)) for _ in range(len(palette) // 3))
    # Of fewer bits than eight, Pillow compares the scaled sample with the unscaled colour.
    if kind in (0, 2) and depth >= 8:
        return struct.pack(f">{len(rows[0][0])}H", *random.choice(random.choice(rows)))
    return None
