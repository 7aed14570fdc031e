{{/* There is one controller per cluster, since there is one configuration for the injection of gates: its names are fixed. */}}
{{- define "direct-access.name" -}}
direct-access-controller
{{- end }}

{{/* Labels that choose the Pods: they can never change. */}}
{{- define "direct-access.selector" -}}
app.kubernetes.io/name: {{ include "direct-access.name" . }}
{{- end }}

{{/* Labels of every object. */}}
{{- define "direct-access.labels" -}}
{{ include "direct-access.selector" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: tke-direct-access
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name (.Chart.Version | replace "+" "_") }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "direct-access.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Flags are written only where the value is not what the program takes by itself. */}}
{{- define "direct-access.arguments" -}}
- run
{{- with .Values.region }}
- --region={{ . }}
{{- end }}
{{- with .Values.vpcId }}
- --vpc-id={{ . }}
{{- end }}
{{- with .Values.clbEndpoint }}
- --clb-endpoint={{ . }}
{{- end }}
{{- if ne .Values.clusterNetwork "VpcCni" }}
- --cluster-network={{ .Values.clusterNetwork }}
{{- end }}
{{- if ne .Values.hostNetworkPods "Refuse" }}
- --host-network={{ .Values.hostNetworkPods }}
{{- end }}
{{- if ne .Values.annotatedServices "Off" }}
- --annotated-services={{ .Values.annotatedServices }}
{{- end }}
{{- if ne .Values.gateInjection "Auto" }}
- --gate-injection={{ .Values.gateInjection }}
{{- end }}
{{- with .Values.watchNamespace }}
- --watch-namespace={{ . }}
{{- end }}
{{- if ne .Values.log.format "Json" }}
- --log-format={{ .Values.log.format }}
{{- end }}
{{- with .Values.extraArgs }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "direct-access.subjects" -}}
- kind: ServiceAccount
  name: {{ .Values.serviceAccount.name }}
  namespace: {{ .Release.Namespace }}
{{- end }}

{{/* A file that the chart has, or an error that names it. */}}
{{- define "direct-access.file" -}}
{{- .context.Files.Get .path | default "" | required (printf "the chart has no %s" .path) -}}
{{- end }}

{{/* A definition with what the chart adds to its metadata. It is text, since numbers would not survive being read. */}}
{{- define "direct-access.definition" -}}
{{- $head := "\nmetadata:\n  annotations:\n" -}}
{{- $text := include "direct-access.file" . -}}
{{- if not (contains $head $text) }}{{ fail (printf "%s does not begin as expected" .path) }}{{ end -}}
{{- $labels := include "direct-access.labels" .context | nindent 4 -}}
{{- $keep := ternary "    helm.sh/resource-policy: keep\n" "" .context.Values.crds.keep -}}
{{- replace $head (printf "\nmetadata:\n  labels:%s\n  annotations:\n%s" $labels $keep) $text -}}
{{- end }}
