{{/* Names and labels. `dict "root" $ "name" "catalog"` is the context of everything that belongs to one part. */}}

{{- define "lumbung-lib.release" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Name of a part's objects: release and part. */}}
{{- define "lumbung-lib.fullname" -}}
{{- printf "%s-%s" (include "lumbung-lib.release" .root) .name -}}
{{- end -}}

{{- define "lumbung-lib.selectorLabels" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/component: {{ .name }}
{{- end -}}

{{- define "lumbung-lib.labels" -}}
{{ include "lumbung-lib.selectorLabels" . }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "lumbung-lib.metadata" -}}
name: {{ include "lumbung-lib.fullname" . }}
namespace: {{ .root.Release.Namespace }}
labels: {{- include "lumbung-lib.labels" . | nindent 2 }}
{{- end -}}
