"""GIF by Pillow: sizes of palettes, interlacing, transparency, several frames."""

from picture import picture


def write(random, path):
    image = picture(random).quantize(random.choice((2, 4, 16, 100, 256)))
    options = {"interlace": random.random() < 0.5, "optimize": random.random() < 0.5}
    if random.random() < 0.3:
        options["transparency"] = image.getpixel((0, 0))
    if random.random() < 0.3:
        more = [image.rotate(180), image]
        options |= {"save_all": True, "append_images": more, "duration": 100, "disposal": random.randrange(4)}
    image.save(path, "GIF", **options)
    described = {name: value for name, value in options.items() if name != "append_images"}
    return f"{described}"
