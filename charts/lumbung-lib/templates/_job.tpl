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
  {{- include "lumbung-lib.jobSpec" . | nindent 2 }}
{{- end -}}

{{/* A job of a schedule, never two at once. Context: as a job's, and in spec also schedule (cron, UTC). */}}
{{- define "lumbung-lib.cronJob" -}}
{{ include "lumbung-lib.serviceAccount" . }}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{- include "lumbung-lib.metadata" . | nindent 2 }}
spec:
  schedule: {{ .spec.schedule | quote }}
  timeZone: Etc/UTC
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 3600
  successfulJobsHistoryLimit: 2
  failedJobsHistoryLimit: 3
  jobTemplate:
    metadata:
      labels: {{- include "lumbung-lib.labels" . | nindent 8 }}
    spec: {{- include "lumbung-lib.jobSpec" . | nindent 6 }}
{{- end -}}

{{- define "lumbung-lib.jobSpec" -}}
backoffLimit: {{ hasKey .spec "attempts" | ternary .spec.attempts 8 }}
activeDeadlineSeconds: {{ .spec.seconds | default 900 }}
template: {{- include "lumbung-lib.podTemplate" (merge (dict "spec" (merge (dict) .spec (dict "restartPolicy" "OnFailure"))) .) | nindent 2 }}
{{- end -}}
