{{/* Names of Secrets: an existing one by value, else the one that this chart makes. */}}

{{- define "lumbung.secret" -}}
{{- (index .root.Values.secrets .secret).existingSecret | default (printf "%s-%s" (include "lumbung-lib.release" .root) (kebabcase .secret)) -}}
{{- end -}}

{{/* `dict "root" $ "env" "NAME" "secret" "databases" "key" "keycloak"` */}}
{{- define "lumbung.secretEnv" -}}
{{ include "lumbung-lib.secretEnv" (dict "env" .env "secret" (include "lumbung.secret" .) "key" .key) }}
{{- end -}}

{{- define "lumbung.secretEnv.lake" -}}
{{ include "lumbung.secretEnv" (dict "root" . "env" "LUMBUNG_LAKE__POSTGRES__PASSWORD" "secret" "databases" "key" "lumbung_lake") }}
{{ include "lumbung.secretEnv.s3" . }}
{{- end -}}

{{- define "lumbung.secretEnv.s3" -}}
{{ include "lumbung.secretEnv" (dict "root" . "env" "LUMBUNG_LAKE__S3__SECRET_KEY" "secret" "objectstore" "key" "secret-key") }}
{{- end -}}

{{- define "lumbung.databases" -}}
[keycloak, lumbung_catalog, lumbung_ingest, lumbung_compute, lumbung_inference, lumbung_lake]
{{- end -}}

{{- define "lumbung.clients" -}}
[span, sakti, svc-ingest, svc-catalog, svc-compute, svc-inference]
{{- end -}}

{{- define "lumbung.accounts" -}}
[kontributor-pusat, analis-kanwil-32, steward-pusat, perekayasa-pusat, ilmuwan-pusat, pimpinan-pusat, auditor-pusat, pengesah-pusat, admin-pusat]
{{- end -}}
