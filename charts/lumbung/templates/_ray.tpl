{{/* Nodes of Ray: a head, and in cluster mode workers. */}}

{{- define "lumbung.ray.cluster" -}}
{{- if eq .Values.inference.ray.mode "cluster" }}yes{{ end -}}
{{- end -}}

{{/* Ray's ports between its nodes, and those where replicas answer: gRPC, HTTP. */}}
{{- define "lumbung.ray.flows" -}}
18030-18036: [inference, ray-worker]
18100-18199: [inference, ray-worker]
18200-18215: [gateway, inference]
18220-18235: [gateway]
18038: [metrics]
{{- end -}}

{{- define "lumbung.ray.volumes" -}}
{{- $ray := .Values.inference.ray -}}
- {name: shared, emptyDir: {sizeLimit: {{ $ray.tmpSize }}}}
- {name: shm, emptyDir: {medium: Memory, sizeLimit: {{ $ray.sharedMemory }}}}
- {name: replica, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
- name: ray-token
  secret: {secretName: {{ include "lumbung.secret" (dict "root" . "secret" "ray") }}, defaultMode: 0440}
{{- end -}}

{{- define "lumbung.ray.mounts" -}}
- {name: shared, mountPath: /ray}
- {name: shm, mountPath: /dev/shm}
- {name: replica, mountPath: /run/lumbung}
- {name: ray-token, mountPath: /etc/lumbung/ray, readOnly: true}
{{- end -}}

{{/* Command, environment, probes and mounts of a node. Context: root, role (head or worker), more (arguments). */}}
{{- define "lumbung.ray.node" -}}
command: [python3, -m, inference_service.ray_node, {{ .role }}]
args:
  - --host
  - $(POD_IP)
  - --base-port
  - "18000"
  - --folder
  - /ray
  - --token-path
  - /etc/lumbung/ray/token
  - --leaving-path
  - /run/lumbung/leaving
  - --metrics-host
  - 0.0.0.0
  {{- toYaml .more | nindent 2 }}
env:
  {{- include "lumbung-lib.podIpEnv" . | nindent 2 }}
check: {tcpSocket: {port: 18031}}
startSeconds: 600
mounts:
  {{- include "lumbung.ray.mounts" .root | nindent 2 }}
  {{- if eq .role "head" }}
  - {name: ray-state, mountPath: /state}
  {{- end }}
{{- end -}}
