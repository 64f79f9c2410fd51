{{/* The objects around a pod. */}}

{{- define "lumbung-lib.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "lumbung-lib.metadata" . | nindent 2 }}
  {{- with (.values.serviceAccount | default dict).annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}

{{- define "lumbung-lib.service" -}}
{{- $service := .values.service | default dict -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "lumbung-lib.metadata" . | nindent 2 }}
  {{- with $service.annotations }}
  annotations: {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $service.type | default "ClusterIP" }}
  selector: {{- include "lumbung-lib.selectorLabels" . | nindent 4 }}
  ports: {{- include "lumbung-lib.servicePorts" (dict "ports" .spec.ports "nodePorts" $service.nodePorts) | nindent 4 }}
{{- end -}}

{{/* Without an address of its own: its name gives every ready pod, so that the caller itself can balance. */}}
{{- define "lumbung-lib.podsService" -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "lumbung-lib.fullname" . }}-pods
  namespace: {{ .root.Release.Namespace }}
  labels: {{- include "lumbung-lib.labels" . | nindent 4 }}
spec:
  clusterIP: None
  selector: {{- include "lumbung-lib.selectorLabels" . | nindent 4 }}
  ports: {{- include "lumbung-lib.servicePorts" (dict "ports" .spec.ports) | nindent 4 }}
{{- end -}}

{{- define "lumbung-lib.servicePorts" -}}
{{- $nodePorts := .nodePorts | default dict -}}
{{- range .ports }}
{{- if not .private }}
- name: {{ .name }}
  port: {{ .port }}
  targetPort: {{ .name }}
  protocol: TCP
  appProtocol: {{ .protocol | default "tcp" }}
  {{- with index $nodePorts .name }}
  nodePort: {{ . }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "lumbung-lib.podDisruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{- include "lumbung-lib.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ (.values.podDisruptionBudget | default dict).maxUnavailable | default 1 }}
  selector:
    matchLabels: {{- include "lumbung-lib.selectorLabels" . | nindent 6 }}
{{- end -}}

{{- define "lumbung-lib.horizontalPodAutoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{- include "lumbung-lib.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ include "lumbung-lib.fullname" . }}}
  minReplicas: {{ .values.autoscaling.minReplicas }}
  maxReplicas: {{ .values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target: {type: Utilization, averageUtilization: {{ .values.autoscaling.targetCPUPercent }}}
  behavior:
    scaleDown: {stabilizationWindowSeconds: 300}
{{- end -}}
