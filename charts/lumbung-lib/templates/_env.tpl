{{/* Environment of every container (our images have the rest), and references to Secrets. */}}

{{- define "lumbung-lib.env" -}}
- {name: HOME, value: /tmp}
- {name: TMPDIR, value: /tmp}
{{- end -}}

{{/* `dict "env" "NAME" "secret" "object" "key" "key"` */}}
{{- define "lumbung-lib.secretEnv" -}}
- name: {{ .env }}
  valueFrom: {secretKeyRef: {name: {{ .secret }}, key: {{ .key }}}}
{{- end -}}

{{- define "lumbung-lib.podIpEnv" -}}
- name: POD_IP
  valueFrom: {fieldRef: {fieldPath: status.podIP}}
{{- end -}}
