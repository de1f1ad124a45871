package compile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// The bounds of a rotation, as the CRD has them.
const (
	minInterval = time.Hour
	maxInterval = 8760 * time.Hour
	minOverlap  = 5 * time.Minute
	maxOverlap  = 2160 * time.Hour
	maxMetadata = 16
	// maxAnnotation is the length of the value of an annotation.
	maxAnnotation = 1024
)

// GeneratesSecret reports whether the operator makes the client's secret.
func GeneratesSecret(c *v1alpha1.OAuthClient) bool { return NeedsSecret(c) && InboundSecret(c) == nil }

// SecretTarget is what the client's Secret is to hold.
func SecretTarget(c *v1alpha1.OAuthClient) credentials.Target {
	s := c.Spec.Secret
	if s == nil {
		return credentials.Target{}
	}
	t := credentials.Target{Preset: credentials.Preset(s.Preset)}
	if len(s.Template) > 0 {
		t.Templates = make(map[string]string, len(s.Template))
		for key, source := range s.Template {
			t.Templates[key] = string(source)
		}
	}
	return t
}

// SecretMetadata are the labels and annotations that others want to find on the client's Secret.
func SecretMetadata(c *v1alpha1.OAuthClient) (labels, annotations map[string]string) {
	labels, annotations = map[string]string{}, map[string]string{}
	maps.Copy(labels, SecretTarget(c).Labels())
	if s := c.Spec.Secret; s != nil && s.Metadata != nil {
		for k, v := range s.Metadata.Labels {
			labels[k] = string(v)
		}
		for k, v := range s.Metadata.Annotations {
			annotations[k] = string(v)
		}
	}
	return labels, annotations
}

// SecretInput is what the client's Secret tells of a registration; without what is secret.
func SecretInput(d *registration.Client, issuer string) credentials.Input {
	return credentials.Input{
		Namespace: d.Namespace, Name: d.Name, ClientID: d.ClientID, Issuer: issuer,
		GrantTypes: d.GrantTypes, RedirectURIs: d.RedirectURIs, Scopes: d.Scopes,
	}
}

// SecretRotation is how the client's secrets follow each other.
func SecretRotation(c *v1alpha1.OAuthClient) credentials.Rotation {
	r := credentials.Rotation{Overlap: credentials.DefaultOverlap}
	if c.Spec.Secret == nil || c.Spec.Secret.Rotation == nil {
		return r
	}
	s := c.Spec.Secret.Rotation
	r.Interval, r.WhenUnused = s.Interval.Duration, s.RetireWhenUnused
	if s.Overlap != nil {
		r.Overlap = s.Overlap.Duration
	}
	r.Deadline = r.Interval
	if s.Deadline != nil {
		r.Deadline = min(s.Deadline.Duration, r.Interval)
	}
	return r
}

// RotateRequest is the request for another secret that the client carries, and how long the secret before works on then; nil for as
// long as ever. A request whose overlap cannot be read is none: guessing would end a secret too early, or a leaked one too late.
func RotateRequest(c *v1alpha1.OAuthClient) (request string, overlap *time.Duration) {
	request = credentials.Request(c.Annotations[v1alpha1.AnnotationRotate])
	value, there := c.Annotations[v1alpha1.AnnotationRotateOverlap]
	if request == "" || !there {
		return request, nil
	}
	d, err := rotateOverlap(value)
	if err != nil {
		return "", nil
	}
	return request, &d
}

func rotateOverlap(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxOverlap {
		return 0, fmt.Errorf("must be a duration from 0s to %s, such as 0s for a secret that has leaked", registration.FormatDuration(maxOverlap))
	}
	return d, nil
}

// InboundValue is the secret that the app team brings, out of the Secret that the client names; nil for one that is not there. Only a
// Secret of the client's namespace that was opted in is ever read (K3), whatever the caller hands over. The finding names the
// key and never the value.
func InboundValue(c *v1alpha1.OAuthClient, secret *corev1.Secret) (string, *Finding) {
	const field = "spec.authentication.clientSecret.secretRef"
	ref := InboundSecret(c)
	if ref == nil {
		return "", nil
	}
	var k checker
	key := inboundKey(ref)
	if secret == nil || secret.Namespace != c.Namespace || secret.Name != ref.Name || secret.Labels[v1alpha1.LabelReferenced] != "true" {
		k.add(v1alpha1.ReasonSecretNotFound, `%s.name %s: there is no Secret of this name with the label %s: "true" in namespace %s; create it, or label it. Until then the client waits`, field, show(ref.Name), v1alpha1.LabelReferenced, c.Namespace)
		return "", &k.findings[0]
	}
	value, there := secret.Data[key]
	if !there {
		k.add(v1alpha1.ReasonSecretNotFound, "%s.key %s: Secret %s has no such key; add it, or name another", field, show(key), ref.Name)
		return "", &k.findings[0]
	}
	if err := credentials.CheckInbound(string(value)); err != nil {
		k.add(v1alpha1.ReasonSecretTooWeak, "%s.key %s: the value in Secret %s %s", field, show(key), ref.Name, err)
		return "", &k.findings[0]
	}
	return string(value), nil
}

func inboundKey(ref *v1alpha1.SecretKeyReference) string {
	if ref.Key == "" {
		return credentials.KeyClientSecret
	}
	return ref.Key
}

// secretTarget checks what the manifest says of the Secret that is written, and of how it is rotated.
func (k *checker) secretTarget(c *v1alpha1.OAuthClient, d *registration.Client, issuer string) {
	if value, there := c.Annotations[v1alpha1.AnnotationRotateOverlap]; there {
		_, err := rotateOverlap(value)
		k.check("metadata.annotations["+v1alpha1.AnnotationRotateOverlap+"]", orEmpty(value), err)
	}
	if p := c.Spec.DeletionPolicy; p != "" && p != v1alpha1.DeletionRevoke && p != v1alpha1.DeletionRetain {
		k.check("spec.deletionPolicy", string(p), fmt.Errorf("must be %s or %s", v1alpha1.DeletionRevoke, v1alpha1.DeletionRetain))
	}
	target := SecretTarget(c)
	if ref := InboundSecret(c); ref != nil && target.Wanted() && ref.Name == SecretName(c) {
		k.check("spec.authentication.clientSecret.secretRef.name", ref.Name, errors.New("is the Secret that the operator writes for this client; name another, or set spec.secret.name"))
	}
	s := c.Spec.Secret
	if s == nil {
		return
	}
	if target.Preset != "" && !slices.Contains(credentials.Presets(), target.Preset) {
		k.check("spec.secret.preset", string(target.Preset), fmt.Errorf("must be one of %v", credentials.Presets()))
		return
	}
	k.secretMetadata(s.Metadata)
	k.rotation(c, s.Rotation)
	if !target.Wanted() && GeneratesSecret(c) {
		k.check("spec.secret.preset", string(target.Preset), errors.New("leaves the generated secret with nobody to read it; add spec.secret.template, choose another preset, or authenticate by secretRef, privateKeyJWT or kubernetesServiceAccount"))
		return
	}
	if k.templateKeys(s.Template) {
		k.template(c, target, SecretInput(d, issuer))
	}
}

// templateKeys checks the names of the keys and the sizes.
func (k *checker) templateKeys(templates map[string]v1alpha1.SecretTemplate) bool {
	before := len(k.findings)
	if len(templates) > credentials.MaxTemplates {
		k.invalid("spec.secret.template", "must have at most %d entries, not %d", credentials.MaxTemplates, len(templates))
		return false
	}
	for _, key := range slices.Sorted(maps.Keys(templates)) {
		if len(validation.IsConfigMapKey(key)) > 0 {
			k.invalid("spec.secret.template["+show(key)+"]", "must have a key of letters, digits and - _ . only, at most 253, that is not . and does not begin with ..")
		}
	}
	return len(k.findings) == before
}

func (k *checker) template(c *v1alpha1.OAuthClient, target credentials.Target, in credentials.Input) {
	if len(target.Templates) == 0 {
		return
	}
	err := target.Check(in, NeedsSecret(c), GeneratesSecret(c))
	if bad := (*credentials.TemplateError)(nil); errors.As(err, &bad) {
		k.check("spec.secret.template["+bad.Key+"]", "", errors.New(show(bad.Err.Error())))
		return
	}
	k.check("spec.secret.template", "", err)
}

// MetadataInOrder reports whether the labels and annotations that a manifest wants on its Secret may be written: also of a manifest that
// is refused, whose client is served on as it was.
func MetadataInOrder(c *v1alpha1.OAuthClient) bool {
	var k checker
	if c.Spec.Secret != nil {
		k.secretMetadata(c.Spec.Secret.Metadata)
	}
	return len(k.findings) == 0
}

// secretMetadata checks the labels and annotations; the operator's own are not for others to set.
func (k *checker) secretMetadata(m *v1alpha1.SecretMetadata) {
	if m == nil {
		return
	}
	check := func(field, key, value, foreign string, problems []string) {
		field += "[" + show(key) + "]"
		switch {
		case strings.Contains(key, "grantkeeper.dev/"), key == foreign:
			k.invalid(field, "is the operator's or kubectl's own; remove it")
		case len(problems) > 0:
			k.check(field, orEmpty(value), errors.New(problems[0]))
		}
	}
	tooMany := func(field string, n int) bool {
		if n > maxMetadata {
			k.invalid(field, "must have at most %d entries, not %d", maxMetadata, n)
		}
		return n > maxMetadata
	}
	const labels, annotations = "spec.secret.metadata.labels", "spec.secret.metadata.annotations"
	if !tooMany(labels, len(m.Labels)) {
		for _, key := range slices.Sorted(maps.Keys(m.Labels)) {
			value := string(m.Labels[key])
			check(labels, key, value, "app.kubernetes.io/managed-by", slices.Concat(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)))
		}
	}
	if !tooMany(annotations, len(m.Annotations)) {
		for _, key := range slices.Sorted(maps.Keys(m.Annotations)) {
			value := string(m.Annotations[key])
			problems := validation.IsQualifiedName(strings.ToLower(key))
			if utf8.RuneCountInString(value) > maxAnnotation {
				problems = append(problems, fmt.Sprintf("must have at most %d characters", maxAnnotation))
			}
			check(annotations, key, value, corev1.LastAppliedConfigAnnotation, problems)
		}
	}
}

// rotation checks how secrets follow each other, as the CRD does.
func (k *checker) rotation(c *v1alpha1.OAuthClient, r *v1alpha1.SecretRotation) {
	if r == nil {
		return
	}
	const field = "spec.secret.rotation"
	if !NeedsSecret(c) {
		k.invalid(field, "is for a client that has a client secret, and this one has none; remove it")
		return
	}
	before := len(k.findings)
	span := func(name string, d *metav1.Duration, least, most time.Duration) {
		if d != nil {
			k.check(field+"."+name, registration.FormatDuration(d.Duration), registration.CheckLifetime(d.Duration, least, most))
		}
	}
	span("interval", &r.Interval, minInterval, maxInterval)
	span("overlap", r.Overlap, minOverlap, maxOverlap)
	span("deadline", r.Deadline, minOverlap, maxInterval)
	if len(k.findings) > before {
		return
	}
	overlap := credentials.DefaultOverlap
	if r.Overlap != nil {
		overlap = r.Overlap.Duration
	}
	if overlap > r.Interval.Duration {
		k.check(field+".overlap", registration.FormatDuration(overlap), fmt.Errorf("must not be longer than interval (%s); shorten overlap or lengthen interval", registration.FormatDuration(r.Interval.Duration)))
	}
	switch d := r.Deadline; {
	case d == nil:
	case !r.RetireWhenUnused:
		k.check(field+".deadline", registration.FormatDuration(d.Duration), errors.New("is for retireWhenUnused: true; remove it, or set that"))
	case d.Duration < overlap || d.Duration > r.Interval.Duration:
		k.check(field+".deadline", registration.FormatDuration(d.Duration), fmt.Errorf("must not be shorter than overlap (%s) or longer than interval (%s)", registration.FormatDuration(overlap), registration.FormatDuration(r.Interval.Duration)))
	}
}
