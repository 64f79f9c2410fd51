{{/* A Dask cluster of pods per run (dask.mode: per_run): what compute makes each from, and the rights that it takes. */}}

{{/* The DaskCluster of every run, without its name. Its ConfigMap owns the clusters: an uninstall takes them with it. */}}
{{- define "lumbung.dask.cluster" -}}
{{- $part := dict "root" .root "name" "dask-cluster" -}}
{{- $scheduler := include "lumbung-lib.podTemplate" .scheduler | fromYaml -}}
{{- $worker := include "lumbung-lib.podTemplate" .worker | fromYaml -}}
apiVersion: v1
kind: ConfigMap
metadata: {{- include "lumbung-lib.metadata" $part | nindent 2 }}
data:
  cluster.yaml: |
    apiVersion: kubernetes.dask.org/v1
    kind: DaskCluster
    metadata:
      labels: {{- include "lumbung-lib.selectorLabels" $part | nindent 8 }}
    spec:
      scheduler:
        metadata: {{- toYaml $scheduler.metadata | nindent 10 }}
        spec: {{- toYaml $scheduler.spec | nindent 10 }}
        service:
          type: ClusterIP
          # Workers that start with it find it as soon as it listens.
          publishNotReadyAddresses: true
          ports:
            - {name: comm, port: 8786, targetPort: comm, protocol: TCP}
      worker:
        metadata: {{- toYaml $worker.metadata | nindent 10 }}
        spec: {{- toYaml $worker.spec | nindent 10 }}
{{- end -}}

{{- define "lumbung.dask.computeRules" -}}
- {apiGroups: [kubernetes.dask.org], resources: [daskclusters], verbs: [create, list, delete]}
# Why a cluster does not come up.
- {apiGroups: [""], resources: [pods], verbs: [list]}
- {apiGroups: [apps], resources: [deployments], verbs: [list]}
# To name it as the clusters' owner.
- {apiGroups: [""], resources: [configmaps], resourceNames: [{{ include "lumbung.host" (dict "root" . "name" "dask-cluster") }}], verbs: [get]}
{{- end -}}

{{- define "lumbung.dask.operatorRules" -}}
- {apiGroups: [kubernetes.dask.org], resources: [daskclusters], verbs: [get, list, watch, patch, delete]}
- {apiGroups: [kubernetes.dask.org], resources: [daskworkergroups], verbs: [get, list, watch, patch, create]}
# To own what it makes, where the API server asks for it.
- {apiGroups: [kubernetes.dask.org], resources: [daskclusters/finalizers, daskworkergroups/finalizers], verbs: [update]}
- {apiGroups: [apps], resources: [deployments], verbs: [get, list, create]}
- {apiGroups: [""], resources: [services], verbs: [get, create]}
{{- end -}}

{{- define "lumbung.dask.perRun" -}}
{{- if and .Values.dask.enabled (eq .Values.dask.mode "per_run") }}true{{ end -}}
{{- end -}}
