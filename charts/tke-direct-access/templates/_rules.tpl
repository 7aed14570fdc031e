{{/* What the controller may do in the namespaces that it looks at. The reasons are in deploy/cluster-role.yaml; a test compares. */}}
{{- define "direct-access.rules.watched" -}}
- apiGroups: [cloud.tencent.com]
  resources: [directaccessbindings]
  verbs: [get, list, watch, patch, delete]
- apiGroups: [cloud.tencent.com]
  resources: [directaccessbindings/status]
  verbs: [patch]
- apiGroups: [cloud.tencent.com]
  resources: [directaccessbindings/finalizers]
  verbs: [update]
- apiGroups: [cloud.tencent.com]
  resources: [tkeserviceconfigs]
  verbs: [get, list, watch, create, update]
- apiGroups: [cloud.tencent.com]
  resources: [tkeserviceconfigs/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [services]
  verbs: [list, watch, patch]
- apiGroups: [""]
  resources: [services/status]
  verbs: [patch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods/status]
  verbs: [patch]
{{- if ne .Values.annotatedServices "Off" }}
- apiGroups: [cloud.tencent.com]
  resources: [directaccessbindings]
  verbs: [create]
- apiGroups: [""]
  resources: [services/finalizers]
  verbs: [update]
{{- end }}
{{- end }}

{{/* Events, also about objects of the cluster and of its own namespace. */}}
{{- define "direct-access.rules.events" -}}
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
{{- end }}

{{/* Injection of readiness gates: objects of the cluster, of one name. */}}
{{- define "direct-access.rules.injection" -}}
- apiGroups: [admissionregistration.k8s.io]
  resources: [mutatingwebhookconfigurations, mutatingadmissionpolicies, mutatingadmissionpolicybindings]
  resourceNames: [direct-access-pods.cloud.tencent.com]
  verbs: [get, list, watch, create, patch, delete]
{{- end }}

{{/* What it may do in its own namespace: the Lease, the certificate of its webhook, and the ConfigMap that may hold removals. */}}
{{- define "direct-access.rules.own" -}}
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  verbs: [create]
- apiGroups: [coordination.k8s.io]
  resources: [leases]
  resourceNames: [direct-access-controller]
  verbs: [get, list, watch, update]
- apiGroups: [""]
  resources: [secrets]
  verbs: [create]
- apiGroups: [""]
  resources: [secrets]
  resourceNames: [direct-access-webhook]
  verbs: [get, list, watch, update, delete]
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [direct-access-controller]
  verbs: [list, watch]
{{- end }}

{{/* TKE's switches, and the VPC of the cluster: two ConfigMaps of kube-system. */}}
{{- define "direct-access.rules.switches" -}}
- apiGroups: [""]
  resources: [configmaps]
  resourceNames: [tke-service-controller-config, tke-config]
  verbs: [list, watch]
{{- end }}

{{/* A Role and its binding to the account: .context, .namespace, .rules */}}
{{- define "direct-access.role" -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels:
    {{- include "direct-access.labels" .context | nindent 4 }}
rules:
{{ .rules }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  namespace: {{ .namespace }}
  labels:
    {{- include "direct-access.labels" .context | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ .name }}
subjects:
{{ include "direct-access.subjects" .context }}
{{- end }}
