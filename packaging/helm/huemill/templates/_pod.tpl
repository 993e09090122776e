{{/* The pod, which both shapes share, and its parts. */}}

{{- define "huemill.podTemplate" -}}
metadata:
  annotations:
    checksum/settings: {{ include "huemill.settings" . | sha256sum }}
    {{- with include (print $.Template.BasePath "/secret.yaml") . | trim }}
    checksum/secrets: {{ sha256sum . }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "huemill.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "huemill.serviceAccountName" . }}
  automountServiceAccountToken: false
  # Settings are variables too, so there are none but those below.
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "huemill.gracePeriod" . }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  containers:
    - name: huemill
      {{- include "huemill.container" . | nindent 6 }}
  volumes:
    {{- include "huemill.volumes" . | nindent 4 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if include "huemill.isPostgresql" . }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "huemill.selectorLabels" . | nindent 10 }}
  {{- end }}
{{- end }}

{{- define "huemill.container" -}}
image: {{ include "huemill.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args: [serve, --config, /etc/huemill/huemill.toml]
env:
  {{- include "huemill.variables" . | trim | nindent 2 }}
ports:
  - {name: http, containerPort: 8080}
  {{- if .Values.operations.enabled }}
  - {name: operations, containerPort: 9090}
  {{- end }}
{{- include "huemill.probes" . | trim | nindent 0 }}
{{- if .Values.preStopSeconds }}
# Services send requests for some seconds after a pod has begun to end: SIGTERM comes later than that.
lifecycle:
  preStop:
    sleep:
      seconds: {{ .Values.preStopSeconds }}
{{- end }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
volumeMounts:
  - {name: data, mountPath: /data}
  - {name: tmp, mountPath: /tmp}
  - {name: settings, mountPath: /etc/huemill/huemill.toml, subPath: huemill.toml, readOnly: true}
  {{- if include "huemill.secretSources" . }}
  - {name: secrets, mountPath: /etc/huemill/secrets, readOnly: true}
  {{- end }}
  {{- if .Values.tls.existingSecret }}
  - {name: tls, mountPath: /etc/huemill/tls, readOnly: true}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* The environment. Commands in the pod (`kubectl exec`) find the service by it. */}}
{{- define "huemill.variables" -}}
{{- $address := .Values.listenAddress }}
- name: HOST
  value: {{ $address | quote }}
- name: PORT
  value: "8080"
- name: DATA_DIR
  value: /data
{{- if .Values.operations.enabled }}
- name: HUEMILL__SERVER__OPERATIONS
  value: {{ printf "%s:9090" (ternary (printf "[%s]" $address) $address (contains ":" $address)) | quote }}
{{- end }}
{{- with include "huemill.publicUrl" . }}
- name: PUBLIC_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.blobs.url }}
- name: BLOB_URL
  value: {{ . | quote }}
{{- end }}
{{- with .Values.blobs.region }}
- name: AWS_REGION
  value: {{ . | quote }}
{{- end }}
{{- with .Values.blobs.endpoint }}
- name: AWS_ENDPOINT_URL_S3
  value: {{ . | quote }}
{{- end }}
{{- if .Values.tls.existingSecret }}
- name: HUEMILL__TLS__CERTIFICATE
  value: /etc/huemill/tls/tls.crt
- name: HUEMILL__TLS__KEY
  value: /etc/huemill/tls/tls.key
{{- if .Values.tls.clientCa }}
- name: HUEMILL__TLS__CLIENT_CA
  value: /etc/huemill/tls/ca.crt
{{- end }}
{{- end }}
{{- with .Values.traces.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- include "huemill.secretVariables" . }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The probes of observability/probes.yaml, with the port by its name. */}}
{{- define "huemill.probes" -}}
{{- $recommended := .Files.Get "files/probes.yaml" | fromYaml }}
{{- if not $recommended.livenessProbe }}
{{- fail "the chart's links are not resolved: check it out with symbolic links, or install its package" }}
{{- end }}
{{- $endpoint := dict "port" (include "huemill.operationsPort" .) }}
{{- if eq (include "huemill.operationsScheme" .) "HTTPS" }}
{{- $_ := set $endpoint "scheme" "HTTPS" }}
{{- end }}
{{- range $name := list "livenessProbe" "readinessProbe" }}
{{- $probe := index $recommended $name }}
{{- $_ := set $probe "httpGet" (merge (deepCopy $endpoint) $probe.httpGet) }}
{{- $changes := index $.Values.probes (trimSuffix "Probe" $name) }}
{{ $name }}:
  {{- mergeOverwrite $probe $changes | toYaml | nindent 2 }}
{{- end }}
startupProbe:
  {{- mergeOverwrite (dict "httpGet" $recommended.livenessProbe.httpGet) .Values.probes.startup | toYaml | nindent 2 }}
{{- end }}

{{- define "huemill.volumes" -}}
- name: data
  {{- if include "huemill.isPostgresql" . }}
  emptyDir: {sizeLimit: {{ .Values.spool.size }}}
  {{- else }}
  persistentVolumeClaim: {claimName: {{ include "huemill.claimName" . }}}
  {{- end }}
- name: tmp
  emptyDir: {sizeLimit: 1Gi}
- name: settings
  configMap: {name: {{ include "huemill.fullname" . }}-settings}
{{- with include "huemill.secretSources" . }}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- . | trim | nindent 6 }}
{{- end }}
{{- with .Values.tls.existingSecret }}
- name: tls
  secret: {secretName: {{ . }}, defaultMode: 0440}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}
