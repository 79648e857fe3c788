package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"github.com/yannh/kubeconform/pkg/validator"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/autoscaling"
	autoscalingvalidation "k8s.io/kubernetes/pkg/apis/autoscaling/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	networkingvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	"k8s.io/kubernetes/pkg/apis/policy"
	policyvalidation "k8s.io/kubernetes/pkg/apis/policy/validation"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
)

// Read strictly: a member that no type has is an error, as with `kubectl --validate=strict`.
var decoder = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()

// checkOverlay builds an overlay with kustomize and checks every object of it twice: against its JSON schema with
// kubeconform, and with the code that the API server itself runs before it stores one.
func checkOverlay(path string) (int, error) {
	resources, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), path)
	if err != nil {
		return 0, err
	}
	kinds := map[string]bool{}
	for _, resource := range resources.Resources() {
		kinds[resource.GetKind()] = true
	}
	folder, err := os.MkdirTemp("", "schemas-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(folder)
	schemas, err := openSchemas(folder, kinds)
	if err != nil {
		return 0, err
	}
	for _, resource := range resources.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			return 0, err
		}
		name := resource.GetKind() + " " + resource.GetName()
		if err := errors.Join(conforms(schemas, path, text), serverAccepts(resource.GetKind(), text)); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		fmt.Println(name)
	}
	return resources.Size(), nil
}

func conforms(schemas validator.Validator, path string, text []byte) error {
	for _, result := range schemas.Validate(path, io.NopCloser(bytes.NewReader(text))) {
		if result.Status != validator.Valid && result.Status != validator.Skipped {
			return fmt.Errorf("kubeconform: status %v: %w", result.Status, result.Err)
		}
	}
	return nil
}

// serverAccepts decodes, sets the defaults, and validates. Of the Prometheus operator's kind only names and types of the
// members are checked: its schema is in no module that can be imported.
func serverAccepts(kind string, text []byte) error {
	object, _, err := decoder.Decode(text, nil, nil)
	if runtime.IsNotRegisteredError(err) && kind == monitoring.ServiceMonitorsKind {
		return yaml.UnmarshalStrict(text, &monitoring.ServiceMonitor{})
	}
	if err != nil {
		return err
	}
	faults, isKnown := faultsOf(object)
	if !isKnown {
		return fmt.Errorf("no validation for %s", kind)
	}
	return faults.ToAggregate()
}

func faultsOf(object runtime.Object) (field.ErrorList, bool) {
	switch typed := object.(type) {
	case *apps.StatefulSet:
		return appsvalidation.ValidateStatefulSet(typed, corevalidation.PodValidationOptions{}), true
	case *core.Service:
		allocate(&typed.Spec)
		return corevalidation.ValidateServiceCreate(typed), true
	case *core.Namespace:
		return corevalidation.ValidateNamespace(typed), true
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(typed), true
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(typed), true
	case *policy.PodDisruptionBudget:
		return policyvalidation.ValidatePodDisruptionBudget(typed, policyvalidation.PodDisruptionBudgetValidationOptions{}), true
	case *networking.NetworkPolicy:
		return networkingvalidation.ValidateNetworkPolicy(typed, networkingvalidation.NetworkPolicyValidationOptions{}), true
	case *autoscaling.HorizontalPodAutoscaler:
		return autoscalingvalidation.ValidateHorizontalPodAutoscaler(typed, autoscalingvalidation.HorizontalPodAutoscalerSpecValidationOptions{MinReplicasLowerBound: 1}), true
	}
	return nil, false
}

// allocate stands in for the server, which gives a service its addresses before it looks.
func allocate(service *core.ServiceSpec) {
	if service.ClusterIP == "" {
		service.ClusterIP = "10.0.0.1"
	}
	service.ClusterIPs = []string{service.ClusterIP}
	service.IPFamilies = []core.IPFamily{core.IPv4Protocol}
	single := core.IPFamilyPolicySingleStack
	service.IPFamilyPolicy = &single
}
