{{/* The pod of a part.

Context: root, name, values (the part's values) and spec:
  command, args, env (YAML list), config (settings), ports [{name, port}], check, readyCheck, startSeconds (probes),
  volumes, mounts (YAML lists), tmpSize, image (default: the part's), init (containers), beside (containers),
  sharedProcesses (containers see each other's), restartPolicy (jobs), claims (the stateful set's).
Every container gets the restricted security context, /tmp and the common environment. */}}

{{- define "lumbung-lib.podTemplate" -}}
{{- $spec := .spec -}}
{{- $values := .values -}}
metadata:
  labels:
    {{- /* Without versions: a pod restarts when something of its own changes. */}}
    {{- include "lumbung-lib.selectorLabels" . | nindent 4 }}
    {{- with $values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    {{- if $spec.config }}
    lumbung/config: {{ $spec.config | toYaml | sha256sum | trunc 16 | quote }}
    {{- end }}
    kubectl.kubernetes.io/default-container: {{ .name }}
    {{- with $values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "lumbung-lib.fullname" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- if $spec.sharedProcesses }}
  shareProcessNamespace: true
  {{- end }}
  {{- with $spec.restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  {{- if not $spec.restartPolicy }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds | default 60 }}
  {{- end }}
  securityContext: {{- include "lumbung-lib.podSecurity" . | nindent 4 }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets: {{- range . }}
    - name: {{ . }}
  {{- end }}
  {{- end }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if not $spec.restartPolicy }}
  topologySpreadConstraints:
    {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
    - topologyKey: {{ . }}
      maxSkew: 1
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "lumbung-lib.selectorLabels" $ | nindent 10 }}
    {{- end }}
  {{- end }}
  {{- if $spec.init }}
  initContainers:
    {{- range $spec.init }}
    {{- include "lumbung-lib.container" (merge (dict "container" .) $) | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    {{- $main := dict "name" .name "resources" $values.resources "lifecycle" true }}
    {{- include "lumbung-lib.container" (merge (dict "container" (merge $main $spec)) $) | nindent 4 }}
    {{- range $spec.beside }}
    {{- include "lumbung-lib.container" (merge (dict "container" (merge (dict "lifecycle" true) .)) $) | nindent 4 }}
    {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: {{ $spec.tmpSize | default "256Mi" }}}
    {{- if $spec.config }}
    - name: config
      configMap: {name: {{ include "lumbung-lib.fullname" . }}, defaultMode: 0444}
    {{- end }}
    {{- with $spec.volumes }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}

{{- define "lumbung-lib.container" -}}
{{- $container := .container -}}
{{- $values := .values -}}
- name: {{ $container.name }}
  {{- include "lumbung-lib.imageFields" (dict "root" .root "image" ($container.image | default $values.image)) | nindent 2 }}
  {{- with $container.command }}
  command: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $container.args }}
  args: {{- toYaml . | nindent 4 }}
  {{- end }}
  env:
    {{- include "lumbung-lib.env" . | nindent 4 }}
    {{- if .spec.config }}
    - {name: LUMBUNG_CONFIG, value: /etc/lumbung/config.yaml}
    {{- end }}
    {{- with $container.env }}{{ toYaml . | nindent 4 }}{{ end }}
    {{- range $name, $value := $values.env }}
    - {name: {{ $name }}, value: {{ $value | quote }}}
    {{- end }}
  {{- with $container.ports }}
  ports:
    {{- range . }}
    - {name: {{ .name }}, containerPort: {{ .port }}, protocol: TCP}
    {{- end }}
  {{- end }}
  {{- if $container.check }}
  {{- include "lumbung-lib.probes" $container | nindent 2 }}
  {{- end }}
  {{- if and $container.lifecycle (not .spec.restartPolicy) ($values.preStopSeconds | default 0) }}
  # Until every peer has heard that this pod is leaving, it goes on answering.
  lifecycle: {preStop: {sleep: {seconds: {{ $values.preStopSeconds }}}}}
  {{- end }}
  securityContext: {{- include "lumbung-lib.containerSecurity" . | nindent 4 }}
  resources: {{- toYaml ($container.resources | default $values.resources) | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- if .spec.config }}
    - {name: config, mountPath: /etc/lumbung/config.yaml, subPath: config.yaml, readOnly: true}
    {{- end }}
    {{- with $container.mounts }}{{ toYaml . | nindent 4 }}{{ end }}
{{- end -}}
