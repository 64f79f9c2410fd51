{{/* Rights of a part at the API server, in its own namespace only, and the token to use them with. */}}

{{/* Context: root, name (of the part, also of its account), rules. */}}
{{- define "lumbung-lib.role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{- include "lumbung-lib.metadata" . | nindent 2 }}
rules: {{- toYaml .rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{- include "lumbung-lib.metadata" . | nindent 2 }}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: {{ include "lumbung-lib.fullname" . }}}
subjects:
  - {kind: ServiceAccount, name: {{ include "lumbung-lib.fullname" . }}, namespace: {{ .root.Release.Namespace }}}
{{- end -}}

{{/* The account's token for one container, where clients look for it; pods themselves mount none. */}}
{{- define "lumbung-lib.apiToken.volume" -}}
- name: api-token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken: {path: token, expirationSeconds: 3600}
      - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
      - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end -}}

{{- define "lumbung-lib.apiToken.mount" -}}
- {name: api-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end -}}
