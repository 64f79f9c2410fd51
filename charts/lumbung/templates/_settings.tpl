{{/* Settings files: what the chart knows, and over it what `<part>.config` says. */}}

{{/* `dict "root" $ "part" "catalog" "config" .Values.catalog.config` */}}
{{- define "lumbung.config" -}}
{{- $own := include (printf "lumbung.settings.%s" .part) .root | fromYaml -}}
{{- if $own.Error }}{{ fail (printf "settings of %s: %s" .part $own.Error) }}{{ end -}}
{{- mergeOverwrite $own (deepCopy (.config | default dict)) | toYaml -}}
{{- end -}}

{{- define "lumbung.settings.auth" -}}
auth:
  issuer: {{ include "lumbung.issuer" . }}
  jwks_url: {{ .Values.keycloak.external.jwksUrl | default (printf "%s/protocol/openid-connect/certs" (include "lumbung.realm" .)) }}
{{- end -}}

{{- define "lumbung.settings.identity" -}}
identity:
  token_url: {{ .root.Values.keycloak.external.tokenUrl | default (printf "%s/protocol/openid-connect/token" (include "lumbung.realm" .root)) }}
  client_id: {{ .client }}
{{- end -}}

{{- define "lumbung.settings.telemetry" -}}
telemetry:
  sample_ratio: {{ .Values.telemetry.sampleRatio }}
  log_level: {{ .Values.telemetry.logLevel }}
  {{- with include "lumbung.otlpEndpoint" . }}
  otlp_endpoint: {{ . }}
  {{- end }}
{{- end -}}

{{- define "lumbung.settings.database" -}}
postgres:
  host: {{ include "lumbung.postgres.host" .root }}
  port: {{ include "lumbung.postgres.port" .root }}
  database: {{ .name }}
  user: {{ .name }}
  # The server, or the job that makes the database, may come later than a service.
  wait_seconds: {{ .wait | default 300 }}
{{- end -}}

{{- define "lumbung.settings.s3" -}}
s3:
  endpoint: {{ include "lumbung.s3.endpoint" . }}
  secure: {{ and (not .Values.objectstore.enabled) .Values.objectstore.external.secure }}
  region: {{ .Values.objectstore.region }}
  access_key: {{ .Values.objectstore.accessKey }}
  bucket: {{ .Values.objectstore.bucket }}
  # The store may come later than a service.
  wait_seconds: 300
{{- end -}}

{{- define "lumbung.settings.lake" -}}
lake:
  {{- include "lumbung.settings.database" (dict "root" . "name" "lumbung_lake") | nindent 2 }}
  {{- include "lumbung.settings.s3" . | nindent 2 }}
{{- end -}}

{{- define "lumbung.settings.catalogPeer" -}}
catalog:
  target: {{ include "lumbung.host" (dict "root" . "name" "catalog") }}:18071
{{- end -}}

{{- define "lumbung.settings.catalog" -}}
listen: {host: 0.0.0.0, port: 18071, metrics_port: 18081, drain_seconds: 10}
{{ include "lumbung.settings.auth" . }}
{{ include "lumbung.settings.identity" (dict "root" . "client" "svc-catalog") }}
{{ include "lumbung.settings.database" (dict "root" . "name" "lumbung_catalog") }}
{{ include "lumbung.settings.telemetry" . }}
{{- end -}}

{{- define "lumbung.settings.ingest" -}}
listen: {host: 0.0.0.0, port: 18070, metrics_port: 18080, drain_seconds: 10}
{{ include "lumbung.settings.auth" . }}
{{ include "lumbung.settings.identity" (dict "root" . "client" "svc-ingest") }}
{{ include "lumbung.settings.database" (dict "root" . "name" "lumbung_ingest") }}
{{ include "lumbung.settings.lake" . }}
{{ include "lumbung.settings.catalogPeer" . }}
{{ include "lumbung.settings.telemetry" . }}
validation: {work_dir: /work}
{{- include "lumbung.sources.settings" . }}
{{- end -}}

{{- define "lumbung.settings.compute" -}}
listen: {host: 0.0.0.0, port: 18072, metrics_port: 18082, drain_seconds: 10}
{{ include "lumbung.settings.auth" . }}
{{ include "lumbung.settings.identity" (dict "root" . "client" "svc-compute") }}
{{ include "lumbung.settings.database" (dict "root" . "name" "lumbung_compute") }}
{{ include "lumbung.settings.lake" . }}
  # Copies of the data files that queries read.
  cache_dir: /work/cache
  cache_bytes: 2147483648
{{ include "lumbung.settings.catalogPeer" . }}
{{ include "lumbung.settings.telemetry" . }}
dask:
  {{- if include "lumbung.dask.perRun" . }}
  mode: per_run
  run_cluster:
    manifest: /etc/lumbung/dask-cluster/cluster.yaml
    owner: {{ include "lumbung.host" (dict "root" . "name" "dask-cluster") }}
    workers: {{ .Values.dask.worker.replicas }}
  {{- else }}
  mode: static
  scheduler: {{ include "lumbung.dask.scheduler" . }}
  {{- end }}
  ca: /etc/lumbung/dask/ca.crt
  cert: /etc/lumbung/dask/tls.crt
  key: /etc/lumbung/dask/tls.key
query: {temp_dir: /work}
{{- end -}}

{{- define "lumbung.settings.inference" -}}
listen: {host: 0.0.0.0, port: 18073, metrics_port: 18083, drain_seconds: 10}
{{ include "lumbung.settings.database" (dict "root" . "name" "lumbung_inference") }}
{{ include "lumbung.settings.rayWorker" . }}
{{- end -}}

{{/* What a node needs on which replicas run; also that of the service itself. */}}
{{- define "lumbung.settings.rayWorker" -}}
{{ include "lumbung.settings.auth" . }}
{{ include "lumbung.settings.identity" (dict "root" . "client" "svc-inference") }}
lake:
  {{- include "lumbung.settings.s3" . | nindent 2 }}
{{ include "lumbung.settings.catalogPeer" . }}
{{ include "lumbung.settings.telemetry" . }}
ray:
  token_path: /etc/lumbung/ray/token
  replica_settings_path: /run/lumbung/ray-replica.json
  {{- if include "lumbung.ray.cluster" . }}
  address: "{{ include "lumbung.host" (dict "root" . "name" "ray-head") }}:18030"
  loopback: false
  workers: {{ include "lumbung.host" (dict "root" . "name" "ray-worker") }}-pods
  listen: {host: 0.0.0.0, grpc_port: 18200, http_port: 18220, ports: 16}
  report: {service: {target: "{{ include "lumbung.host" (dict "root" . "name" "inference") }}:18073"}}
  discovery: {host: 0.0.0.0, port: 18053}
  {{- else }}
  # The head is in the same pod, on loopback; only the replicas' ports are open.
  address: "127.0.0.1:18030"
  ingress: {target: "127.0.0.1:18050"}
  listen: {host: 0.0.0.0, grpc_port: 18050, http_port: 18052}
  {{- end }}
{{- end -}}

{{/* A task does not wait for a server: it fails, and is tried again. */}}
{{- define "lumbung.settings.daskWorker" -}}
lake:
  {{- include "lumbung.settings.database" (dict "root" . "name" "lumbung_lake" "wait" "0") | nindent 2 }}
  {{- include "lumbung.settings.s3" . | nindent 2 }}
{{ include "lumbung.settings.telemetry" . }}
{{- end -}}

{{- define "lumbung.settings.portal" -}}
listen: {host: 0.0.0.0, port: 18074, metrics_port: 18084}
{{ include "lumbung.settings.auth" . }}
{{ include "lumbung.settings.telemetry" . }}
public_url: {{ include "lumbung.publicUrl" . }}
parts:
  {{- range $name, $port := dict "ingest" 18070 "catalog" 18071 "compute" 18072 "inference" 18073 }}
  - {name: {{ $name }}, kind: grpc, address: "{{ include "lumbung.host" (dict "root" $ "name" $name) }}:{{ $port }}"}
  {{- end }}
  - {name: keycloak, kind: http, address: "{{ include "lumbung.realm" . }}/.well-known/openid-configuration"}
  {{- if include "lumbung.dask.perRun" . }}
  - {name: dask, kind: http, address: "http://{{ include "lumbung.host" (dict "root" . "name" "dask-operator") }}:8080/healthz"}
  {{- else if .Values.dask.enabled }}
  - {name: dask, kind: http, address: "http://{{ include "lumbung.host" (dict "root" . "name" "dask-scheduler") }}:8787/health"}
  {{- end }}
  - {name: postgres, kind: tcp, address: "{{ include "lumbung.postgres.host" . }}:{{ include "lumbung.postgres.port" . }}"}
  - {name: s3, kind: tcp, address: "{{ include "lumbung.s3.endpoint" . }}"}
{{- end -}}

{{/* Envoy balances over the pods themselves (headless Services): a gRPC connection stays where it was opened. */}}
{{- define "lumbung.settings.gateway" -}}
listen:
  host: 0.0.0.0
  port: 18000
  admin_host: 127.0.0.1
  admin_port: 18001
  status_port: 18009
  {{- if eq (include "lumbung.gateway.tls" .) "true" }}
  tls: {certificate_file: /etc/lumbung/tls/tls.crt, private_key_file: /etc/lumbung/tls/tls.key}
  {{- end }}
{{ include "lumbung.settings.auth" . }}
services:
  {{- range $name, $port := dict "ingest" 18070 "catalog" 18071 "compute" 18072 "inference" 18073 }}
  {{ $name }}: {target: "{{ include "lumbung.host" (dict "root" $ "name" $name) }}-pods:{{ $port }}"}
  {{- end }}
portal: {target: "{{ include "lumbung.host" (dict "root" . "name" "portal") }}:18074"}
predictions:
  {{- if include "lumbung.ray.cluster" . }}
  discovery: {target: "{{ include "lumbung.host" (dict "root" . "name" "inference") }}:18053"}
  {{- else }}
  grpc: {target: "{{ include "lumbung.host" (dict "root" . "name" "inference") }}-pods:18050"}
  http: {target: "{{ include "lumbung.host" (dict "root" . "name" "inference") }}-pods:18052"}
  {{- end }}
{{- with include "lumbung.otlpEndpoint" . }}
telemetry:
  otlp: {target: {{ . | trimPrefix "http://" | quote }}}
  sample_ratio: {{ $.Values.telemetry.sampleRatio }}
{{- end }}
allowed_origins: [{{ include "lumbung.publicUrl" . | quote }}]
environment: {{ .Release.Namespace }}
{{- end -}}

{{- define "lumbung.settings.setupDatabases" -}}
deadline_seconds: 600
postgres:
  host: {{ include "lumbung.postgres.host" . }}
  port: {{ include "lumbung.postgres.port" . }}
  database: postgres
  user: {{ ternary "postgres" .Values.postgres.external.superuser .Values.postgres.enabled }}
databases:
  names: {{ include "lumbung.databases" . }}
{{- end -}}

{{/* As the databases are made, but filled from a backup. */}}
{{- define "lumbung.settings.setupRestore" -}}
{{ include "lumbung.settings.setupDatabases" . }}
lake:
  {{- include "lumbung.settings.s3" . | nindent 2 }}
restore: {folder: /backup, name: {{ .Values.restore.from | quote }}}
{{- end -}}

{{- define "lumbung.settings.backup" -}}
server:
  host: {{ include "lumbung.postgres.host" . }}
  port: {{ include "lumbung.postgres.port" . }}
databases:
  names: {{ include "lumbung.databases" . }}
lake:
  {{- include "lumbung.settings.s3" . | nindent 2 }}
backup: {folder: /backup, keep: {{ .Values.backup.keep }}}
{{- end -}}

{{- define "lumbung.settings.setupBucket" -}}
deadline_seconds: 600
lake:
  {{- include "lumbung.settings.s3" . | nindent 2 }}
{{- end -}}

{{- define "lumbung.settings.setupRealm" -}}
deadline_seconds: 600
realm:
  url: {{ include "lumbung.keycloak.url" . }}
  public_url: {{ include "lumbung.publicUrl" . }}
  admin_client: lumbung-setup
  role_accounts: {{ .Values.setup.realm.roleAccounts }}
{{- end -}}
