{{/* Certificates of Dask, and the environment that makes scheduler, workers and clients speak TLS only. Whoever holds the key
may run code on the workers. */}}

{{- define "lumbung.daskTls.volume" -}}
- name: dask-tls
  secret: {secretName: {{ include "lumbung.secret" (dict "root" . "secret" "daskTls") }}, defaultMode: 0440}
{{- end -}}

{{- define "lumbung.dask.env" -}}
- {name: DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION, value: "True"}
- {name: DASK_DISTRIBUTED__COMM__TLS__CA_FILE, value: /etc/lumbung/dask/ca.crt}
{{- range list "SCHEDULER" "WORKER" "CLIENT" }}
- {name: DASK_DISTRIBUTED__COMM__TLS__{{ . }}__CERT, value: /etc/lumbung/dask/tls.crt}
- {name: DASK_DISTRIBUTED__COMM__TLS__{{ . }}__KEY, value: /etc/lumbung/dask/tls.key}
{{- end }}
- {name: DASK_TEMPORARY_DIRECTORY, value: /work}
- {name: DASK_DISTRIBUTED__DIAGNOSTICS__NVML, value: "False"}
- {name: DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES, value: "['distributed.http.health', 'distributed.http.scheduler.json', 'distributed.http.scheduler.prometheus']"}
- {name: DASK_DISTRIBUTED__WORKER__HTTP__ROUTES, value: "['distributed.http.health', 'distributed.http.worker.prometheus']"}
- {name: POLARS_MAX_THREADS, value: "1"}
- {name: OMP_NUM_THREADS, value: "1"}
- {name: ARROW_NUM_THREADS, value: "1"}
{{ include "lumbung-lib.podIpEnv" . }}
{{- end -}}
