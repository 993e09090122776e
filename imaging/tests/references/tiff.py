"""TIFF by libtiff: Pillow writes a picture, and tiffcp brings it into strips or tiles, planes, byte and bit orders."""

import subprocess

from picture import picture

COMPRESSIONS = {
    "1": ("none", "packbits", "lzw", "zip", "g3", "g3:2d", "g4", "zstd"),
    "L": ("none", "packbits", "lzw", "lzw:2", "zip", "zip:2", "jpeg", "zstd", "zstd:2", "lzma"),
    "P": ("none", "packbits", "lzw", "zip", "zstd"),
    "I;16": ("none", "packbits", "lzw", "lzw:2", "zip", "zip:2", "zstd:2"),
    "LA": ("none", "lzw", "lzw:2", "zip:2"),
    "RGB": ("none", "packbits", "lzw", "lzw:2", "zip", "zip:2", "jpeg", "jpeg:r", "zstd:2", "webp", "lzma"),
    "RGBA": ("none", "packbits", "lzw", "lzw:2", "zip:2", "zstd:2"),
    "CMYK": ("none", "packbits", "lzw", "lzw:2", "zip:2", "jpeg"),
}


def write(random, path):
    mode = random.choice(tuple(COMPRESSIONS))
    compression = random.choice(COMPRESSIONS[mode])
    command = ["tiffcp", "-c", compression]
    command += random.choice((["-r", "8"], ["-r", "16"], ["-r", "1000"], ["-t", "-w", "16", "-l", "16"], ["-t", "-w", "64", "-l", "32"]))
    if mode in ("RGB", "RGBA", "CMYK") and compression != "jpeg" and random.random() < 0.4:
        command += ["-p", "separate"]
    command += random.choice((["-L"], ["-B"]))
    if random.random() < 0.3:
        command += ["-f", "lsb2msb"]
    if random.random() < 0.2:
        command += ["-8"]
    whole = path + ".whole"
    picture(random, mode).save(whole, "TIFF", tiffinfo={266: 1})
    done = subprocess.run([*command, whole, path], capture_output=True, text=True)
    described = f"{mode} {' '.join(command)}"
    if done.returncode:
        # Not every build of libtiff writes every combination; the picture itself is a variant too.
        picture(random, mode).save(path, "TIFF")
        described = f"{mode} by Pillow"
    return described
