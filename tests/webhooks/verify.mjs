// Reads a webhook as JSON ({secret, headers, body}) and says whether npm's standardwebhooks accepts it.
import { readFileSync } from "node:fs";
import { Webhook, WebhookVerificationError } from "standardwebhooks";

const message = JSON.parse(readFileSync(0, "utf8"));
try {
  new Webhook(message.secret).verify(message.body, message.headers);
  console.log("accepted");
} catch (error) {
  if (!(error instanceof WebhookVerificationError)) throw error;
  console.log("refused");
}
