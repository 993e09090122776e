#!/usr/bin/env python3
"""Loads a service so that every panel has something to show: users, jobs, a receiver, and a stranger who tries doors.

    PORT=8080 WEBHOOK_SECRET=… REQUIRE_SIGNATURE=true HUEMILL__OUTBOUND__ALLOW_CIDRS=127.0.0.1/32 \\
        HUEMILL__OUTBOUND__ALLOW_PORTS=80,443,8091 HUEMILL__WEBHOOKS__SCHEDULE_SECONDS=0,2,4 huemill serve
    WEBHOOK_SECRET=… load.py --url http://127.0.0.1:8080 --port 8091 --minutes 3

Signs what must be signed. Its receiver and its server of pictures listen on --port of 127.0.0.1; all pictures are
made here. Not a benchmark: it is slow on purpose. For a test service alone; it makes the alerts fire.
"""

import argparse
import hashlib
import hmac
import io
import itertools
import json
import os
import random
import struct
import threading
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def png(width, height, seed):
    """A picture of soft bands and a bright square, lossless."""
    dice = random.Random(seed)
    low, high = ([dice.randrange(256) for _ in range(3)] for _ in range(2))
    left, top, side = dice.randrange(width // 2), dice.randrange(height // 2), min(width, height) // 3
    rows = bytearray()
    for y in range(height):
        share = y / height
        band = bytes(round(a + (b - a) * share) for a, b in zip(low, high))
        row = bytearray(band * width)
        if top <= y < top + side:
            row[left * 3:(left + side) * 3] = bytes((255, 40, y % 256)) * side
        rows += b"\0" + row
    return _png(width, height, zlib.compress(bytes(rows), 6))


def huge():
    """A picture that says it has more pixels than are allowed."""
    return _png(30_000, 30_000, zlib.compress(bytes(1000)))


def _png(width, height, data):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    parts = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
             for kind, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bmp(width, height, seed):
    """A picture of one colour with a stripe, as BMP."""
    dice = random.Random(seed)
    color, stripe = (bytes(dice.randrange(256) for _ in range(3)) for _ in range(2))
    pad = bytes(-width * 3 % 4)
    rows = b"".join((stripe if y % 7 == 0 else color) * width + pad for y in range(height))
    head = struct.pack("<2sIHHI", b"BM", 54 + len(rows), 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 2835, 2835, 0, 0) + rows


def archive(entries):
    """A ZIP of (name, bytes)."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w") as made:
        for name, content in entries:
            made.writestr(name, content)
    return kept.getvalue()


def form(fields):
    """A multipart body of (name, file name or None, bytes), and its content type."""
    edge, body = "huemill-load", b""
    for name, filename, content in fields:
        file = f'; filename="{filename}"' if filename else ""
        body += f'--{edge}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{edge}--\r\n".encode(), f"multipart/form-data; boundary={edge}"


class Peer(BaseHTTPRequestHandler):
    """Receives webhooks, and serves pictures: /hook/ok, /hook/broken, /hook/gone, /picture/n.png, else 404."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(random.uniform(0.01, 0.3))
        self._answer({"/hook/broken": 500, "/hook/gone": 410}.get(self.path, 204))

    def do_GET(self):
        time.sleep(random.uniform(0.01, 0.2))
        if self.path.startswith("/picture/"):
            self._answer(200, png(320, 200, self.path))
        else:
            self._answer(404)

    def _answer(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Client:
    """Sends requests, signed where the service may ask for it."""

    def __init__(self, url, secret):
        self.url, self.secret, self.urls = url.rstrip("/"), secret.encode(), True

    def send(self, method, path, body=b"", kind=None, headers=None, sign=True):
        """(status, headers, body) of the answer; the path may be a URL."""
        url = path if path.startswith("http") else self.url + path
        given = dict(headers or {})
        if kind:
            given["Content-Type"] = kind
        if sign and self.secret and method in ("POST", "DELETE"):
            given = self.signature(method, path, body) | given
        request = urllib.request.Request(url, body or None, given, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.headers, answer.read()

    def signature(self, method, path, body, at=None):
        """The headers that sign a request."""
        at = at or int(time.time())
        text = f"{at}\n{method}\n{path}\n{hashlib.sha256(body).hexdigest()}"
        digest = hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
        return {"X-Timestamp": str(at), "X-Request-Id": f"load-{random.getrandbits(64):016x}",
                "X-Signature": f"sha256={digest}"}

    def json(self, method, path, content, **more):
        return self.send(method, path, json.dumps(content).encode(), "application/json", **more)


def visitor(client, turn):
    """Processes pictures while it waits, one of which is none."""
    width = random.choice((320, 640, 1200))
    client.send("POST", "/process", png(width, width * 2 // 3, turn), "image/png")
    client.send("POST", "/process", bmp(300, 200, turn), "image/bmp", headers={"Accept": "image/jpeg"})
    if turn % 3 == 0:
        pictures = [(f"{n}.png", png(400, 300, n)) for n in range(3)]
        client.send("POST", "/process_zip", archive(pictures), "application/zip")
    if turn % 4 == 0:
        client.send("POST", "/process", b"no picture at all", "image/png")
        client.send("POST", "/process", png(300, 200, turn)[:120], "image/png")
        client.send("POST", "/process", huge(), "image/png")
    for probe in ("/health", "/ready"):
        client.send("GET", probe)
    time.sleep(0.3)


def customer(client, turn, peer):
    """Creates a job of each kind in turn, asks for it until it has ended, and fetches what came of it."""
    hook = f"{peer}/hook/{('ok', 'ok', 'ok', 'broken', 'gone')[turn % 5]}"
    pictures = [(f"{n}.png", png(800, 600, turn * 10 + n)) for n in range(1 + turn % 6)]
    if turn % 4 == 0 and client.urls:
        urls = [f"{peer}/picture/{turn}.png", f"{peer}/lost.png"]
        answer = client.json("POST", "/jobs", {"urls": urls, "callback_url": hook})
        if answer[0] == 501:
            client.urls = False
            print("jobs of URLs are not offered: panels on downloads will be empty")
            return
    elif turn % 4 < 2:
        fields = [("images", name, content) for name, content in pictures]
        answer = client.send("POST", "/jobs", *form(fields + [("callback_url", None, hook.encode())]))
    else:
        if turn % 8 == 3:
            pictures = [("damaged.png", png(300, 200, turn)[:200])]
        fields = [("zip_file", "a.zip", archive(pictures)), ("callback_url", None, hook.encode())]
        key = {"Idempotency-Key": f"load-{turn}-{time.time():.0f}"}
        answer = client.send("POST", "/jobs", *form(fields), headers=key)
        client.send("POST", "/jobs", *form(fields[:1]), headers=key)
    if answer[0] != 202:
        raise SystemExit(f"a job was not taken: {answer[0]} {answer[2][:300]!r}")
    path = f"/jobs/{json.loads(answer[2])['job_id']}"
    if turn % 10 == 9:
        client.send("POST", f"{path}/cancel")
    follow(client, path, turn)


def follow(client, path, turn):
    """Polls a job until it has ended, then downloads it."""
    etag, deadline = "", time.time() + 60
    while time.time() < deadline:
        status, headers, body = client.send("GET", path, headers={"If-None-Match": etag} if etag else {})
        etag = headers.get("ETag", "")
        if status == 200 and json.loads(body)["status"] not in ("queued", "processing"):
            break
        time.sleep(0.2)
    job = json.loads(client.send("GET", path)[2])
    for _ in range(3):
        client.send("GET", path, headers={"If-None-Match": etag})
    if job["status"] == "completed":
        client.send("GET", job["download_url"])
        client.send("GET", f"{path}/results/0/card")
    if turn % 6 == 5:
        client.send("DELETE", path)
    time.sleep(0.5)


def stranger(client, turn):
    """Tries doors: routes, ids, links, the operator's list, signatures, archives that leave their folder, inner hosts."""
    for path in ("/.env", "/wp-login.php", f"/admin/{turn}"):
        client.send("GET", path)
    client.send("GET", f"/jobs/job_{turn:026d}")
    client.send("DELETE", "/process")
    client.send("GET", "/jobs", headers={"Authorization": "Bearer a-guess"})
    client.send("GET", f"/jobs/job_{turn:026d}/results.zip?expires=9999999999&signature={'0' * 64}")
    client.send("POST", "/process_zip", archive([("../../etc/cron.d/x.png", png(60, 40, 1))]), "application/zip")
    inner = random.choice(("http://169.254.169.254/latest", "http://10.0.0.7/a.png", "http://[::1]/a.png"))
    client.json("POST", "/jobs", {"urls": [inner]})
    fields = [("images", "a.png", png(60, 40, turn)), ("callback_url", None, inner.encode())]
    client.send("POST", "/jobs", *form(fields))
    if client.secret:
        body = json.dumps({"urls": ["nonsense"]}).encode()
        signed = client.signature("POST", "/jobs", body)
        for headers in (signed, signed, signed | {"X-Signature": "sha256=" + "0" * 64},
                        client.signature("POST", "/jobs", body, at=1_000_000_000), {}):
            client.send("POST", "/jobs", body, "application/json", headers=headers, sign=False)
    time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the service")
    parser.add_argument("--port", type=int, default=8091, help="where the receiver listens")
    parser.add_argument("--minutes", type=float, default=3)
    options = parser.parse_args()
    client = Client(options.url, os.environ.get("WEBHOOK_SECRET", ""))
    peer = ThreadingHTTPServer(("127.0.0.1", options.port), Peer)
    threading.Thread(target=peer.serve_forever, daemon=True).start()
    end, failed, at_peer = time.time() + options.minutes * 60, [], f"http://127.0.0.1:{options.port}"

    # Each role counts for itself, all of its threads together: no two sign the same within a second.
    turns = {role: itertools.count() for role in (visitor, customer, stranger)}

    def run(role, *more):
        try:
            while time.time() < end and not failed:
                role(client, next(turns[role]), *more)
        except BaseException as error:
            failed.append(f"{role.__name__}: {error!r}")

    roles = [(visitor,), (visitor,), (customer, at_peer), (customer, at_peer), (stranger,)]
    threads = [threading.Thread(target=run, args=role) for role in roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise SystemExit("\n".join(failed))


if __name__ == "__main__":
    main()
