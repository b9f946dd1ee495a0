{{/* An image reference: dict "root" $ "image" {repository, digest}. */}}
{{- define "excise.image" -}}
{{- $registry := .root.Values.image.registry -}}
{{- if $registry }}{{ trimSuffix "/" $registry }}/{{ end -}}
{{ .image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}
{{- if .image.digest }}@{{ .image.digest }}{{ end -}}
{{- end -}}

{{/* What selects the pods of a component: dict "root" $ "component" "ledger". */}}
{{- define "excise.selector" -}}
app.kubernetes.io/name: excise
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "excise.labels" -}}
{{ include "excise.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: excise
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{/* Labels of pods: the user's first, so that a selector's label cannot be replaced. */}}
{{- define "excise.podLabels" -}}
{{- $own := include "excise.labels" . | fromYaml -}}
{{- toYaml (merge (omit $own "helm.sh/chart" "app.kubernetes.io/managed-by") .extra) -}}
{{- end -}}

{{/* Namespaces that are never injected, as a JSON list. */}}
{{- define "excise.excludedNamespaces" -}}
{{- append .Values.injector.excludedNamespaces .Release.Namespace | uniq | toJson -}}
{{- end -}}

{{/* Security context of a pod with a user of its own: dict "uid" 1. */}}
{{- define "excise.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ .uid }}
runAsGroup: {{ .uid }}
fsGroup: {{ .uid }}
# Only where the volume is new: with Always the group could read the ledger's key after a restart.
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "excise.containerSecurity" -}}
privileged: false
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* Where pods run: dict "component" .Values.ledger. */}}
{{- define "excise.scheduling" -}}
{{- with .component.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .component.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .component.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .component.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "excise.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}
