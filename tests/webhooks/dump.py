"""Reads a webhook as JSON ({secret, signature, body}) and says whether a receiver accepts it that parses the body and writes
it again, as those of the service before this one do (`request.get_json()` of Flask, then `json.dumps`)."""

import hashlib
import hmac
import json
import sys

message = json.load(sys.stdin)
dumped = json.dumps(json.loads(message["body"]), sort_keys=True).encode()
signature = hmac.new(message["secret"].encode(), dumped, hashlib.sha256).hexdigest()
print("accepted" if hmac.compare_digest(f"sha256={signature}", message["signature"]) else "refused")
