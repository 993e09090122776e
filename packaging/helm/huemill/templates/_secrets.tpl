{{/* Secrets: which are set, where they come from, and as which files pods read them. */}}

{{/* The secrets that are set, in a fixed order: [{variable, file, value, object, key}]. */}}
{{- define "huemill.secrets" -}}
{{- $variables := dict "databaseUrl" "DATABASE_URL" "operatorToken" "OPERATOR_TOKEN" "webhookSecret" "WEBHOOK_SECRET"
  "webhookSecretPrevious" "WEBHOOK_SECRET_PREVIOUS" "s3AccessKeyId" "AWS_ACCESS_KEY_ID"
  "s3SecretAccessKey" "AWS_SECRET_ACCESS_KEY" }}
{{- $secrets := list }}
{{- range $name := keys $variables | sortAlpha }}
{{- $secret := index $.Values.secrets $name }}
{{- if or $secret.existingSecret $secret.value }}
{{- $own := printf "%s-secrets" (include "huemill.fullname" $) }}
{{- $file := kebabcase $name }}
{{- $secrets = append $secrets (dict "variable" (index $variables $name) "file" $file "value" $secret.value
  "object" (default $own $secret.existingSecret) "key" (ternary $secret.key $file (empty $secret.value))) }}
{{- end }}
{{- end }}
{{- toJson $secrets }}
{{- end }}

{{- define "huemill.secretVariables" -}}
{{- range include "huemill.secrets" . | fromJsonArray }}
- name: {{ .variable }}_FILE
  value: /etc/huemill/secrets/{{ .file }}
{{- end }}
{{- end }}

{{- define "huemill.secretSources" -}}
{{- range include "huemill.secrets" . | fromJsonArray }}
- secret:
    name: {{ .object }}
    items:
      - {key: {{ .key | quote }}, path: {{ .file }}}
{{- end }}
{{- end }}
