{{/*
The label by which the Pods are known. There is one controller per cluster, since there is one configuration for the injection of gates:
the name of the release is in no name.
*/}}
{{- define "direct-access.name" -}}
{{ .Values.nameOverride | default "direct-access-controller" }}
{{- end }}

{{/* The name of the Deployment and of what belongs to it. */}}
{{- define "direct-access.fullname" -}}
{{ .Values.fullnameOverride | default (include "direct-access.name" .) }}
{{- end }}

{{/* What the names of other objects begin with. */}}
{{- define "direct-access.prefix" -}}
{{ .Values.fullnameOverride | default .Values.nameOverride | default "direct-access" }}
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
{{- if ne (int .Values.ports.metrics) 8080 }}
- --listen=0.0.0.0:{{ .Values.ports.metrics }}
{{- end }}
{{- if ne (int .Values.ports.webhook) 9443 }}
- --webhook-listen=0.0.0.0:{{ .Values.ports.webhook }}
{{- end }}
{{- if ne (include "direct-access.prefix" .) "direct-access" }}
- --webhook-service={{ include "direct-access.prefix" . }}-webhook
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

{{/* Annotations of the Pods. What the user says counts more, and null takes an annotation away. */}}
{{- define "direct-access.podAnnotations" -}}
{{- $all := dict -}}
{{- if and .Values.scrapeAnnotations (not .Values.serviceMonitor.enabled) -}}
{{- $all = dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString .Values.ports.metrics) -}}
{{- end -}}
{{- range $key, $value := .Values.podAnnotations -}}
{{- if kindIs "invalid" $value }}{{ $all = omit $all $key }}{{ else }}{{ $all = set $all $key $value }}{{ end -}}
{{- end -}}
{{- with $all }}{{ toYaml . }}{{ end -}}
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
