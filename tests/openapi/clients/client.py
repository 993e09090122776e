"""Uses the package that openapi-python-client generated: uploads a picture, creates a job with a webhook, polls it, and
reads the webhook with its generated type after its signatures were verified.

Prints the port of its receiver, reads the service's URL, and prints what it found as JSON.
"""

import base64
import hashlib
import hmac
import http.server
import io
import json
import pathlib
import queue
import sys
import threading
import time

folder, picture, secret = sys.argv[1:]
sys.path.insert(0, folder)
from service import Client  # noqa: E402
from service.api.jobs import create_job, get_job  # noqa: E402
from service.api.pictures import process_picture  # noqa: E402
from service.models import (  # noqa: E402
    EndedJob, JobAccepted, JobForm, LiveJob, PictureForm, PictureResult, Problem, WebhookBody,
)
from service.types import File  # noqa: E402

DEADLINE = 120
received = queue.Queue()


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.put((self.headers, body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


def file():
    return File(payload=io.BytesIO(pathlib.Path(picture).read_bytes()), file_name="picture.png", mime_type="image/png")


def ended(client, job_id):
    """Polls a job until it has ended."""
    until = time.monotonic() + DEADLINE
    while time.monotonic() < until:
        answer = get_job.sync_detailed(job_id, client=client)
        if not isinstance(answer.parsed, LiveJob):
            return answer
        time.sleep(0.1)
    raise TimeoutError("the job does not end")


def verify(headers, body):
    """Verifies both signatures of a webhook."""
    own = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    standard = "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()
    return hmac.compare_digest(own, headers["X-Signature"]), hmac.compare_digest(standard, headers["webhook-signature"])


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port, flush=True)
client = Client(base_url=sys.stdin.readline().strip())

processed = process_picture.sync(client=client, body=PictureForm(image=file(), colors=5))
assert isinstance(processed, PictureResult), processed
refused = process_picture.sync(client=client, body=PictureForm(image=file()), colors=21)
assert isinstance(refused, Problem), refused
callback = f"http://127.0.0.1:{server.server_port}/hook"
accepted = create_job.sync(client=client, body=JobForm(images=[file(), file()], callback_url=callback))
assert isinstance(accepted, JobAccepted), accepted
answer = ended(client, accepted.job_id)
assert isinstance(answer.parsed, EndedJob), answer
again = get_job.sync_detailed(accepted.job_id, client=client, if_none_match=answer.headers["ETag"])
headers, body = received.get(timeout=DEADLINE)
webhook = WebhookBody.from_dict(json.loads(body))

print(json.dumps({
    "colors": len(processed.colors),
    "triple": len(processed.palette[0]),
    "refused": refused.error_code.value,
    "status": answer.parsed.status.value,
    "results": [result.filename for result in answer.parsed.results],
    "again": again.status_code,
    "webhook": [webhook.job_id == accepted.job_id, webhook.status.value, webhook.results_count],
    "signatures": verify(headers, body),
    "forged": verify(headers, body.replace(b"completed", b"Completed")),
}))
