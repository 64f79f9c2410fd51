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
mounts:
  - {name: work, mountPath: /work}
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

{{/* The service and a Ray head share a pod: who gives orders to Ray has to be on one of its nodes. Each pod is a cluster of
its own that serves every deployed model, so a second replica is a second pod, and nothing of Ray leaves the pod but the
models' two ports. The head has no probe: all of it listens on loopback, and it ends itself when one of its processes dies. */}}
{{- define "lumbung.spec.inference" -}}
{{- $ray := .values.ray -}}
podsService: true
# Ray's library finds the node's own daemon among the processes.
sharedProcesses: true
check: {grpc: {port: {{ .config.listen.port }}}}
startSeconds: 300
ports:
  - {name: grpc, port: {{ .config.listen.port }}, protocol: kubernetes.io/h2c}
  - {name: metrics, port: {{ .config.listen.metrics_port }}, protocol: http}
  - {name: serve-grpc, port: 18050, protocol: kubernetes.io/h2c}
  - {name: serve-http, port: 18052, protocol: http}
env:
  {{- include "lumbung.serviceEnv" (dict "root" .root "name" "inference") | nindent 2 }}
  {{- include "lumbung.secretEnv.s3" .root | nindent 2 }}
volumes:
  - {name: shared, emptyDir: {sizeLimit: {{ $ray.tmpSize }}}}
  - {name: shm, emptyDir: {medium: Memory, sizeLimit: {{ $ray.sharedMemory }}}}
  - {name: replica, emptyDir: {medium: Memory, sizeLimit: 1Mi}}
  - name: ray-token
    secret: {secretName: {{ include "lumbung.secret" (dict "root" .root "secret" "ray") }}, defaultMode: 0440}
mounts: &mounts
  - {name: shared, mountPath: /ray}
  - {name: shm, mountPath: /dev/shm}
  - {name: replica, mountPath: /run/lumbung}
  - {name: ray-token, mountPath: /etc/lumbung/ray, readOnly: true}
beside:
  - name: ray
    command: [python3, -m, inference_service.ray_head]
    args: [--base-port, "18000", --folder, /ray, --token-path, /etc/lumbung/ray/token]
    env:
      - {name: RAY_agent_register_timeout_ms, value: "120000"}
    resources: {{- toYaml $ray.resources | nindent 6 }}
    mounts: *mounts
{{- end -}}
