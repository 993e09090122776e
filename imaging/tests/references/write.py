#!/usr/bin/env python3
"""Writes seeded variants of all formats into a folder, and how other decoders read them.

    write.py FOLDER COUNT SEED

`N.jpeg` and so on are the files, `N.rgba` what Pillow decodes, and each line of `list.jsonl` says `file`, `width`, `height`
and `what` the variant is. A file that Pillow cannot read is left out.
"""

import json
import os
import random
import sys

import bmp
import gif
import jpeg
import png
import reference
import tiff
import webp

FORMATS = {"jpeg": jpeg, "png": png, "gif": gif, "bmp": bmp, "webp": webp, "tiff": tiff}


def main():
    folder, count, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    names = tuple(FORMATS)
    with open(os.path.join(folder, "list.jsonl"), "w", encoding="utf-8") as listed:
        for number in range(count):
            name = names[number % len(names)]
            # Each variant has a seed of its own, so that one can be made again alone.
            chance = random.Random(f"{seed} {number}")
            path = os.path.join(folder, f"{number}.{name}")
            what = FORMATS[name].write(chance, path)
            try:
                width, height, samples = reference.decode(path)
            except (OSError, ValueError, SyntaxError) as error:
                print(f"{number} {name} {what}: Pillow cannot read it: {error}", file=sys.stderr)
                continue
            with open(os.path.join(folder, f"{number}.rgba"), "wb") as file:
                file.write(samples)
            listed.write(json.dumps({"file": f"{number}.{name}", "number": number, "width": width, "height": height, "what": what}) + "\n")


if __name__ == "__main__":
    main()
