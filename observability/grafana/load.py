#!/usr/bin/env python3
"""Generates load on a service so that every panel has data: users, jobs, a webhook receiver, and an attacker.

    PORT=8080 WEBHOOK_SECRET=… REQUIRE_SIGNATURE=true HUEMILL__OUTBOUND__ALLOW_CIDRS=127.0.0.1/32 \\
        HUEMILL__OUTBOUND__ALLOW_PORTS=80,443,8091 HUEMILL__WEBHOOKS__SCHEDULE_SECONDS=0,2,4 huemill serve
    WEBHOOK_SECRET=… load.py --url http://127.0.0.1:8080 --port 8091 --minutes 3

Requests are signed where necessary. The webhook receiver and the image server listen on --port of 127.0.0.1. All
pictures are generated. This is not a benchmark: it is slow on purpose. Use it only with a test service, because it
makes the alerts fire.
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
    """A PNG with a gradient and a bright square."""
    rng = random.Random(seed)
    low, high = ([rng.randrange(256) for _ in range(3)] for _ in range(2))
    left, top, side = rng.randrange(width // 2), rng.randrange(height // 2), min(width, height) // 3
    rows = bytearray()
    for y in range(height):
        share = y / height
        band = bytes(round(a + (b - a) * share) for a, b in zip(low, high))
        row = bytearray(band * width)
        if top <= y < top + side:
            row[left * 3:(left + side) * 3] = bytes((255, 40, y % 256)) * side
        rows += b"\0" + row
    return _encode_png(width, height, zlib.compress(bytes(rows), 6))


def oversized_png():
    """A PNG whose header declares more pixels than the service allows."""
    return _encode_png(30_000, 30_000, zlib.compress(bytes(1000)))


def _encode_png(width, height, data):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", data), (b"IEND", b""))
    parts = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
             for kind, body in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def bmp(width, height, seed):
    """A BMP with stripes on a background of one colour."""
    rng = random.Random(seed)
    color, stripe = (bytes(rng.randrange(256) for _ in range(3)) for _ in range(2))
    pad = bytes(-width * 3 % 4)
    rows = b"".join((stripe if y % 7 == 0 else color) * width + pad for y in range(height))
    head = struct.pack("<2sIHHI", b"BM", 54 + len(rows), 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 2835, 2835, 0, 0) + rows


def zip_archive(entries):
    """A ZIP with entries (name, bytes)."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return buffer.getvalue()


def multipart_form(fields):
    """A multipart body with fields (name, file name or None, bytes), and its content type."""
    boundary, body = "huemill-load", b""
    for name, filename, content in fields:
        file = f'; filename="{filename}"' if filename else ""
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


class MockServer(BaseHTTPRequestHandler):
    """Receives webhooks (/hook/ok, /hook/broken, /hook/gone) and serves pictures (/picture/n.png). Else returns 404."""

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(random.uniform(0.01, 0.3))
        self._respond({"/hook/broken": 500, "/hook/gone": 410}.get(self.path, 204))

    def do_GET(self):
        time.sleep(random.uniform(0.01, 0.2))
        if self.path.startswith("/picture/"):
            self._respond(200, png(320, 200, self.path))
        else:
            self._respond(404)

    def _respond(self, status, body=b""):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Client:
    """Sends requests, with a signature if the service may require it."""

    def __init__(self, url, secret):
        self.url, self.secret, self.url_jobs_supported = url.rstrip("/"), secret.encode(), True

    def send(self, method, path, body=b"", content_type=None, headers=None, sign=True):
        """The response as (status, headers, body). The path may be a URL."""
        url = path if path.startswith("http") else self.url + path
        request_headers = dict(headers or {})
        if content_type:
            request_headers["Content-Type"] = content_type
        if sign and self.secret and method in ("POST", "DELETE"):
            request_headers = self.signature(method, path, body) | request_headers
        request = urllib.request.Request(url, body or None, request_headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return response.status, response.headers, response.read()
        except urllib.error.HTTPError as response:
            return response.code, response.headers, response.read()

    def signature(self, method, path, body, at=None):
        """The signature headers of a request."""
        at = at or int(time.time())
        text = f"{at}\n{method}\n{path}\n{hashlib.sha256(body).hexdigest()}"
        digest = hmac.new(self.secret, text.encode(), hashlib.sha256).hexdigest()
        return {"X-Timestamp": str(at), "X-Request-Id": f"load-{random.getrandbits(64):016x}",
                "X-Signature": f"sha256={digest}"}

    def json(self, method, path, content, **options):
        return self.send(method, path, json.dumps(content).encode(), "application/json", **options)


def sync_user(client, turn):
    """Sends pictures, archives and invalid input, and waits for each response."""
    width = random.choice((320, 640, 1200))
    client.send("POST", "/process", png(width, width * 2 // 3, turn), "image/png")
    client.send("POST", "/process", bmp(300, 200, turn), "image/bmp", headers={"Accept": "image/jpeg"})
    if turn % 3 == 0:
        pictures = [(f"{n}.png", png(400, 300, n)) for n in range(3)]
        client.send("POST", "/process_zip", zip_archive(pictures), "application/zip")
    if turn % 4 == 0:
        client.send("POST", "/process", b"not a picture", "image/png")
        client.send("POST", "/process", png(300, 200, turn)[:120], "image/png")
        client.send("POST", "/process", oversized_png(), "image/png")
    for probe in ("/health", "/ready"):
        client.send("GET", probe)
    time.sleep(0.3)


def job_user(client, turn, mock_url):
    """Creates a job, with a different type each turn, polls it until it has ended, and downloads the results."""
    hook = f"{mock_url}/hook/{('ok', 'ok', 'ok', 'broken', 'gone')[turn % 5]}"
    pictures = [(f"{n}.png", png(800, 600, turn * 10 + n)) for n in range(1 + turn % 6)]
    if turn % 4 == 0 and client.url_jobs_supported:
        urls = [f"{mock_url}/picture/{turn}.png", f"{mock_url}/lost.png"]
        response = client.json("POST", "/jobs", {"urls": urls, "callback_url": hook})
        if response[0] == 501:
            client.url_jobs_supported = False
            print("the service does not support jobs of URLs: the panels about downloads will be empty")
            return
    elif turn % 4 < 2:
        fields = [("images", name, content) for name, content in pictures]
        response = client.send("POST", "/jobs", *multipart_form(fields + [("callback_url", None, hook.encode())]))
    else:
        if turn % 8 == 3:
            pictures = [("damaged.png", png(300, 200, turn)[:200])]
        fields = [("zip_file", "a.zip", zip_archive(pictures)), ("callback_url", None, hook.encode())]
        key = {"Idempotency-Key": f"load-{turn}-{time.time():.0f}"}
        response = client.send("POST", "/jobs", *multipart_form(fields), headers=key)
        client.send("POST", "/jobs", *multipart_form(fields[:1]), headers=key)
    if response[0] != 202:
        raise SystemExit(f"the service refused a job: {response[0]} {response[2][:300]!r}")
    path = f"/jobs/{json.loads(response[2])['job_id']}"
    if turn % 10 == 9:
        client.send("POST", f"{path}/cancel")
    poll_and_download(client, path, turn)


def poll_and_download(client, path, turn):
    """Polls a job until it has ended, then downloads its results."""
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


def attacker(client, turn):
    """Attacks the service: unknown routes, guessed ids, forged links, operator tokens and signatures, path traversal in
    archives, and URLs of internal hosts."""
    for path in ("/.env", "/wp-login.php", f"/admin/{turn}"):
        client.send("GET", path)
    client.send("GET", f"/jobs/job_{turn:026d}")
    client.send("DELETE", "/process")
    client.send("GET", "/jobs", headers={"Authorization": "Bearer a-guess"})
    client.send("GET", f"/jobs/job_{turn:026d}/results.zip?expires=9999999999&signature={'0' * 64}")
    client.send("POST", "/process_zip", zip_archive([("../../etc/cron.d/x.png", png(60, 40, 1))]), "application/zip")
    internal = random.choice(("http://169.254.169.254/latest", "http://10.0.0.7/a.png", "http://[::1]/a.png"))
    client.json("POST", "/jobs", {"urls": [internal]})
    fields = [("images", "a.png", png(60, 40, turn)), ("callback_url", None, internal.encode())]
    client.send("POST", "/jobs", *multipart_form(fields))
    if client.secret:
        body = json.dumps({"urls": ["nonsense"]}).encode()
        signed = client.signature("POST", "/jobs", body)
        for headers in (signed, signed, signed | {"X-Signature": "sha256=" + "0" * 64},
                        client.signature("POST", "/jobs", body, at=1_000_000_000), {}):
            client.send("POST", "/jobs", body, "application/json", headers=headers, sign=False)
    time.sleep(0.5)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", default="http://127.0.0.1:8080", help="the URL of the service")
    parser.add_argument("--port", type=int, default=8091, help="the port of the webhook receiver and image server")
    parser.add_argument("--minutes", type=float, default=3, help="the duration of the load")
    options = parser.parse_args()
    client = Client(options.url, os.environ.get("WEBHOOK_SECRET", ""))
    mock_server = ThreadingHTTPServer(("127.0.0.1", options.port), MockServer)
    threading.Thread(target=mock_server.serve_forever, daemon=True).start()
    end, failures, mock_url = time.time() + options.minutes * 60, [], f"http://127.0.0.1:{options.port}"

    # The threads of a role share one counter, so no two requests within a second have the same signature.
    turns = {role: itertools.count() for role in (sync_user, job_user, attacker)}

    def run(role, *arguments):
        try:
            while time.time() < end and not failures:
                role(client, next(turns[role]), *arguments)
        except BaseException as error:
            failures.append(f"{role.__name__}: {error!r}")

    roles = [(sync_user,), (sync_user,), (job_user, mock_url), (job_user, mock_url), (attacker,)]
    threads = [threading.Thread(target=run, args=role) for role in roles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise SystemExit("\n".join(failures))


if __name__ == "__main__":
    main()
