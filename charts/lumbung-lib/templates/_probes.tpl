{{/* Probes. Startup is patient, readiness quick, liveness slow to judge: a busy service is not a dead one. */}}

{{- define "lumbung-lib.probes" -}}
{{- $check := .check | toYaml -}}
startupProbe:
  {{- $check | nindent 2 }}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: {{ div (.startSeconds | default 180) 2 }}
readinessProbe:
  {{- (.readyCheck | default .check) | toYaml | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  {{- $check | nindent 2 }}
  periodSeconds: 15
  timeoutSeconds: 10
  failureThreshold: 4
{{- end -}}
