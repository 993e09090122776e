"""Sends generated requests to a service, and checks that each answer is one that the OpenAPI document describes.

Half of them follow the document's links, from a job that was accepted to its status, events, files, cancellation and
deletion; the other half go to every operation on its own. A part of both breaks the document's rules. Prints what it did as
JSON; exits with 1 where a check failed.

    cases.py DOCUMENT URL TOKEN SEED CASES
"""

import base64
import collections
import io
import json
import random
import sys
import zipfile
import zlib

import hypothesis
import requests
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

document, url, token, seed, wanted = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]
EVENTS = {"progress", "completed", "failed", "canceled"}
# Answers that have to have come: without them, the cases would say little about the service.
EXPECTED = {
    "createJob": 202, "getJob": 200, "listJobResults": 200, "deleteJob": 204, "processPicture": 200, "processZip": 200, "createKey": 201,
}
# Of many cases, also those that depend on how fast a job ends, or on one case in a hundred.
EXPECTED_OF_MANY = {
    "cancelJob": 202, "streamJobEvents": 200, "downloadResults": 200, "downloadCard": 200, "downloadPalette": 200, "rotateKey": 201,
}
MANY = 2000
# A pause is lifted at once: jobs would never end, and streams of their events would not either.
UNDONE = {"pauseQueue": "/queue/resume"}
SECONDS = 60


def png(shade):
    """A small picture."""
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")
    side = range(16)
    rows = b"".join(b"\0" + b"".join(bytes([shade, 16 * x, 16 * y]) for x in side) for y in side)
    head = (16).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def archive(count):
    """A ZIP of small pictures."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as pictures:
        for number in range(count):
            pictures.writestr(f"{number}.png", png(2 * number))
    return file.getvalue()


def text(data):
    return base64.b64encode(data).decode()


ZIP = text(archive(2))
# What generated texts never are: files that can be read. Of many pictures, some are still waiting when a job is canceled.
USABLE = {
    "processPicture": [{"image": text(png(90)), "card": "none"}],
    "processZip": [{"zip": ZIP, "card": "none"}],
    "createJob": [{"zip": ZIP}, {"zip": text(archive(100))}],
    "createKey": [{"name": "a key", "scopes": ["process", "jobs:read"]}],
    "rotateKey": [{"overlap_s": 1}],
}
# Generated conditions and signatures are never right: without them, more requests get beyond these checks.
CONDITIONS = {"If-Match", "Range", "expires", "signature"}

counts = collections.Counter()
answers = collections.Counter()
failures = {}


def draw(case, sides):
    """A number below this one: by the case's content, so that it is the same whenever the case is made again."""
    return zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode()) % sides


def improve(case):
    """Gives most requests what the service can use."""
    name = case.operation.definition.raw["operationId"]
    if draw(case, 4) == 0:
        return
    for name_of_part in CONDITIONS:
        for part in (case.headers, case.query):
            part.pop(name_of_part, None)
    if name in USABLE:
        bodies = USABLE[name]
        case.body, case.media_type = bodies[draw(case, 7) % len(bodies)], "application/json"
        case.query.clear()
        case.headers.pop("Idempotency-Key", None)


def describe(case, response):
    request = response.request
    return f"{request.method} {request.url} {dict(request.headers)} {(request.body or b'')[:200]!r} -> " \
           f"{response.status_code} {dict(response.headers)} {response.content[:600]!r}"


def send(case):
    """Sends a request and checks its answer."""
    raw = case.operation.definition.raw
    name = raw["operationId"]
    # Some come without the operator's token.
    headers = {} if draw(case, 20) == 0 else {"Authorization": f"Bearer {token}"}
    response = case.call(headers=headers, timeout=SECONDS)
    if name in UNDONE:
        requests.post(url + UNDONE[name], headers={"Authorization": f"Bearer {token}"}, timeout=SECONDS)
    counts["cases"] += 1
    mode = case.meta.generation.mode if case.meta else GenerationMode.POSITIVE
    counts["negative"] += mode == GenerationMode.NEGATIVE
    answers[name, response.status_code] += 1
    check(case, response, name, raw)
    return response


def check(case, response, name, raw):
    found = []
    if response.status_code >= 500 and not is_no_fault(name, response.status_code):
        found.append("server error")
    described = raw["responses"].get(str(response.status_code), {})
    kind = "".join(response.headers.get("content-type", []))
    if kind.startswith("application/problem+json") and described:
        code = response.json()["error_code"]
        # The examples of an error are named by the codes that it may have.
        if code not in described["content"]["application/problem+json"]["examples"]:
            found.append(f"undocumented code {code}")
    chosen = CHECKS
    if kind == "text/event-stream":
        # It checks each event by itself, and OpenAPI 3.1 can only describe the stream as a text.
        chosen = [one for one in CHECKS if one is not checks.response_schema_conformance]
        found.extend(wrong_events(response.content.decode()))
    try:
        case.validate_response(response, checks=chosen)
    except FailureGroup as group:
        found.extend(f"{failure.title}: {failure.message}" for failure in group.exceptions)
    except Failure as failure:
        found.append(f"{failure.title}: {failure.message}")
    for what in found:
        failures.setdefault((name, response.status_code, what[:200]), describe(case, response))


def wrong_events(stream):
    """What is wrong with the events of a job."""
    for event in stream.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in event.splitlines() if ": " in line)
        if "event" in fields and (fields["event"] not in EVENTS or "status" not in json.loads(fields["data"])):
            yield f"undocumented event {fields['event']}"


def is_no_fault(name, status):
    """Whether the server of a URL is at fault, or the service says that it does not take work."""
    return status == 502 or (name, status) == ("getReadiness", 503)


def settings(examples, **others):
    return hypothesis.settings(
        max_examples=examples, deadline=None, database=None, phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck), **others,
    )


def follow_links(schema, until):
    """Follows the document's links until so many cases were sent."""
    base = schema.as_state_machine()

    class Workflow(base):
        def before_call(self, case):
            improve(case)

        def call(self, case, **_):
            return send(case)

        def validate_response(self, response, case, **_):
            pass

    turn = 0
    while counts["cases"] < until:
        turn += 1
        machine = hypothesis.seed(seed * 1000 + turn)(Workflow)
        try:
            hypothesis.stateful.run_state_machine_as_test(machine, settings=settings(20, stateful_step_count=12))
        except hypothesis.errors.Flaky:
            # The same steps led to another state, since jobs go on meanwhile. The answers were checked all the same.
            counts["restarted"] += 1


def ask_everything(schema, until):
    """Sends cases to every operation in turn until so many were sent in all."""
    operations = [result.ok() for result in schema.get_all_operations()]
    turn = 0
    while counts["cases"] < until:
        turn += 1
        for operation in operations:
            for mode in GenerationMode:
                try:
                    strategy = operation.as_strategy(generation_mode=mode)
                except Exception as error:  # noqa: BLE001
                    counts[type(error).__name__] += 1
                    continue

                @hypothesis.seed(seed * 1000 + turn)
                @settings(3)
                @hypothesis.given(case=strategy)
                def test(case):
                    improve(case)
                    send(case)

                try:
                    test()
                except hypothesis.errors.Flaky:
                    counts["restarted"] += 1
                except (hypothesis.errors.Unsatisfiable, hypothesis.errors.InvalidArgument):
                    # Nothing in an operation without parameters and body can be wrong.
                    counts["unsatisfiable"] += 1


def main():
    random.seed(seed)
    # The document's own links alone: others that it might infer lead from keys to jobs, since both have an `id`.
    config = schemathesis.Config.from_dict({"phases": {"stateful": {"inference": {"algorithms": []}}}})
    schema = schemathesis.openapi.from_path(document, config=config)
    schema.config.update(base_url=url)
    follow_links(schema, wanted // 2)
    counts["by_links"] = counts["cases"]
    # Links may lead to more than their half, and each operation has to be asked all the same.
    ask_everything(schema, counts["cases"] + wanted // 2)
    expected = EXPECTED | (EXPECTED_OF_MANY if counts["cases"] >= MANY else {})
    missing = [f"{name} {status}" for (name, status) in expected.items() if not answers[name, status]]
    report = {
        "seed": seed, **counts, "missing": missing,
        "answers": {f"{name} {status}": count for (name, status), count in sorted(answers.items())},
        "failures": [f"{name} {status}: {what}\n  {case}" for (name, status, what), case in failures.items()],
    }
    print(json.dumps(report, indent=1))
    sys.exit(1 if failures or missing else 0)


main()
