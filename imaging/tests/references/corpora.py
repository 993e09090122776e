#!/usr/bin/env python3
"""Sends all files of some folders to a service, and compares its pictures with what Pillow decodes.

    corpora.py [--url http://127.0.0.1:8080] [--program target/release/huemill] FOLDER…

Without --url it starts the program. It reports the statuses by format, what the errors say, the slowest answers, and what to
look at: refused although Pillow reads it, accepted although Pillow does not, the largest differences (mean distance in
CIELAB between the two crops, reduced to 32 × 32), and all answers above 499.
"""

import argparse
import base64
import collections
import io
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from PIL import Image, ImageCms, ImageOps

SIDE = 32
SHOWN = 25
LAB = ImageCms.createProfile("LAB")
SRGB = ImageCms.createProfile("sRGB")


class Answer:
    def __init__(self, file, status, seconds, body):
        self.file, self.status, self.seconds, self.body = file, status, seconds, body
        self.difference = None
        self.reference = None

    def reason(self):
        return self.body.get("detail") or self.body.get("message") or ""


def send(url, file):
    request = urllib.request.Request(f"{url}/process?card=crop&width={SIDE * 8}&format=png", data=file.read_bytes(), method="POST",
                                     headers={"Content-Type": "image/unknown", "Accept": "application/json"})
    began = time.monotonic()
    try:
        with urllib.request.urlopen(request, timeout=120) as response:
            status, body = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError as error:
        return Answer(file, 0, time.monotonic() - began, {"detail": f"no answer: {error}"})
    return Answer(file, status, time.monotonic() - began, json.loads(body or b"{}"))


def compare(answer):
    """Decodes the file with Pillow, and measures the distance of the two crops."""
    try:
        with Image.open(answer.file) as image:
            image.load()
            answer.reference = image.format
            image = upright(image)
    except Exception:  # A broken file may raise anything.
        return
    if answer.status != 200:
        return
    crop = answer.body["crop"]
    box = (crop["x"], crop["y"], crop["x"] + crop["width"], crop["y"] + crop["height"])
    card = Image.open(io.BytesIO(base64.b64decode(answer.body["social_image"].partition(",")[2])))
    # At the card's size first, because a picture of a few pixels is enlarged there.
    answer.difference = distance(card.convert("RGB"), image.crop(box).resize(card.size, Image.Resampling.BICUBIC))


def upright(image):
    image = ImageOps.exif_transpose(image)
    profile = image.info.get("icc_profile")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            return ImageCms.profileToProfile(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), SRGB, outputMode="RGB")
        except ImageCms.PyCMSError:
            pass
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    white.alpha_composite(rgba)
    return white.convert("RGB")


def distance(one, other):
    labs = [ImageCms.profileToProfile(part.resize((SIDE, SIDE), Image.Resampling.BOX), SRGB, LAB, outputMode="LAB").tobytes() for part in (one, other)]
    pixels = zip(*(zip(lab[0::3], lab[1::3], lab[2::3]) for lab in labs))
    # Lightness is stored as 0 to 255, the axes as signed bytes.
    signed = lambda value: value - 256 if value > 127 else value
    sums = (((a[0] - b[0]) / 2.55) ** 2 + (signed(a[1]) - signed(b[1])) ** 2 + (signed(a[2]) - signed(b[2])) ** 2 for a, b in pixels)
    return sum(value**0.5 for value in sums) / SIDE**2


def report(answers):
    table = collections.Counter((answer.reference or "unread", answer.status) for answer in answers)
    print("Pillow reads it as, status, files")
    for (name, status), count in sorted(table.items()):
        print(f"  {name:10} {status} {count}")
    print("\nWhat errors say")
    for (status, reason), count in collections.Counter((a.status, a.reason()) for a in answers if a.status != 200).most_common(SHOWN):
        print(f"  {count:6} {status} {reason}")
    show("Slowest", sorted(answers, key=lambda a: -a.seconds), lambda a: f"{a.seconds:.2f} s")
    show("Above 499, or no answer", [a for a in answers if a.status > 499 or a.status == 0], lambda a: f"{a.status} {a.reason()}")
    show("Damaged to us, but Pillow reads it", [a for a in answers if a.status == 422 and a.reference], lambda a: a.reason())
    show("Accepted, but Pillow does not read it", [a for a in answers if a.status == 200 and not a.reference], lambda a: a.body["source"]["format"])
    differing = sorted((a for a in answers if (a.difference or 0) > 2), key=lambda a: -a.difference)
    show("Differing by more than 2", differing, lambda a: f"{a.difference:.1f}")


def show(title, answers, what):
    print(f"\n{title}: {len(answers)}")
    for answer in answers[:SHOWN]:
        print(f"  {answer.file}: {what(answer)}")


def start(program, folder):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # The limits of one caller are not what is looked at.
    environment = {**os.environ, "PORT": str(port), "DATA_DIR": folder, "HUEMILL__ACCESS__PICTURES_PER_MINUTE": "1000000",
                   "HUEMILL__ACCESS__REQUESTS_PER_MINUTE": "1000000"}
    process = subprocess.Popen([program], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/health", timeout=1)
            return process, url
        except OSError:
            time.sleep(0.1)
    process.kill()
    sys.exit(f"{program} does not answer")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a service that runs already")
    parser.add_argument("--program", default="target/release/huemill", help="what is started without --url")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()
    files = sorted(file for folder in arguments.folders for file in folder.rglob("*") if file.is_file())
    with tempfile.TemporaryDirectory() as data:
        process, url = (None, arguments.url) if arguments.url else start(arguments.program, data)
        answers = []
        try:
            for file in files:
                answer = send(url, file)
                compare(answer)
                answers.append(answer)
        finally:
            if process:
                process.terminate()
                process.wait()
    report(answers)


if __name__ == "__main__":
    main()
