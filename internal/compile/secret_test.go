package compile

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"pgregory.net/rapid"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// target is a client whose Secret is as given.
func target(clientType v1alpha1.ClientType, s v1alpha1.ClientSecretTarget, change ...func(*v1alpha1.OAuthClient)) *v1alpha1.OAuthClient {
	c := oauthClient(clientType, change...)
	c.Spec.Secret = &s
	return c
}

func inbound(name string) func(*v1alpha1.OAuthClient) {
	return func(c *v1alpha1.OAuthClient) {
		c.Spec.Authentication = &v1alpha1.ClientAuthentication{ClientSecret: &v1alpha1.ClientSecretAuthentication{SecretRef: &v1alpha1.SecretKeyReference{Name: name}}}
	}
}

func rotation(interval time.Duration, change ...func(*v1alpha1.SecretRotation)) *v1alpha1.SecretRotation {
	r := &v1alpha1.SecretRotation{Interval: metav1.Duration{Duration: interval}}
	for _, f := range change {
		f(r)
	}
	return r
}

func TestSecretTarget(t *testing.T) {
	type (
		secret   = v1alpha1.ClientSecretTarget
		template = map[string]v1alpha1.SecretTemplate
	)
	invalid := v1alpha1.ReasonInvalid
	labels := func(key, value string) secret {
		return secret{Metadata: &v1alpha1.SecretMetadata{Labels: map[string]v1alpha1.LabelValue{key: v1alpha1.LabelValue(value)}}}
	}
	annotations := func(key, value string) secret {
		return secret{Metadata: &v1alpha1.SecretMetadata{Annotations: map[string]v1alpha1.AnnotationValue{key: v1alpha1.AnnotationValue(value)}}}
	}
	annotated := func(value string) func(*v1alpha1.OAuthClient) {
		return func(c *v1alpha1.OAuthClient) {
			c.Annotations = map[string]string{v1alpha1.AnnotationRotateOverlap: value}
		}
	}
	overlap := func(d time.Duration) func(*v1alpha1.SecretRotation) {
		return func(r *v1alpha1.SecretRotation) { r.Overlap = duration(d) }
	}
	deadline := func(d time.Duration, unused bool) func(*v1alpha1.SecretRotation) {
		return func(r *v1alpha1.SecretRotation) { r.Deadline, r.RetireWhenUnused = duration(d), unused }
	}
	tooMany := template{}
	for i := range 17 {
		tooMany[strings.Repeat("k", i+1)] = "x"
	}
	for name, tc := range map[string]struct {
		client *v1alpha1.OAuthClient
		want   []finding
	}{
		"every preset, for a secret that is generated":     {target("Service", secret{Preset: "OAuth2Proxy"}), nil},
		"a preset that does not exist":                     {target("Service", secret{Preset: "Nginx"}), expect(invalid, "spec.secret.preset Nginx", "must be one of", "Spring")},
		"None, and nobody could read the generated secret": {target("Service", secret{Preset: "None"}), expect(invalid, "spec.secret.preset None", "spec.secret.template", "secretRef", "privateKeyJWT")},
		"None with a template that has the secret":         {target("Service", secret{Preset: "None", Template: template{"s": "{{ .ClientSecret }}"}}), nil},
		"None for a public client":                         {target("Device", secret{Preset: "None"}), nil},
		"None for a client that brings its secret":         {target("Service", secret{Preset: "None"}, inbound("vault")), nil},
		"None for a client with a key of its own": {target("Service", secret{Preset: "None"}, func(c *v1alpha1.OAuthClient) {
			c.Spec.Authentication = &v1alpha1.ClientAuthentication{KubernetesServiceAccount: &v1alpha1.ServiceAccountAuthentication{Name: "a"}}
		}), nil},
		"a template without the generated secret":            {target("Service", secret{Preset: "None", Template: template{"id": "{{ .ClientID }}"}}), expect(invalid, "spec.secret.template:", "client secret as it is", "{{ .ClientSecret }}")},
		"a template of a client without a secret":            {target("Device", secret{Preset: "None", Template: template{"id": "{{ .ClientID }}"}}), nil},
		"a template that cannot be read":                     {target("Service", secret{Template: template{"a.conf": "{{ if }}"}}), expect(invalid, "spec.secret.template[a.conf]: line 1: missing value for if")},
		"a template that asks for what is not there":         {target("Service", secret{Template: template{"a": "{{ .Password }}"}}), expect(invalid, "spec.secret.template[a]: .Password is not there; there are .Namespace")},
		"a template that repeats without end":                {target("Service", secret{Template: template{"a": "{{ range 1000000000 }}{{ end }}"}}), expect(invalid, "spec.secret.template[a]: range must be over one of the lists")},
		"a template that reads the world":                    {target("Service", secret{Template: template{"a": `{{ env "HOME" }}`}}), expect(invalid, `spec.secret.template[a]`, `"env" not defined`)},
		"more templates than there may be":                   {target("Service", secret{Template: tooMany}), expect(invalid, "spec.secret.template: must have at most 16 entries, not 17")},
		"a key that no Secret has":                           {target("Service", secret{Template: template{"a b": "x"}}), expect(invalid, "spec.secret.template[a b]", "letters, digits")},
		"labels that others look for":                        {target("Service", labels("app.kubernetes.io/part-of", "argocd")), nil},
		"a label of the operator":                            {target("Service", labels("grantkeeper.dev/managed-by", "x")), expect(invalid, "spec.secret.metadata.labels[grantkeeper.dev/managed-by]", "operator's")},
		"a label of the operator below another name":         {target("Service", labels("x.grantkeeper.dev/client", "x")), expect(invalid, "operator's")},
		"the label of another manager":                       {target("Service", labels("app.kubernetes.io/managed-by", "x")), expect(invalid, "remove it")},
		"a label that is none":                               {target("Service", labels("not a label", "x")), expect(invalid, "spec.secret.metadata.labels[not a label]")},
		"the value of a label that is none":                  {target("Service", labels("a", "not a value")), expect(invalid, "spec.secret.metadata.labels[a] not a value")},
		"an annotation for a reloader":                       {target("Service", annotations("reloader.stakater.com/match", "true")), nil},
		"an annotation of the operator":                      {target("Service", annotations("grantkeeper.dev/proof", "x")), expect(invalid, "spec.secret.metadata.annotations[grantkeeper.dev/proof]", "operator's")},
		"an annotation of kubectl":                           {target("Service", annotations("kubectl.kubernetes.io/last-applied-configuration", "{}")), expect(invalid, "kubectl's own")},
		"an annotation far too long":                         {target("Service", annotations("a", strings.Repeat("x", 1025))), expect(invalid, "at most 1024")},
		"the Secret that is read is the one that is written": {oauthClient("Service", inbound("acme-oauth")), expect(invalid, "spec.authentication.clientSecret.secretRef.name acme-oauth", "spec.secret.name")},
		"the Secret that is read, where none is written":     {target("Service", secret{Name: "vault", Preset: "None"}, inbound("vault")), nil},
		"rotation": {target("Service", secret{Rotation: rotation(2160*time.Hour, overlap(24*time.Hour))}), nil},
		"rotation of what the app team brings: how it overlaps": {target("Service", secret{Rotation: rotation(2160 * time.Hour)}, inbound("vault")), nil},
		"rotation of a client without a secret":                 {target("Device", secret{Rotation: rotation(2160 * time.Hour)}), expect(invalid, "spec.secret.rotation:", "has none; remove it")},
		"rotation, too often":                                   {target("Service", secret{Rotation: rotation(time.Minute, overlap(5*time.Minute))}), expect(invalid, "spec.secret.rotation.interval 1m", "from 1h to 8760h")},
		"an overlap longer than the interval":                   {target("Service", secret{Rotation: rotation(2*time.Hour, overlap(3*time.Hour))}), expect(invalid, "spec.secret.rotation.overlap 3h", "interval (2h)")},
		"the usual overlap longer than the interval":            {target("Service", secret{Rotation: rotation(2 * time.Hour)}), expect(invalid, "spec.secret.rotation.overlap 24h")},
		"a deadline without retireWhenUnused":                   {target("Service", secret{Rotation: rotation(2160*time.Hour, deadline(48*time.Hour, false))}), expect(invalid, "spec.secret.rotation.deadline 48h", "retireWhenUnused")},
		"a deadline within the overlap":                         {target("Service", secret{Rotation: rotation(2160*time.Hour, deadline(time.Hour, true))}), expect(invalid, "spec.secret.rotation.deadline 1h", "overlap (24h)")},
		"a deadline":                                            {target("Service", secret{Rotation: rotation(2160*time.Hour, deadline(48*time.Hour, true))}), nil},
		"deletionPolicy":                                        {oauthClient("Service", func(c *v1alpha1.OAuthClient) { c.Spec.DeletionPolicy = v1alpha1.DeletionRetain }), nil},
		"a deletionPolicy that does not exist":                  {oauthClient("Service", func(c *v1alpha1.OAuthClient) { c.Spec.DeletionPolicy = "Orphan" }), expect(invalid, "spec.deletionPolicy Orphan", "Revoke or Retain")},
		"an overlap of a request that is a duration":            {oauthClient("Service", annotated("0s")), nil},
		"an overlap of a request that is none":                  {oauthClient("Service", annotated("now")), expect(invalid, "metadata.annotations[grantkeeper.dev/rotate-overlap] now", "0s for a secret that has leaked")},
		"an overlap of a request that is empty":                 {oauthClient("Service", annotated("")), expect(invalid, "metadata.annotations[grantkeeper.dev/rotate-overlap]")},
	} {
		t.Run(name, func(t *testing.T) {
			got := Client(inputs(tc.client))
			checkFindings(t, tc.want, got.Findings)
		})
	}
}

func TestInboundSecret(t *testing.T) {
	good := "AbCdEfGhIjKlMnOpQrStUvWxYz-012345"
	secret := func(change ...func(*corev1.Secret)) *corev1.Secret {
		s := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Namespace: "partners", Name: "vault", Labels: map[string]string{v1alpha1.LabelReferenced: "true"}},
			Data:       map[string][]byte{"client-secret": []byte(good)},
		}
		for _, f := range change {
			f(s)
		}
		return s
	}
	notFound, weak := v1alpha1.ReasonSecretNotFound, v1alpha1.ReasonSecretTooWeak
	for name, tc := range map[string]struct {
		secret *corev1.Secret
		want   []finding
	}{
		"it is there":                                    {secret(), nil},
		"convention 27 it is late":                       {nil, expect(notFound, "secretRef.name vault", "namespace partners", "the client waits")},
		"K3 it did not opt in":                           {secret(func(s *corev1.Secret) { s.Labels = nil }), expect(notFound, `grantkeeper.dev/referenced: "true"`)},
		"K3 it opted out":                                {secret(func(s *corev1.Secret) { s.Labels[v1alpha1.LabelReferenced] = "false" }), expect(notFound)},
		"K3 it is of another namespace":                  {secret(func(s *corev1.Secret) { s.Namespace = "others" }), expect(notFound)},
		"K3 it is another one":                           {secret(func(s *corev1.Secret) { s.Name = "other" }), expect(notFound)},
		"it has another key":                             {secret(func(s *corev1.Secret) { s.Data = map[string][]byte{"password": []byte(good)} }), expect(notFound, "secretRef.key client-secret", "has no such key")},
		"K6 it is too short, and what it is is not said": {secret(func(s *corev1.Secret) { s.Data["client-secret"] = []byte("hunter2") }), expect(weak, "secretRef.key client-secret", "fewer than 32 characters")},
		"K6 it ends with a line end":                     {secret(func(s *corev1.Secret) { s.Data["client-secret"] = []byte(good + "\n") }), expect(weak, "a line end")},
	} {
		t.Run(name, func(t *testing.T) {
			value, f := InboundValue(oauthClient("Service", inbound("vault")), tc.secret)
			var got []Finding
			if f != nil {
				got = []Finding{*f}
			}
			checkFindings(t, tc.want, got)
			if (value == good) != (tc.want == nil) {
				t.Error("the value is there and the finding too, or neither")
			}
		})
	}
	t.Run("another key", func(t *testing.T) {
		c := oauthClient("Service", inbound("vault"))
		c.Spec.Authentication.ClientSecret.SecretRef.Key = "password"
		if value, f := InboundValue(c, secret(func(s *corev1.Secret) { s.Data = map[string][]byte{"password": []byte(good)} })); value != good || f != nil {
			t.Errorf("got %v", f)
		}
	})
	t.Run("a client that brings none", func(t *testing.T) {
		if value, f := InboundValue(oauthClient("Service"), secret()); value != "" || f != nil {
			t.Errorf("got %v", f)
		}
	})
	t.Run("convention 27 a client whose secret is late is accepted and not registered", func(t *testing.T) {
		got := Client(inputs(oauthClient("Service", inbound("vault")), func(in *ClientInputs) { in.Secrets = nil }))
		if len(got.Findings) > 0 || got.Registration != nil || got.Policy == "" {
			t.Errorf("got %+v", got)
		}
	})
}

func TestSecretRotation(t *testing.T) {
	for name, tc := range map[string]struct {
		rotation *v1alpha1.SecretRotation
		want     credentials.Rotation
	}{
		"none: never by time, and a day where it is asked for": {nil, credentials.Rotation{Overlap: 24 * time.Hour}},
		"the usual overlap": {rotation(720 * time.Hour), credentials.Rotation{Interval: 720 * time.Hour, Overlap: 24 * time.Hour, Deadline: 720 * time.Hour}},
		"a deadline of its own": {rotation(720*time.Hour, func(r *v1alpha1.SecretRotation) {
			r.RetireWhenUnused, r.Deadline, r.Overlap = true, duration(100*time.Hour), duration(time.Hour)
		}), credentials.Rotation{Interval: 720 * time.Hour, Overlap: time.Hour, WhenUnused: true, Deadline: 100 * time.Hour}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := SecretRotation(target("Service", v1alpha1.ClientSecretTarget{Rotation: tc.rotation})); got != tc.want {
				t.Errorf("got %+v", got)
			}
		})
	}
	for name, tc := range map[string]struct {
		annotations map[string]string
		request     string
		overlap     *time.Duration
	}{
		"none":                         {nil, "", nil},
		"a request":                    {map[string]string{v1alpha1.AnnotationRotate: "7"}, "7", nil},
		"a request with an overlap":    {map[string]string{v1alpha1.AnnotationRotate: "7", v1alpha1.AnnotationRotateOverlap: "0s"}, "7", new(time.Duration)},
		"an overlap that is none":      {map[string]string{v1alpha1.AnnotationRotate: "7", v1alpha1.AnnotationRotateOverlap: "soon"}, "", nil},
		"an overlap that is negative":  {map[string]string{v1alpha1.AnnotationRotate: "7", v1alpha1.AnnotationRotateOverlap: "-1h"}, "", nil},
		"an overlap without a request": {map[string]string{v1alpha1.AnnotationRotateOverlap: "0s"}, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			request, overlap := RotateRequest(oauthClient("Service", func(c *v1alpha1.OAuthClient) { c.Annotations = tc.annotations }))
			if request != tc.request || (overlap == nil) != (tc.overlap == nil) || overlap != nil && *overlap != *tc.overlap {
				t.Errorf("got %q, %v", request, overlap)
			}
		})
	}
}

// Whatever a manifest says of its Secret: what is accepted can be rendered, has the secret in it, and is small.
func TestAcceptedSecretsCanBeWritten(t *testing.T) {
	secret, _ := credentials.Generate(strings.NewReader(strings.Repeat("s", 32)))
	cookie, _ := credentials.GenerateCookie(strings.NewReader(strings.Repeat("c", 32)))
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		s := v1alpha1.ClientSecretTarget{Preset: v1alpha1.SecretPreset(rapid.SampledFrom([]string{"", "None", "OAuth2Proxy", "Grafana", "ArgoCD", "Spring", "Env", "X"}).Draw(t, "preset"))}
		sources := []v1alpha1.SecretTemplate{"x", "{{ .ClientSecret }}", "{{ .CookieSecret }}", "{{ b64enc .CookieSecret }}", "{{ range .Scopes }}{{ . }},{{ end }}", "{{ .Nope }}", "{{ index .RedirectURIs 0 }}"}
		s.Template = rapid.MapOfN(rapid.SampledFrom([]string{"a", "client-secret", "cookie-secret", "b c"}), rapid.SampledFrom(sources), 0, 3).Draw(t, "template")
		c := target("Service", s)
		if rapid.Bool().Draw(t, "brought") {
			inbound("vault")(c)
		}
		got := Client(inputs(c))
		if len(got.Findings) > 0 {
			checkMessages(t, got.Findings)
			return
		}
		accepted++
		in := SecretInput(got.Registration, got.Server.Spec.Issuer)
		in.ClientSecret, in.CookieSecret = secret, cookie
		data, err := SecretTarget(c).Render(in)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := credentials.Find(data, func(h registration.SecretHash) bool { return h == credentials.Hash(secret) }); !ok && GeneratesSecret(c) {
			t.Fatal("nobody can read the secret")
		}
		if SecretTarget(c).Cookie() && credentials.FindCookie(data) != cookie {
			t.Fatal("the cookie secret is lost with the next write")
		}
	})
	if accepted == 0 {
		t.Error("nothing was accepted")
	}
}

func TestMetadataInOrder(t *testing.T) {
	for name, tc := range map[string]struct {
		metadata *v1alpha1.SecretMetadata
		want     bool
	}{
		"none":              {want: true},
		"a label of a tool": {&v1alpha1.SecretMetadata{Labels: map[string]v1alpha1.LabelValue{"team": "a"}}, true},
		"one that would have the Secret read as the app team's own": {
			&v1alpha1.SecretMetadata{Labels: map[string]v1alpha1.LabelValue{v1alpha1.LabelReferenced: "true"}}, false,
		},
		"a proof": {&v1alpha1.SecretMetadata{Annotations: map[string]v1alpha1.AnnotationValue{credentials.AnnotationProof: "x"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := MetadataInOrder(target("Service", v1alpha1.ClientSecretTarget{Metadata: tc.metadata})); got != tc.want {
				t.Error(got)
			}
		})
	}
	if !MetadataInOrder(oauthClient("Service")) {
		t.Error("a manifest that says nothing of its Secret is in order")
	}
}
