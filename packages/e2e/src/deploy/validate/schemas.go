package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/yannh/kubeconform/pkg/validator"
)

// The module whose sources hold the schemas; nothing is fetched but what go.sum names.
const kubernetesModule = "k8s.io/kubernetes"

// openSchemas lays out the schemas of some kinds in an empty folder as kubeconform wants them, from the OpenAPI document of
// the Kubernetes release in go.mod.
func openSchemas(folder string, kinds map[string]bool) (validator.Validator, error) {
	if err := writeKubernetes(folder, kinds); err != nil {
		return nil, err
	}
	location := filepath.Join(folder, "{{ .ResourceKind }}{{ .KindSuffix }}.json")
	skipped := map[string]struct{}{"ServiceMonitor": {}}
	return validator.New([]string{location}, validator.Opts{Strict: true, SkipKinds: skipped})
}

func moduleFolder(module string) (string, error) {
	output, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		return "", fmt.Errorf("go list %s: %w", module, err)
	}
	return strings.TrimSpace(string(output)), nil
}

type schema = map[string]any

// writeKubernetes makes one file of each kind that is wanted, and lets objects have no member that is not theirs.
func writeKubernetes(folder string, kinds map[string]bool) error {
	module, err := moduleFolder(kubernetesModule)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(module, "api", "openapi-spec", "swagger.json"))
	if err != nil {
		return err
	}
	var document struct{ Definitions map[string]schema }
	if err := json.Unmarshal(text, &document); err != nil {
		return err
	}
	loosen(document.Definitions)
	for _, definition := range document.Definitions {
		if definition["properties"] != nil && definition["additionalProperties"] == nil {
			definition["additionalProperties"] = false
		}
	}
	for name, definition := range document.Definitions {
		known, _ := definition["x-kubernetes-group-version-kind"].([]any)
		if len(known) != 1 {
			continue
		}
		kind := known[0].(map[string]any)
		if !kinds[kind["kind"].(string)] {
			continue
		}
		file := fileName(kind["kind"].(string), kind["group"].(string), kind["version"].(string))
		// References lead to `#/definitions/…` in this very file.
		whole := schema{"$ref": "#/definitions/" + name, "definitions": document.Definitions}
		if err := writeJSON(filepath.Join(folder, file), whole); err != nil {
			return err
		}
	}
	return nil
}

// Two types are written in more than one way; their schemas say string.
func loosen(definitions map[string]schema) {
	definitions["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = schema{"type": []string{"string", "integer"}}
	definitions["io.k8s.apimachinery.pkg.api.resource.Quantity"] = schema{"type": []string{"string", "number"}}
}

// fileName follows kubeconform's `{{ .ResourceKind }}{{ .KindSuffix }}`.
func fileName(kind, group, version string) string {
	parts := []string{strings.ToLower(kind)}
	if group != "" {
		parts = append(parts, strings.Split(group, ".")[0])
	}
	return strings.Join(append(parts, version), "-") + ".json"
}

func writeJSON(path string, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}
