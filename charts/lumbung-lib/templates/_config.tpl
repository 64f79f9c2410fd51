{{/* Settings of a part: what the chart knows (addresses), with the part's `config` over it. YAML of the same schema that
the program reads on a laptop; secrets are never in it. */}}

{{- define "lumbung-lib.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata: {{- include "lumbung-lib.metadata" . | nindent 2 }}
data:
  config.yaml: |
    {{- .config | toYaml | nindent 4 }}
{{- end -}}
