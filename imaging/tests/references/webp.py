"""WebP by libwebp: lossy and lossless, with opacity, animated."""

from picture import picture


def write(random, path):
    mode = random.choice(("RGB", "RGB", "RGBA"))
    image = picture(random, mode)
    options = {"lossless": random.random() < 0.5, "quality": random.choice((40, 75, 90, 100)), "method": random.choice((0, 4, 6)),
               "exact": random.random() < 0.5}
    if mode == "RGBA":
        options["alpha_quality"] = random.choice((50, 100))
    if random.random() < 0.2:
        options |= {"save_all": True, "append_images": [image.rotate(180)], "duration": 100}
    image.save(path, "WEBP", **options)
    return f"{mode} {({name: value for name, value in options.items() if name != 'append_images'})}"
