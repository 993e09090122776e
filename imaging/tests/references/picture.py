"""Seeded pictures: smooth colours with a few shapes, and sizes that are no multiples of anything."""

from PIL import Image, ImageDraw

SIDES = (1, 2, 3, 7, 8, 9, 16, 17, 31, 33, 48, 63, 70)


def size(random):
    """Width and height in pixels; most pictures are large enough for several blocks, strips or tiles."""
    small = random.random() < 0.15
    return tuple(random.choice(SIDES if small else SIDES[6:]) for _ in range(2))


def picture(random, mode="RGB"):
    """A picture of this mode of Pillow."""
    width, height = size(random)
    corners = Image.new("RGB", (2, 2))
    for place in ((0, 0), (1, 0), (0, 1), (1, 1)):
        corners.putpixel(place, color(random))
    image = corners.resize((width, height), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image)
    for _ in range(random.randrange(4)):
        left, top = random.randrange(width), random.randrange(height)
        box = (left, top, left + random.randrange(1, 1 + width), top + random.randrange(1, 1 + height))
        random.choice((draw.ellipse, draw.rectangle))(box, fill=color(random))
    if mode.endswith(("A", "a")):
        opacity = Image.linear_gradient("L").resize((width, height)).point(lambda v: min(255, v * random.choice((1, 1, 3))))
        image.putalpha(opacity)
    return convert(image, mode)


def convert(image, mode):
    """Into a mode that Pillow does not convert to directly, too."""
    if mode == "I;16":
        # All sixteen bits differ from picture to picture; the reference keeps the upper eight.
        grey = image.convert("L")
        return Image.frombytes("I;16", grey.size, b"".join(bytes((value * 37 % 256, value)) for value in grey.tobytes()))
    if mode == "P":
        return image.convert("RGB").quantize(64)
    if mode == "CMYK":
        return image.convert("RGB").convert("CMYK")
    return image.convert(mode)


def color(random):
    return tuple(random.randrange(256) for _ in range(3))
