"""Values that the chart refuses, nearly all by its schema, and what the refusal says."""

POSTGRESQL = (
    "store: {kind: postgresql}, blobs: {url: 's3://bucket'}, secrets: {databaseUrl: {existingSecret: database}}"
)

REFUSALS = {
    # SQLite is for one process.
    "{replicas: 2}": "'/replicas': maximum: got 2, want 1",
    "{autoscaling: {enabled: true}}": "'/autoscaling/enabled'",
    "{secrets: {databaseUrl: {existingSecret: database}}}": "'/secrets/databaseUrl/existingSecret'",
    "{settings: {server: {role: worker}}}": "'/settings/server/role'",
    "{persistence: {accessModes: [ReadWriteMany]}}": "'/persistence/accessModes/0'",
    # Processes share a database and a blob store.
    "{store: {kind: postgresql}, blobs: {url: 's3://bucket'}}": "'/secrets/databaseUrl/existingSecret'",
    "{store: {kind: postgresql}, secrets: {databaseUrl: {existingSecret: database}}}": "'/blobs/url'",
    "{%s, networkPolicy: {enabled: true}}" % POSTGRESQL: "'/networkPolicy/store/to': minItems",
    "{store: {kind: mysql}}": "'/store/kind'",
    "{blobs: {url: 'gs://bucket'}}": "'/blobs/url'",
    "{blobs: {endpoint: 'https://user:word@s3.example.org'}}": "'/blobs/endpoint'",
    # Secrets.
    "{secrets: {operatorToken: {value: short}}}": "'/secrets/operatorToken/value'",
    "{secrets: {operatorToken: {existingSecret: token, value: sixteen characters}}}": "'/secrets/operatorToken",
    "{secrets: {databaseUrl: {value: 'mysql://host/database'}}}": "'/secrets/databaseUrl/value'",
    "{secrets: {webhookSecretPrevious: {existingSecret: webhooks}}}": "'/secrets/webhookSecret/existingSecret'",
    "{secrets: {s3AccessKeyId: {existingSecret: bucket}}}": "'/secrets/s3SecretAccessKey/existingSecret'",
    "{secrets: {s3SecretAccessKey: {existingSecret: bucket}}}": "'/secrets/s3AccessKeyId/existingSecret'",
    "{settings: {security: {require_signature: true}}}": "'/secrets/webhookSecret/existingSecret'",
    # What is the chart's to set, or no secret's place.
    "{settings: {security: {operator_token: sixteen characters}}}": "invalid propertyName 'operator_token'",
    "{settings: {store: {url: 'postgres://host/database'}}}": "invalid propertyName 'url'",
    "{settings: {server: {port: 80}}}": "invalid propertyName 'port'",
    "{settings: {tls: {key: /key.pem}}}": "invalid propertyName 'key'",
    "{settings: {data: {dir: /elsewhere}}}": "additional properties 'data' not allowed",
    "{settings: {wrokers: {count: 2}}}": "additional properties 'wrokers' not allowed",
    "{settings: {workers: {count: {of: 2}}}}": "'/settings/workers/count'",
    "{settings: {workers: 2}}": "'/settings/workers'",
    # Listeners and monitoring.
    "{tls: {existingSecret: tls, clientCa: true}}": "'/operations/enabled'",
    "{tls: {clientCa: true}, operations: {enabled: true}}": "'/tls/existingSecret'",
    "{ingress: {enabled: true}}": "'/ingress/hosts': minItems",
    "{settings: {access: {mode: keys}}, monitoring: {serviceMonitor: {enabled: true}}}": "'/secrets/operatorToken'",
    "{publicUrl: pictures.example.org}": "'/publicUrl'",
    "{service: {port: 0}}": "'/service/port'",
    # Limits and misspellings. The first two are rules of templates: a schema cannot compare.
    "{terminationGracePeriodSeconds: 10}": "terminationGracePeriodSeconds must be above preStopSeconds",
    "{%s, autoscaling: {enabled: true, minReplicas: 11}}" % POSTGRESQL: "minReplicas must not be above",
    "{autoscaling: {cpuUtilization: 0, queuedPictures: {perPod: 0}, waitingPictures: {perPod: 0}}}": "'/autoscaling",
    "{podDisruptionBudget: {maxUnavailable: 0}}": "'/podDisruptionBudget/maxUnavailable'",
    "{image: {digest: 'sha256:short'}}": "'/image/digest'",
    "{replicaCount: 1}": "additional properties 'replicaCount' not allowed",
}
