{{/* Where things are. Inside the release by the name of their Service, outside by the values. */}}

{{- define "lumbung.host" -}}
{{- include "lumbung-lib.fullname" . -}}
{{- end -}}

{{- define "lumbung.keycloak.url" -}}
{{- printf "http://%s:18002" (include "lumbung.host" (dict "root" . "name" "keycloak")) -}}
{{- end -}}

{{/* As browsers see Keycloak; its tokens name this place as their issuer. */}}
{{- define "lumbung.keycloak.publicUrl" -}}
{{- .Values.keycloak.publicUrl | default (include "lumbung.keycloak.url" .) -}}
{{- end -}}

{{- define "lumbung.issuer" -}}
{{- if .Values.keycloak.enabled -}}
{{- printf "%s/realms/lumbung" (include "lumbung.keycloak.publicUrl" .) -}}
{{- else -}}
{{- required "keycloak.external.issuer: the outside realm's URL is missing (keycloak.enabled is false)" .Values.keycloak.external.issuer -}}
{{- end -}}
{{- end -}}

{{/* The realm as the services reach it. */}}
{{- define "lumbung.realm" -}}
{{- if .Values.keycloak.enabled -}}
{{- printf "%s/realms/lumbung" (include "lumbung.keycloak.url" .) -}}
{{- else -}}
{{- include "lumbung.issuer" . -}}
{{- end -}}
{{- end -}}

{{- define "lumbung.publicUrl" -}}
{{- $scheme := ternary "https" "http" (eq (include "lumbung.gateway.tls" .) "true") -}}
{{- .Values.publicUrl | default (printf "%s://%s:18000" $scheme (include "lumbung.host" (dict "root" . "name" "gateway"))) -}}
{{- end -}}

{{- define "lumbung.gateway.tls" -}}
{{- or (ne .Values.gateway.tls.existingSecret "") .Values.gateway.tls.certManager.enabled -}}
{{- end -}}

{{- define "lumbung.gateway.tlsSecret" -}}
{{- .Values.gateway.tls.existingSecret | default (printf "%s-tls" (include "lumbung.host" (dict "root" . "name" "gateway"))) -}}
{{- end -}}

{{- define "lumbung.postgres.host" -}}
{{- if .Values.postgres.enabled -}}
{{- include "lumbung.host" (dict "root" . "name" "postgres") -}}
{{- else -}}
{{- required "postgres.external.host: the outside server's name is missing (postgres.enabled is false)" .Values.postgres.external.host -}}
{{- end -}}
{{- end -}}

{{- define "lumbung.postgres.port" -}}
{{- ternary 5432 .Values.postgres.external.port .Values.postgres.enabled -}}
{{- end -}}

{{- define "lumbung.s3.endpoint" -}}
{{- if .Values.objectstore.enabled -}}
{{- printf "%s:8333" (include "lumbung.host" (dict "root" . "name" "objectstore")) -}}
{{- else -}}
{{- required "objectstore.external.endpoint: host:port of the outside S3 is missing (objectstore.enabled is false)" .Values.objectstore.external.endpoint -}}
{{- end -}}
{{- end -}}

{{/* Where the parts send traces; empty: nowhere. */}}
{{- define "lumbung.otlpEndpoint" -}}
{{- if .Values.telemetryCollector.enabled -}}
{{- printf "http://%s:4317" (include "lumbung.host" (dict "root" . "name" "telemetry-collector")) -}}
{{- else -}}
{{- .Values.telemetry.otlpEndpoint -}}
{{- end -}}
{{- end -}}

{{- define "lumbung.dask.scheduler" -}}
{{- if .Values.dask.enabled -}}
{{- printf "tls://%s:8786" (include "lumbung.host" (dict "root" . "name" "dask-scheduler")) -}}
{{- else -}}
{{- required "dask.external.scheduler: tls://host:port of the outside scheduler is missing (dask.enabled is false)" .Values.dask.external.scheduler -}}
{{- end -}}
{{- end -}}
