{{/* Names, labels, and what several templates derive from the values. */}}

{{- define "huemill.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* Short enough for the suffixes of the other objects. */}}
{{- define "huemill.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- $name := include "huemill.name" . }}
{{- if contains $name .Release.Name }}
{{- .Release.Name | trunc 45 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 45 | trimSuffix "-" }}
{{- end }}
{{- end }}
{{- end }}

{{- define "huemill.selectorLabels" -}}
app.kubernetes.io/name: {{ include "huemill.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "huemill.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "huemill.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "huemill.serviceAccountName" -}}
{{- $default := ternary (include "huemill.fullname" .) "default" .Values.serviceAccount.create }}
{{- default $default .Values.serviceAccount.name }}
{{- end }}

{{- define "huemill.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end }}

{{- define "huemill.isPostgresql" -}}
{{- if eq .Values.store.kind "postgresql" }}true{{ end }}
{{- end }}

{{- define "huemill.claimName" -}}
{{- default (printf "%s-data" (include "huemill.fullname" .)) .Values.persistence.existingClaim }}
{{- end }}

{{/* The name of the port for probes and monitoring. */}}
{{- define "huemill.operationsPort" -}}
{{- ternary "operations" "http" .Values.operations.enabled }}
{{- end }}

{{- define "huemill.operationsScheme" -}}
{{- if and .Values.tls.existingSecret (not .Values.operations.enabled) }}HTTPS{{ else }}HTTP{{ end }}
{{- end }}

{{- define "huemill.publicUrl" -}}
{{- if .Values.publicUrl }}
{{- .Values.publicUrl }}
{{- else if .Values.ingress.enabled }}
{{- printf "%s://%s" (ternary "https" "http" (not (empty .Values.ingress.tls))) (first .Values.ingress.hosts) }}
{{- end }}
{{- end }}

{{/*
How long a pod may take to stop: the hook, the time limits of the settings, and the 20 seconds that actors, runtimes and
the last spans have after those, rounded up.
*/}}
{{- define "huemill.gracePeriod" -}}
{{- if .Values.terminationGracePeriodSeconds }}
{{- if le (int64 .Values.terminationGracePeriodSeconds) (int64 .Values.preStopSeconds) }}
{{- fail "terminationGracePeriodSeconds must be above preStopSeconds, which is a part of it" }}
{{- end }}
{{- .Values.terminationGracePeriodSeconds | int64 }}
{{- else }}
{{- $delay := dig "server" "shutdown_delay_ms" 500 .Values.settings | int64 }}
{{- $requests := dig "server" "drain_seconds" 40 .Values.settings | int64 }}
{{- $pictures := dig "jobs" "drain_timeout_seconds" 20 .Values.settings | int64 }}
{{- add (.Values.preStopSeconds | int64) (div (add $delay 999) 1000) $requests $pictures 25 }}
{{- end }}
{{- end }}

{{/* A file of rules or a dashboard, with the address of the runbook that the values have. It is no template itself. */}}
{{- define "huemill.copy" -}}
{{- $published := "https://huemill.example/observability/RUNBOOK.md" }}
{{- .chart.Files.Get .path | replace $published (default $published .chart.Values.monitoring.runbookUrl) }}
{{- end }}

{{/*
The settings as TOML. They are numbers, texts, truth values, and lists of these: as JSON, each is TOML too. Helm's
`toToml` writes whole numbers as fractions, which the service refuses.
*/}}
{{- define "huemill.settings" -}}
{{- $lines := list }}
{{- range $section, $keys := .Values.settings }}
{{- $lines = append $lines (printf "[%s]" $section) }}
{{- range $key, $value := $keys }}
{{- $lines = append $lines (printf "%s = %s" $key (toRawJson $value)) }}
{{- end }}
{{- end }}
{{- join "\n" $lines }}
{{- end }}
