"""Reads a webhook as JSON ({secret, headers, body}) and says whether PyPI's standardwebhooks accepts it."""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

message = json.load(sys.stdin)
try:
    Webhook(message["secret"]).verify(message["body"], message["headers"])
except WebhookVerificationError:
    print("refused")
else:
    print("accepted")
