"""BMP of our own writing: headers of OS/2 and Windows, all depths, masks, run lengths, from the top or the bottom."""

import struct

from picture import picture

# Those that Pillow reads.
MASKS = {
    16: ((0x7C00, 0x3E0, 0x1F), (0xF800, 0x7E0, 0x1F)),
    32: ((0xFF0000, 0xFF00, 0xFF), (0xFF000000, 0xFF0000, 0xFF00)),
}


def write(random, path):
    depth = random.choice((1, 4, 8, 16, 24, 32))
    header = random.choice(("core", "info", "v4", "v5"))
    if header == "core" and depth in (16, 32):
        header = "info"
    image = picture(random)
    masks = random.choice(MASKS[depth]) if depth in MASKS and (header != "info" or random.random() < 0.5) else None
    runs = depth in (4, 8) and header != "core" and random.random() < 0.4
    from_top = not runs and header != "core" and random.random() < 0.3
    if depth <= 8:
        image = image.quantize(min(1 << depth, 200))
    width, height = image.size
    rows = [[image.getpixel((x, y)) for x in range(width)] for y in range(height)]
    if not from_top:
        rows.reverse()
    data = run_lengths(random, rows, depth) if runs else b"".join(padded(row, depth, masks) for row in rows)
    palette = palette_of(image, depth, 3 if header == "core" else 4)
    info = info_of(header, (width, height), depth, masks, (len(palette) // 4, len(data), runs, from_top))
    offset = 14 + len(info) + len(palette)
    with open(path, "wb") as file:
        file.write(b"BM" + struct.pack("<IHHI", offset + len(data), 0, 0, offset) + info + palette + data)
    return f"{header}, {depth} bits, masks {masks}, runs {runs}, from the top {from_top}"


def info_of(header, size, depth, masks, rest):
    colors, length, runs, from_top = rest
    width, height = size
    if header == "core":
        return struct.pack("<IHHHH", 12, width, height, 1, depth)
    method = (2 if depth == 4 else 1) if runs else 3 if masks else 0
    common = struct.pack("<iiHHIIiiII", width, -height if from_top else height, 1, depth, method, length, 2835, 2835, colors, 0)
    values = struct.pack("<III", *masks) if masks else b""
    if header == "info":
        return struct.pack("<I", 40) + common + values
    total = {"v4": 108, "v5": 124}[header]
    values = (values or bytes(12)) + bytes(4) + b"BGRs"
    return (struct.pack("<I", total) + common + values).ljust(total, b"\0")


def palette_of(image, depth, size):
    if depth > 8:
        return b""
    colors = (image.getpalette() + [0] * 768)[: 3 << depth]
    return b"".join(bytes((*reversed(colors[at : at + 3]), 0)[:size]) for at in range(0, len(colors), 3))


def padded(row, depth, masks):
    if depth <= 8:
        bits = "".join(f"{index:0{depth}b}" for index in row)
        bits += "0" * (-len(bits) % 8)
        line = bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))
    elif depth == 24:
        line = b"".join(bytes(reversed(pixel)) for pixel in row)
    else:
        line = b"".join(sample(pixel, masks or MASKS[depth][0]).to_bytes(depth // 8, "little") for pixel in row)
    return line.ljust(-(-len(line) // 4) * 4, b"\0")


def sample(pixel, masks):
    value = 0
    for channel, mask in zip(pixel, masks):
        shift = (mask & -mask).bit_length() - 1
        value |= (channel * (mask >> shift) + 127) // 255 << shift
    return value


def run_lengths(random, rows, depth):
    """RLE8 or RLE4, with literal runs now and then."""
    out = b""
    for row in rows:
        at = 0
        while at < len(row):
            literal = row[at : at + random.randrange(3, 12)]
            if random.random() < 0.3 and len(literal) >= 3:
                line = packed(literal, depth)
                out += bytes((0, len(literal))) + line.ljust(-(-len(line) // 2) * 2, b"\0")
                at += len(literal)
            else:
                length = 1
                while length < 255 and row[at : at + length + 1] == [row[at]] * (length + 1):
                    length += 1
                out += bytes((length, row[at] * (17 if depth == 4 else 1)))
                at += length
        out += b"\0\0"
    return out + b"\0\1"


def packed(indices, depth):
    if depth == 8:
        return bytes(indices)
    pairs = indices + [0] * (len(indices) % 2)
    return bytes(pairs[at] << 4 | pairs[at + 1] for at in range(0, len(pairs), 2))
