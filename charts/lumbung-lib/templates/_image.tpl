{{/* Image of a part: `image` of the part over the defaults of `.Values.image`; a digest wins over a tag. */}}

{{- define "lumbung-lib.image" -}}
{{- $all := .root.Values.image -}}
{{- $own := .image -}}
{{- $repository := ternary (printf "%s/%s" $all.registry $own.repository) $own.repository (ne $all.registry "") -}}
{{- if $own.digest -}}
{{- printf "%s@%s" $repository $own.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository ($own.tag | default $all.tag | default .root.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{- define "lumbung-lib.imageFields" -}}
image: {{ include "lumbung-lib.image" . | quote }}
imagePullPolicy: {{ .image.pullPolicy | default .root.Values.image.pullPolicy }}
{{- end -}}
