{{/* A job that can run twice. Its name carries the revision: a job cannot be changed, so each upgrade runs a new one
and Helm removes the old. */}}

{{- define "lumbung-lib.job" -}}
{{ include "lumbung-lib.serviceAccount" . }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ include "lumbung-lib.fullname" . }}-{{ .root.Release.Revision }}
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "lumbung-lib.labels" . | nindent 4 }}
spec:
  backoffLimit: {{ hasKey .spec "attempts" | ternary .spec.attempts 8 }}
  activeDeadlineSeconds: {{ .spec.seconds | default 900 }}
  template: {{- include "lumbung-lib.podTemplate" (merge (dict "spec" (merge (dict) .spec (dict "restartPolicy" "OnFailure"))) .) | nindent 4 }}
{{- end -}}
