{{/* Databases that ingest reads: `ingest.sources` as settings, as calls that leave the release, and as files with their passwords. */}}

{{- define "lumbung.sources.settings" -}}
{{- with .Values.ingest.sources }}
sources:
  secrets_dir: /etc/lumbung/sources
  {{- if $.Values.ingest.sourcesCa.existingSecret }}
  ca_file: /etc/lumbung/sources/ca.crt
  {{- end }}
  hosts:
    {{- range . }}
    - {host: {{ .host | quote }}, port: {{ .port }}, secrets: {{ include "lumbung.sources.names" . }}}
    {{- end }}
{{- end }}
{{- end -}}

{{- define "lumbung.sources.names" -}}
{{- $names := list }}
{{- range .secrets }}{{ $names = append $names .name }}{{ end }}
{{- $names | toJson }}
{{- end -}}

{{- define "lumbung.sources.outsideFlows" -}}
{{- range .Values.ingest.sources }}
- {port: {{ .port }}, cidrs: {{ .cidrs | toJson }}, callers: [ingest]}
{{- end }}
{{- end -}}

{{/* One file per secret, named after it. A Secret that is missing fails the runs that need it, and not the service. */}}
{{- define "lumbung.sources.volume" -}}
{{- $files := dict }}
{{- range .Values.ingest.sources }}
{{- range .secrets }}
{{- $key := .key | default "password" }}
{{- $file := dict "name" .existingSecret "optional" true "items" (list (dict "key" $key "path" .name)) }}
{{- if and (hasKey $files .name) (ne (index $files .name | toJson) ($file | toJson)) }}
{{- fail (printf "ingest.sources: the secret %s is named twice, with different Secrets or keys" .name) }}
{{- end }}
{{- $_ := set $files .name $file }}
{{- end }}
{{- end }}
{{- with .Values.ingest.sourcesCa.existingSecret }}
{{- $_ := set $files "ca.crt" (dict "name" . "items" (list (dict "key" "ca.crt" "path" "ca.crt"))) }}
{{- end }}
{{- if $files }}
- name: sources
  projected:
    defaultMode: 0440
    sources:
      {{- range $name, $file := $files }}
      - secret: {{ $file | toJson }}
      {{- end }}
{{- end }}
{{- end -}}

{{- define "lumbung.sources.mount" -}}
{{- if include "lumbung.sources.volume" . }}
- {name: sources, mountPath: /etc/lumbung/sources, readOnly: true}
{{- end }}
{{- end -}}
