package manifest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// custom takes one object of our group.
func (r *reading) custom(ctx context.Context, file string, d *document, gvk schema.GroupVersionKind, key ObjectKey) {
	k, ok := r.loader.schemas[gvk]
	if !ok {
		// In the words of kubectl.
		r.problem(Problem{Origin: Origin{file, d.line("kind")}, Object: key, Message: fmt.Sprintf("no matches for kind %q in version %q; known are %s", gvk.Kind, gvk.GroupVersion(), r.loader.known())})
		return
	}
	object := map[string]any{}
	if err := utiljson.Unmarshal(d.json, &object); err != nil {
		r.problem(Problem{Origin: Origin{file, d.line("")}, Object: key, Message: err.Error()})
		return
	}
	if key.Namespace == "" {
		key.Namespace = r.options.Namespace
		if m, ok := object["metadata"].(map[string]any); ok {
			m["namespace"] = key.Namespace
		}
	}
	unknown, errs, err := k.judge(ctx, object, r.before(key))
	if err != nil {
		r.problem(Problem{Origin: Origin{file, d.line("")}, Object: key, Message: err.Error()})
		return
	}
	for _, path := range unknown {
		r.problem(Problem{Origin: Origin{file, d.line(path)}, Object: key, Message: fmt.Sprintf("unknown field %q", path), Refused: true})
	}
	r.fields(file, d, key, errs)
	if len(unknown)+len(errs) > 0 || !r.keep(file, d, key) {
		return
	}
	r.set.judged[key] = object
	if err := r.add(object, key); err != nil {
		r.problem(Problem{Origin: Origin{file, d.line("")}, Object: key, Message: err.Error()})
	}
}

// fields reports errors of fields, each once and at its own line.
func (r *reading) fields(file string, d *document, key ObjectKey, errs field.ErrorList) {
	seen := map[string]bool{}
	for _, e := range errs {
		if !seen[e.Error()] {
			seen[e.Error()] = true
			r.problem(Problem{Origin: Origin{file, d.line(e.Field)}, Object: key, Message: e.Error(), Refused: true})
		}
	}
}

// before is the object that the manifest is an edit of, as an API server would have stored it; nil when there is none.
func (r *reading) before(key ObjectKey) map[string]any {
	if r.options.Before == nil {
		return nil
	}
	return r.options.Before.judged[key]
}

// known lists the kinds there are schemas for.
func (l *Loader) known() string {
	var kinds []string
	for gvk := range l.schemas {
		kinds = append(kinds, gvk.Kind+" ("+gvk.GroupVersion().String()+")")
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", ")
}

// add decodes a judged object and puts it where it belongs.
func (r *reading) add(object map[string]any, key ObjectKey) error {
	into := func(o runtime.Object, m *metav1.ObjectMeta) error {
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object, o); err != nil {
			return err
		}
		assign(m, key, r.set.ages[key])
		return nil
	}
	switch key.Kind {
	case "OAuthServer":
		return appendTo(&r.set.Servers, func(o *v1alpha1.OAuthServer) error { return into(o, &o.ObjectMeta) })
	case "OAuthClient":
		return appendTo(&r.set.Clients, func(o *v1alpha1.OAuthClient) error { return into(o, &o.ObjectMeta) })
	case "OAuthGrantPolicy":
		return appendTo(&r.set.Policies, func(o *v1alpha1.OAuthGrantPolicy) error { return into(o, &o.ObjectMeta) })
	case "OAuthResource":
		return appendTo(&r.set.Resources, func(o *v1alpha1.OAuthResource) error { return into(o, &o.ObjectMeta) })
	case "OAuthIdentityProvider":
		return appendTo(&r.set.IdentityProviders, func(o *v1alpha1.OAuthIdentityProvider) error { return into(o, &o.ObjectMeta) })
	}
	return fmt.Errorf("kind %s has a schema and no place", key.Kind)
}

func appendTo[T any](slice *[]T, fill func(*T) error) error {
	var v T
	if err := fill(&v); err != nil {
		return err
	}
	*slice = append(*slice, v)
	return nil
}

// core takes one Namespace or Secret.
func (r *reading) core(file string, d *document, key ObjectKey) {
	if key.Kind == "Namespace" {
		ns := corev1.Namespace{}
		key.Namespace = ""
		if r.strict(file, d, key, &ns) && r.meta(file, d, key, &ns.ObjectMeta, false) && r.keep(file, d, key) {
			assign(&ns.ObjectMeta, key, r.set.ages[key])
			r.set.Namespaces = append(r.set.Namespaces, ns)
		}
		return
	}
	s := corev1.Secret{}
	if key.Namespace == "" {
		key.Namespace = r.options.Namespace
	}
	if !r.strict(file, d, key, &s) {
		return
	}
	s.Namespace = key.Namespace
	if !r.meta(file, d, key, &s.ObjectMeta, true) || !r.keep(file, d, key) {
		return
	}
	assign(&s.ObjectMeta, key, r.set.ages[key])
	for k, v := range s.StringData {
		if s.Data == nil {
			s.Data = map[string][]byte{}
		}
		s.Data[k] = []byte(v)
	}
	s.StringData = nil
	r.set.Secrets = append(r.set.Secrets, s)
}

// strict decodes into a typed object and reports unknown and repeated fields.
func (r *reading) strict(file string, d *document, key ObjectKey, into any) bool {
	strictErrs, err := kjson.UnmarshalStrict(d.json, into)
	if err != nil {
		r.problem(Problem{Origin: Origin{file, d.line("")}, Object: key, Message: plainDecodeError(err), Refused: true})
		return false
	}
	for _, e := range strictErrs {
		path := ""
		var fieldErr kjson.FieldError
		if errors.As(e, &fieldErr) {
			path = fieldErr.FieldPath()
		}
		r.problem(Problem{Origin: Origin{file, d.line(path)}, Object: key, Message: e.Error(), Refused: true})
	}
	return len(strictErrs) == 0
}

// plainDecodeError says what kind of value is wrong and never the value: it may be a secret's.
func plainDecodeError(err error) string {
	message := err.Error()
	if strings.Contains(message, "base64") {
		return "data: a value is not base64; encode it, or use stringData"
	}
	if i := strings.Index(message, "Go struct field "); i >= 0 {
		if _, path, ok := strings.Cut(message[i+len("Go struct field "):], "."); ok {
			name, _, _ := strings.Cut(path, " ")
			return name + ": has a value of the wrong type"
		}
	}
	return "has a value of the wrong type"
}

// meta checks the name and labels of an object of a core kind.
func (r *reading) meta(file string, d *document, key ObjectKey, m *metav1.ObjectMeta, namespaced bool) bool {
	name := apivalidation.NameIsDNSSubdomain
	if !namespaced {
		name = apivalidation.ValidateNamespaceName
		m.Namespace = ""
	}
	errs := apivalidation.ValidateObjectMeta(m, namespaced, name, field.NewPath("metadata"))
	r.fields(file, d, key, errs)
	return len(errs) == 0
}
