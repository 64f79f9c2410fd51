{{/* A whole part: account, settings, workload, service, budget, scaler, network policy.

Context: root, name, values, spec (see _pod.tpl), and in spec also: kind (Deployment or StatefulSet), strategy,
podsService (yes: a headless service beside the other), claims (volumeClaimTemplates), noService. */}}

{{- define "lumbung-lib.part" -}}
{{- $spec := .spec -}}
{{- $scaled := and (.values.autoscaling | default dict).enabled (ne ($spec.kind | default "Deployment") "StatefulSet") -}}
{{ include "lumbung-lib.serviceAccount" . }}
{{- if $spec.config }}
---
{{ include "lumbung-lib.configMap" (merge (dict "config" $spec.config) .) }}
{{- end }}
---
apiVersion: apps/v1
kind: {{ $spec.kind | default "Deployment" }}
metadata: {{- include "lumbung-lib.metadata" . | nindent 2 }}
spec:
  {{- if not $scaled }}
  replicas: {{ $spec.replicas | default .values.replicas | default 1 }}
  {{- end }}
  revisionHistoryLimit: 3
  selector:
    matchLabels: {{- include "lumbung-lib.selectorLabels" . | nindent 6 }}
  {{- if eq ($spec.kind | default "Deployment") "StatefulSet" }}
  serviceName: {{ include "lumbung-lib.fullname" . }}-pods
  # Otherwise a pod that never became ready would keep its own mending from being rolled out.
  podManagementPolicy: Parallel
  {{- else if eq ($spec.strategy | default "") "Recreate" }}
  strategy: {type: Recreate}
  {{- else }}
  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}
  {{- end }}
  template: {{- include "lumbung-lib.podTemplate" . | nindent 4 }}
  {{- with $spec.claims }}
  volumeClaimTemplates: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- if not $spec.noService }}
---
{{ include "lumbung-lib.service" . }}
{{- end }}
{{- if or $spec.podsService (eq ($spec.kind | default "Deployment") "StatefulSet") }}
---
{{ include "lumbung-lib.podsService" . }}
{{- end }}
---
{{ include "lumbung-lib.podDisruptionBudget" . }}
{{- if $scaled }}
---
{{ include "lumbung-lib.horizontalPodAutoscaler" . }}
{{- end }}
{{- end -}}

{{/* A claim of a stateful set: `dict "root" $ "name" "data" "persistence" values` */}}
{{- define "lumbung-lib.claim" -}}
- metadata: {name: {{ .name }}}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .persistence.storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources: {requests: {storage: {{ .persistence.size }}}}
{{- end -}}
