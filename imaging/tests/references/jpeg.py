"""JPEG by libjpeg-turbo: sampling, progression, restarts, colour spaces."""

from picture import picture


def write(random, path):
    mode = random.choice(("RGB", "RGB", "RGB", "L", "CMYK"))
    options = {"quality": random.choice((60, 75, 90, 100)), "progressive": random.random() < 0.4, "optimize": random.random() < 0.3}
    if mode == "RGB":
        options["subsampling"] = random.choice((0, 1, 2, "4:1:1"))
        options["keep_rgb"] = random.random() < 0.1
    if random.random() < 0.4:
        options[random.choice(("restart_marker_blocks", "restart_marker_rows"))] = random.choice((1, 2, 5))
    if options.get("keep_rgb"):
        # RGB samples have no chroma to reduce.
        options["subsampling"] = 0
    image = picture(random, mode)
    if "subsampling" in options and image.width < 5:
        # libjpeg does not interpolate between chroma samples of one or two columns; other decoders do.
        options["subsampling"] = 0
    image.save(path, "JPEG", **options)
    return f"{mode} {options}"
