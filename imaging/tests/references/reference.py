"""How Pillow and the libraries below it decode a file: eight bits of red, green, blue and opacity a pixel."""

import subprocess

from PIL import Image


def decode(path):
    """Width, height and RGBA samples of the first frame, as stored (not turned upright)."""
    if path.endswith(".tiff"):
        # Pillow refuses much that libtiff reads, so libtiff unpacks it first.
        plain = path + ".plain"
        unpack = ["tiffcp", "-c", "none", "-r", "1000", "-p", "contig", "-f", "msb2lsb", "-L"]
        if subprocess.run([*unpack, path, plain], capture_output=True).returncode == 0:
            path = plain
    with Image.open(path) as image:
        image.load()
        if image.mode.startswith("I;16"):
            little = image.mode != "I;16B"
            samples = image.tobytes()
            upper = samples[1::2] if little else samples[0::2]
            image = Image.frombytes("L", image.size, upper)
        rgba = image.convert("RGBA")
        return rgba.width, rgba.height, rgba.tobytes()
