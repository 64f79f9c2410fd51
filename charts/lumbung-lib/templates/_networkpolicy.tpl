{{/* Network policies from one table of flows; what is not in it is refused.

Context: root, name, flows (part → port or "first-last" → callers; "*" is anybody, a key of `peers` those peers), peers,
outside (list of {port, callers, cidrs}: addresses beyond the release, by default networkPolicy.outsideCidrs). */}}

{{- define "lumbung-lib.networkPolicy" -}}
{{- $root := .root -}}
{{- $name := .name -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- $named := .peers -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{- include "lumbung-lib.metadata" . | nindent 2 }}
spec:
  podSelector:
    matchLabels: {{- include "lumbung-lib.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
  {{- $ingress := index .flows $name }}
  ingress: {{- if not $ingress }} []{{ end }}
    {{- range $port, $callers := $ingress }}
    - ports: [{{ include "lumbung-lib.flowPort" $port }}]
      {{- if not (has "*" $callers) }}
      from:
        {{- range $callers }}
        {{- if hasKey $named . }}
        {{- with index $named . }}{{ toYaml . | nindent 8 }}{{ end }}
        {{- else }}
        - podSelector:
            matchLabels: {{- include "lumbung-lib.selectorLabels" (dict "root" $root "name" .) | nindent 14 }}
        {{- end }}
        {{- end }}
      {{- end }}
    {{- end }}
  egress:
    - ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
      to: {{- toYaml $policy.dns | nindent 8 }}
    {{- range $part, $ports := .flows }}
    {{- range $port, $callers := $ports }}
    {{- if has $name $callers }}
    - ports: [{{ include "lumbung-lib.flowPort" $port }}]
      to:
        - podSelector:
            matchLabels: {{- include "lumbung-lib.selectorLabels" (dict "root" $root "name" $part) | nindent 14 }}
    {{- end }}
    {{- end }}
    {{- end }}
    {{- range .outside }}
    {{- if has $name .callers }}
    - ports: [{protocol: TCP, port: {{ .port }}}]
      to:
        {{- range .cidrs | default $policy.outsideCidrs }}
        - ipBlock: {cidr: {{ . | quote }}}
        {{- end }}
    {{- end }}
    {{- end }}
{{- end -}}

{{- define "lumbung-lib.flowPort" -}}
{{- $ends := splitList "-" (toString .) -}}
{protocol: TCP, port: {{ first $ends }}{{ if gt (len $ends) 1 }}, endPort: {{ last $ends }}{{ end }}}
{{- end -}}

{{/* No pod of the release gets or makes a call that another policy does not name. */}}
{{- define "lumbung-lib.denyAll" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{- include "lumbung-lib.metadata" (dict "root" . "name" "deny-all") | nindent 2 }}
spec:
  podSelector:
    matchLabels: {app.kubernetes.io/instance: {{ .Release.Name }}}
  policyTypes: [Ingress, Egress]
{{- end -}}
