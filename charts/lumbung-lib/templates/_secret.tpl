{{/* A Secret whose values are made once. What the cluster already holds is kept, key by key; `helm template` without a
cluster makes new values at every run, so where manifests are rendered outside (GitOps), name existing Secrets instead.

Context: root, name, keys (list of names), more (dict of values made by the caller when the key is missing). */}}

{{- define "lumbung-lib.secret" -}}
{{- $name := include "lumbung-lib.fullname" . -}}
{{- $found := (lookup "v1" "Secret" .root.Release.Namespace $name) | default dict -}}
{{- $present := $found.data | default dict -}}
apiVersion: v1
kind: Secret
metadata:
  {{- include "lumbung-lib.metadata" . | nindent 2 }}
  {{- if .root.Values.secrets.keep }}
  annotations: {helm.sh/resource-policy: keep}
  {{- end }}
type: Opaque
data:
  {{- range .keys }}
  {{ . }}: {{ (index $present .) | default (randAlphaNum 40 | b64enc) | quote }}
  {{- end }}
  {{- range $key, $value := .more }}
  {{ $key }}: {{ (index $present $key) | default ($value | b64enc) | quote }}
  {{- end }}
{{- end -}}
