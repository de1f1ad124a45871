package manifest

import (
	"context"
	"fmt"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
)

// kindSchema judges the objects of one kind and version. It is made on first use, because compiling the CEL rules of a kind
// that no manifest has would be time lost.
type kindSchema struct {
	gvk        schema.GroupVersionKind
	namespaced bool
	make       func() (*compiled, error)
}

// compiled is what the API server builds from one version of a CustomResourceDefinition.
type compiled struct {
	structural *structuralschema.Structural
	openAPI    validation.SchemaValidator
	rules      *cel.Validator
}

// schemasOf prepares the versions that CustomResourceDefinitions serve.
func schemasOf(crds []*apiextensionsv1.CustomResourceDefinition) map[schema.GroupVersionKind]*kindSchema {
	schemas := map[schema.GroupVersionKind]*kindSchema{}
	for _, crd := range crds {
		for i := range crd.Spec.Versions {
			v := &crd.Spec.Versions[i]
			if !v.Served {
				continue
			}
			gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: v.Name, Kind: crd.Spec.Names.Kind}
			schemas[gvk] = &kindSchema{
				gvk:        gvk,
				namespaced: crd.Spec.Scope == apiextensionsv1.NamespaceScoped,
				make:       sync.OnceValues(func() (*compiled, error) { return compileSchema(v) }),
			}
		}
	}
	return schemas
}

// compileSchema does what the API server does when a CustomResourceDefinition is established.
func compileSchema(v *apiextensionsv1.CustomResourceDefinitionVersion) (*compiled, error) {
	internal := &apiextensions.CustomResourceValidation{}
	if err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(v.Schema, internal, nil); err != nil {
		return nil, fmt.Errorf("convert the schema: %w", err)
	}
	structural, err := structuralschema.NewStructural(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, fmt.Errorf("read the schema: %w", err)
	}
	if err := defaulting.PruneDefaults(structural); err != nil {
		return nil, fmt.Errorf("prune the schema's defaults: %w", err)
	}
	openAPI, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	if err != nil {
		return nil, fmt.Errorf("make a validator: %w", err)
	}
	return &compiled{
		structural: structural,
		openAPI:    openAPI,
		rules:      cel.NewValidator(structural, true, celconfig.PerCallLimit),
	}, nil
}

// judge takes an object through the steps of a create request, in the order of the API server: unknown fields, defaults,
// metadata, OpenAPI, list keys, CEL rules; and those of an update, which has rules about changes too, when before is not nil. object is changed: its status is dropped, as a create request's is, nulls that
// the schema does not know are removed and defaults are filled in.
func (k *kindSchema) judge(ctx context.Context, object, before map[string]any) (unknown []string, errs field.ErrorList, err error) {
	c, err := k.make()
	if err != nil {
		return nil, nil, fmt.Errorf("the schema of %s cannot be used: %w", k.gvk.Kind, err)
	}
	meta, _, unknown, err := objectmeta.GetObjectMetaWithOptions(object, objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true})
	if err != nil {
		return nil, field.ErrorList{field.Invalid(field.NewPath("metadata"), field.OmitValueType{}, err.Error())}, nil
	}
	metadata := object["metadata"]
	unknown = append(unknown, pruning.PruneWithOptions(object, c.structural, true, structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true})...)
	if len(unknown) > 0 {
		return unknown, nil, nil
	}
	object["metadata"] = metadata
	delete(object, "status")
	defaulting.PruneNonNullableNullsWithoutDefaults(object, c.structural)
	defaulting.Default(object, c.structural)

	errs = apivalidation.ValidateObjectMeta(meta, k.namespaced, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
	errs = append(errs, validation.ValidateCustomResource(nil, object, c.openAPI)...)
	errs = append(errs, objectmeta.Validate(ctx, nil, object, c.structural, false)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, c.structural, object)...)
	if c.rules == nil {
		return nil, errs, nil
	}
	if blocked(errs) {
		// The API server says so too: rules would trip over what is already known to be wrong.
		return nil, errs, nil
	}
	var old any // not a nil map: that would be an object without fields
	if before != nil {
		old = before
	}
	ruleErrs, _ := c.rules.Validate(ctx, nil, c.structural, object, old, celconfig.RuntimeCELCostBudget)
	return nil, append(errs, ruleErrs...), nil
}

// blocked reports whether errors keep the API server from running CEL rules.
func blocked(errs field.ErrorList) bool {
	for _, e := range errs {
		switch e.Type {
		case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
			return true
		}
	}
	return false
}
