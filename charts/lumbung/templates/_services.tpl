{{/* What is particular to each gRPC service: ports, secrets, folders. */}}

{{/* A new pod comes only when it can verify tokens: until then the old ones, which have the keys, answer. */}}
{{- define "lumbung.waitForKeys" -}}
name: sign-in
command: [python3, -m, servicekit.auth, "300"]
{{- end -}}

{{- define "lumbung.grpc" -}}
podsService: true
check: {grpc: {port: {{ .config.listen.port }}}}
startSeconds: 300
ports:
  - {name: grpc, port: {{ .config.listen.port }}, protocol: kubernetes.io/h2c}
  - {name: metrics, port: {{ .config.listen.metrics_port }}, protocol: http}
{{- end -}}

{{- define "lumbung.serviceEnv" -}}
{{ include "lumbung.secretEnv" (dict "root" .root "env" "LUMBUNG_IDENTITY__CLIENT_SECRET" "secret" "clients" "key" (printf "svc-%s" .name)) }}
{{ include "lumbung.secretEnv" (dict "root" .root "env" "LUMBUNG_POSTGRES__PASSWORD" "secret" "databases" "key" (printf "lumbung_%s" .name)) }}
{{- end -}}

{{- define "lumbung.spec.catalog" -}}
{{ include "lumbung.grpc" . }}
env:
  {{- include "lumbung.serviceEnv" (dict "root" .root "name" "catalog") | nindent 2 }}
  {{- include "lumbung.secretEnv" (dict "root" .root "env" "LUMBUNG_AUDIT__CHECKPOINT_KEY" "secret" "audit" "key" "checkpoint-key") | nindent 2 }}
{{- end -}}

{{- define "lumbung.spec.ingest" -}}
{{ include "lumbung.grpc" . }}
env:
  {{- include "lumbung.serviceEnv" (dict "root" .root "name" "ingest") | nindent 2 }}
  {{- include "lumbung.secretEnv.lake" .root | nindent 2 }}
  - {name: POLARS_MAX_THREADS, value: "2"}
volumes:
  - {name: work, emptyDir: {sizeLimit: {{ .values.workSize }}}}
  {{- include "lumbung.sources.volume" .root | nindent 2 }}
mounts:
  - {name: work, mountPath: /work}
  {{- include "lumbung.sources.mount" .root | nindent 2 }}
{{- end -}}

{{- define "lumbung.spec.compute" -}}
{{ include "lumbung.grpc" . }}
env:
  {{- include "lumbung.serviceEnv" (dict "root" .root "name" "compute") | nindent 2 }}
  {{- include "lumbung.secretEnv.lake" .root | nindent 2 }}
  - {name: POLARS_MAX_THREADS, value: "2"}
volumes:
  - {name: work, emptyDir: {sizeLimit: {{ .values.workSize }}}}
  {{- include "lumbung.daskTls.volume" .root | nindent 2 }}
  {{- if include "lumbung.dask.perRun" .root }}
  - name: dask-cluster
    configMap: {name: {{ include "lumbung.host" (dict "root" .root "name" "dask-cluster") }}, defaultMode: 0444}
  {{- include "lumbung-lib.apiToken.volume" . | nindent 2 }}
  {{- end }}
mounts:
  - {name: work, mountPath: /work}
  - {name: dask-tls, mountPath: /etc/lumbung/dask, readOnly: true}
  {{- if include "lumbung.dask.perRun" .root }}
  - {name: dask-cluster, mountPath: /etc/lumbung/dask-cluster, readOnly: true}
  {{- include "lumbung-lib.apiToken.mount" . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* The service and a Ray head share a pod: who gives orders to Ray has to be on one of its nodes.

embedded: each pod is a cluster of its own that serves every deployed model, so a second replica is a second pod, and nothing of
Ray leaves the pod but the models' two ports. The head has no probe: all of it listens on loopback, and it ends itself when one of
its processes dies. cluster: see ray.yaml. */}}
{{- define "lumbung.spec.inference" -}}
{{- $ray := .values.ray -}}
{{- $cluster := include "lumbung.ray.cluster" .root -}}
podsService: true
# Ray's library finds the node's own daemon among the processes.
sharedProcesses: true
check: {grpc: {port: {{ .config.listen.port }}}}
startSeconds: 300
{{- if $cluster }}
# One: two heads would be two clusters.
kind: StatefulSet
replicas: 1
claims:
  {{- include "lumbung-lib.claim" (dict "name" "ray-state" "persistence" $ray.persistence) | nindent 2 }}
{{- end }}
ports:
  - {name: grpc, port: {{ .config.listen.port }}, protocol: kubernetes.io/h2c}
  - {name: metrics, port: {{ .config.listen.metrics_port }}, protocol: http}
  - {name: replica-metrics, port: 18038, protocol: http}
  {{- if $cluster }}
  - {name: discovery, port: {{ .config.ray.discovery.port }}, protocol: http}
  {{- else }}
  - {name: serve-grpc, port: 18050, protocol: kubernetes.io/h2c}
  - {name: serve-http, port: 18052, protocol: http}
  {{- end }}
env:
  {{- include "lumbung.serviceEnv" (dict "root" .root "name" "inference") | nindent 2 }}
  {{- include "lumbung.secretEnv.s3" .root | nindent 2 }}
  {{- if $cluster }}
  {{- include "lumbung-lib.podIpEnv" . | nindent 2 }}
  # Its own node, and not the head by its name, which may still lead to the one before.
  - {name: LUMBUNG_RAY__ADDRESS, value: "$(POD_IP):18030"}
  {{- end }}
volumes:
  {{- include "lumbung.ray.volumes" .root | nindent 2 }}
mounts: &mounts
  {{- include "lumbung.ray.mounts" .root | nindent 2 }}
beside:
  - name: ray
    {{- if $cluster }}
    {{- include "lumbung.ray.node" (dict "root" .root "role" "head" "more" (list "--state" "/state/ray")) | nindent 4 }}
    {{- else }}
    command: [python3, -m, inference_service.ray_head]
    args: [--base-port, "18000", --folder, /ray, --token-path, /etc/lumbung/ray/token, --metrics-host, 0.0.0.0]
    env:
      - {name: RAY_agent_register_timeout_ms, value: "120000"}
    mounts: *mounts
    {{- end }}
    resources: {{- toYaml $ray.resources | nindent 6 }}
{{- end -}}
