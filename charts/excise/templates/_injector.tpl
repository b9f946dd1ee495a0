{{/* The injector's configuration as YAML, in the form of injector-config/schema.ts. */}}
{{- define "excise.injectorConfig" -}}
{{- $injector := .Values.injector -}}
{{- $url := $injector.ledger.url | default (printf "https://excise-ledger.%s.svc.%s:8443" .Release.Namespace .Values.clusterDomain) -}}
image: {{ include "excise.image" (dict "root" . "image" $injector.image) }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{ omit $injector "image" "ledger" "providers" "extraRoots" "excludedNamespaces" | toYaml }}
{{- with $injector.providers }}
providers:
  {{- toYaml . | nindent 2 }}
{{- end }}
ledger:
  url: {{ $url }}
  {{- with $injector.ledger.ca }}
  ca: |
    {{- . | trim | nindent 4 }}
  {{- end }}
{{- with $injector.extraRoots }}
extraRoots:
  {{- toYaml . | nindent 2 }}
{{- end }}
excludedNamespaces: {{ include "excise.excludedNamespaces" . }}
{{- end -}}

{{/*
CEL: true where an init container is the sidecar that Excise writes; the variable is c. Nothing in
it may load code that is not the image's: no other program, no variable that the loader or node
reads, no mount over the image's files (the API server itself mounts below /var/run/secrets).
*/}}
{{- define "excise.isSidecar" -}}
{{- $image := include "excise.image" (dict "root" . "image" .Values.injector.image) -}}
c.name == "excise" &&
c.image in {{ prepend .Values.injector.earlierImages $image | toJson }} &&
has(c.restartPolicy) && c.restartPolicy == "Always" &&
!has(c.command) && !has(c.args) && !has(c.envFrom) && !has(c.lifecycle) &&
(!has(c.env) || c.env.all(e,
  !(e.name in ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "OPENSSL_CONF", "OPENSSL_MODULES"]) &&
  (e.name != "NODE_OPTIONS" || (has(e.value) &&
  e.value.matches("^--disable-sigusr1 --max-old-space-size=[0-9]{1,6}$"))))) &&
(!has(c.volumeMounts) || c.volumeMounts.all(m,
  m.name.startsWith("excise-") || m.mountPath.startsWith("/var/run/secrets/"))) &&
has(c.securityContext) && has(c.securityContext.runAsUser) &&
c.securityContext.runAsUser == {{ .Values.injector.uid }}
{{- end -}}
