{{/* Who may speak to whom, one line per port: `part: {port: [number, [callers]]}`. "*" is anybody who can reach the node's
network, "metrics" the scrapers of networkPolicy.metricsFrom, "writers" who is named by kafka.writersFrom. A call that is not here is refused at both ends. */}}

{{- define "lumbung.flows" -}}
gateway:
  18000: ["*", test]
  18009: [metrics]
portal:
  18074: [gateway]
  18084: [metrics]
ingest:
  18070: [gateway, portal]
  18080: [metrics]
catalog:
  18071: [gateway, portal, ingest, compute, inference, ray-worker]
  18081: [metrics]
compute:
  18072: [gateway, portal]
  18082: [metrics]
inference:
  18073: [gateway, portal{{ if include "lumbung.ray.cluster" . }}, inference, ray-worker{{ end }}]
  18083: [metrics]
  {{- if include "lumbung.ray.cluster" . }}
  18053: [gateway]
  {{- include "lumbung.ray.flows" . | nindent 2 }}
ray-worker:
  {{- include "lumbung.ray.flows" . | nindent 2 }}
  {{- else }}
  18050: [gateway]
  18052: [gateway]
  18038: [metrics]
  {{- end }}
{{- if .Values.postgres.enabled }}
postgres:
  5432: [catalog, ingest, compute, inference, keycloak, dask-worker, portal, setup-databases, backup]
{{- end }}
{{- if .Values.objectstore.enabled }}
objectstore:
  8333: [ingest, compute, inference, ray-worker, dask-worker, portal, setup-bucket, setup-databases, backup{{ if eq .Values.objectstore.kind "minio" }}, metrics{{ end }}]
  {{- if eq .Values.objectstore.kind "seaweedfs" }}
  9327: [metrics]
  {{- end }}
{{- end }}
{{- if .Values.keycloak.enabled }}
keycloak:
  18002: [{{ if .Values.keycloak.exposed }}"*", {{ end }}gateway, portal, ingest, catalog, compute, inference, ray-worker, setup-realm, test]
  18003: [metrics]
{{- end }}
{{- if .Values.telemetryCollector.enabled }}
telemetry-collector:
  4317: [gateway, portal, ingest, catalog, compute, inference, ray-worker, dask-worker]
  8888: [metrics]
{{- end }}
{{- if .Values.kafka.enabled }}
kafka:
  9092: [ingest, writers]
{{- end }}
{{- if .Values.dask.enabled }}
dask-scheduler:
  8786: [compute, dask-worker]
  8787: [portal, metrics]
dask-worker:
  8788: [dask-scheduler, dask-worker]
  8789: [metrics]
{{- end }}
{{- if include "lumbung.dask.perRun" . }}
dask-operator:
  8080: [portal]
{{- end }}
{{- if .Values.setup.databases.enabled }}
setup-databases: {}
{{- end }}
{{- if .Values.setup.bucket.enabled }}
setup-bucket: {}
{{- end }}
{{- if and .Values.setup.realm.enabled .Values.keycloak.enabled }}
setup-realm: {}
{{- end }}
{{- if .Values.backup.enabled }}
backup: {}
{{- end }}
{{- if and .Values.test.enabled .Values.setup.realm.roleAccounts }}
test: {}
{{- end }}
{{- end -}}

{{/* Calls that leave the release: `list of {port, callers, cidrs}`, for the parts that are outside and the API server. */}}
{{- define "lumbung.outsideFlows" -}}
{{- if not .Values.postgres.enabled }}
- {port: {{ .Values.postgres.external.port }}, callers: [ingest, catalog, compute, inference, keycloak, dask-worker, portal, setup-databases, backup]}
{{- end }}
{{- if not .Values.objectstore.enabled }}
- {port: {{ include "lumbung.s3.endpoint" . | splitList ":" | last }}, callers: [ingest, compute, inference, ray-worker, dask-worker, portal, setup-bucket, setup-databases, backup]}
{{- end }}
{{- if not .Values.keycloak.enabled }}
- {port: {{ include "lumbung.urlPort" (include "lumbung.issuer" .) }}, callers: [gateway, portal, ingest, catalog, compute, inference, ray-worker, test]}
{{- else if .Values.keycloak.publicUrl }}
- {port: {{ include "lumbung.urlPort" .Values.keycloak.publicUrl }}, callers: [portal, test]}
{{- end }}
{{- range (.Values.kafka.external.bootstrapServers | splitList "," | compact) }}
- {port: {{ splitList ":" . | last }}, callers: [ingest]}
{{- end }}
{{- include "lumbung.sources.outsideFlows" . }}
{{- if not .Values.dask.enabled }}
- {port: {{ include "lumbung.urlPort" .Values.dask.external.scheduler }}, callers: [compute]}
{{- end }}
{{- if include "lumbung.dask.perRun" . }}
{{- range .Values.networkPolicy.apiServer.ports }}
- {port: {{ . }}, cidrs: {{ $.Values.networkPolicy.apiServer.cidrs | toJson }}, callers: [compute, dask-operator]}
{{- end }}
{{- end }}
{{- if and .Values.telemetryCollector.enabled .Values.telemetryCollector.exporter.endpoint }}
- {port: {{ include "lumbung.urlPort" .Values.telemetryCollector.exporter.endpoint }}, callers: [telemetry-collector]}
{{- end }}
{{- if .Values.telemetry.otlpEndpoint }}
- {port: {{ include "lumbung.urlPort" .Values.telemetry.otlpEndpoint }}, callers: [gateway, portal, ingest, catalog, compute, inference, ray-worker, dask-worker]}
{{- end }}
{{- end -}}

{{- define "lumbung.urlPort" -}}
{{- $url := urlParse . -}}
{{- $port := regexFind ":[0-9]+$" $url.host | trimPrefix ":" -}}
{{- $port | default (ternary "443" "80" (eq $url.scheme "https")) -}}
{{- end -}}
