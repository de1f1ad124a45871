package compile

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/contrast"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Defaults of an OAuthServer.
const (
	DefaultDeviceCodeTTL  = 15 * time.Minute
	DefaultDeviceInterval = 5 * time.Second
)

// ServerOf finds the server of a client among all servers, or says why there is none: the one that spec.serverRef
// names, or the only one that is marked as the default.
func ServerOf(c *v1alpha1.OAuthClient, servers []v1alpha1.OAuthServer) (*v1alpha1.OAuthServer, *Finding) {
	if ref := c.Spec.ServerRef; ref != nil {
		namespace := ref.Namespace
		if namespace == "" {
			namespace = c.Namespace
		}
		if s := findServer(servers, namespace, ref.Name); s != nil {
			return s, nil
		}
		return nil, notFound("spec.serverRef %s: there is no OAuthServer of this name; correct name and namespace, or create it", show(namespace+"/"+ref.Name))
	}
	var defaults []string
	var found *v1alpha1.OAuthServer
	for i := range servers {
		if servers[i].Annotations[v1alpha1.AnnotationDefaultServer] == "true" {
			found = &servers[i]
			defaults = append(defaults, namespacedName(found))
		}
	}
	if len(defaults) == 1 {
		return found, nil
	}
	// A slip with an annotation must not end every client: one that has a server stays with it.
	if namespace, name, ok := strings.Cut(c.Status.Server, "/"); ok {
		if s := findServer(servers, namespace, name); s != nil {
			return s, nil
		}
	}
	if len(defaults) == 0 {
		return nil, notFound(`spec.serverRef: is absent, and no OAuthServer is the default; set it, or ask the platform team to annotate one with %s: "true"`, v1alpha1.AnnotationDefaultServer)
	}
	slices.Sort(defaults)
	return nil, notFound(`spec.serverRef: is absent, and several OAuthServers are the default (%s); set it, or ask the platform team to leave %s on one of them`, strings.Join(defaults, ", "), v1alpha1.AnnotationDefaultServer)
}

// LocalServerOf finds the server of a policy, resource or identity provider among the servers of its namespace, or says
// why there is none.
func LocalServerOf(ref *v1alpha1.LocalServerReference, namespace string, servers []v1alpha1.OAuthServer) (*v1alpha1.OAuthServer, *Finding) {
	if ref != nil {
		if s := findServer(servers, namespace, ref.Name); s != nil {
			return s, nil
		}
		return nil, notFound("spec.serverRef %s: there is no OAuthServer of this name in namespace %s; correct the name, or create it", show(ref.Name), namespace)
	}
	var names []string
	var found *v1alpha1.OAuthServer
	for i := range servers {
		if servers[i].Namespace == namespace {
			found = &servers[i]
			names = append(names, found.Name)
		}
	}
	switch len(names) {
	case 0:
		return nil, notFound("spec.serverRef: is absent, and there is no OAuthServer in namespace %s; create one, or move this object to the namespace of its server", namespace)
	case 1:
		return found, nil
	}
	slices.Sort(names)
	return nil, notFound("spec.serverRef: is absent, and namespace %s has several OAuthServers (%s); name one", namespace, strings.Join(names, ", "))
}

func findServer(servers []v1alpha1.OAuthServer, namespace, name string) *v1alpha1.OAuthServer {
	for i := range servers {
		if servers[i].Namespace == namespace && servers[i].Name == name {
			return &servers[i]
		}
	}
	return nil
}

func notFound(format string, args ...any) *Finding {
	var k checker
	k.add(v1alpha1.ReasonServerNotFound, format, args...)
	return &k.findings[0]
}

// Server compiles an OAuthServer. others are all OAuthServers, for conflicts of the issuer: the older one keeps it. The
// document is nil when there are findings.
func Server(s *v1alpha1.OAuthServer, others []v1alpha1.OAuthServer) (*registration.Server, []Finding) {
	var k checker
	d := &registration.Server{
		Namespace:   s.Namespace,
		Name:        s.Name,
		Issuer:      s.Spec.Issuer,
		DisplayName: s.Spec.DisplayName,
		Device: registration.Device{
			CodeTTL:  registration.Duration(DefaultDeviceCodeTTL),
			Interval: registration.Duration(DefaultDeviceInterval),
		},
	}
	k.check("spec.issuer", orEmpty(s.Spec.Issuer), registration.CheckIssuer(s.Spec.Issuer))
	k.optionalText("spec.displayName", s.Spec.DisplayName, registration.MaxDisplayText)
	if u, err := url.Parse(s.Spec.Issuer); d.DisplayName == "" && err == nil {
		d.DisplayName = clipText(u.Host)
	}
	if c := s.Spec.Compatibility; c != nil {
		d.JSONRequestBodies = c.JSONRequestBodies
	}
	k.branding(d, s.Spec.Branding)
	k.device(d, s.Spec.Device)
	k.exposure(d, s.Spec.Expose)
	if keys := s.Spec.SigningKeys; keys != nil {
		k.lifetime("spec.signingKeys.rotateEvery", keys.RotateEvery, registration.MinRotateEvery, registration.MinRotateEvery, registration.MaxRotateEvery)
	}
	if c := s.Spec.Clients; c != nil {
		k.selector("spec.clients.namespaceSelector", c.NamespaceSelector)
	}
	if st := s.Spec.Storage; st != nil && st.SQLite != nil && st.SQLite.Size != nil && st.SQLite.Size.Sign() <= 0 {
		k.check("spec.storage.sqlite.size", st.SQLite.Size.String(), errPositive)
	}
	var holder *v1alpha1.OAuthServer // the oldest, in whatever order they are listed
	for i := range others {
		if o := &others[i]; !sameObject(o, s) && o.Spec.Issuer == s.Spec.Issuer && older(o, s) && (holder == nil || older(o, holder)) {
			holder = o
		}
	}
	if holder != nil {
		k.add(v1alpha1.ReasonIdentifierConflict, "spec.issuer %s: the older OAuthServer %s has this issuer; choose another", show(s.Spec.Issuer), namespacedName(holder))
	}
	if !k.validates(d) {
		return nil, k.bounded()
	}
	return d, nil
}

// branding takes colours that people can read alone: text is written on the accent, and the accent on cards.
func (k *checker) branding(d *registration.Server, b *v1alpha1.ServerBranding) {
	if b == nil {
		return
	}
	d.Branding = registration.Branding{Logo: b.Logo, Accent: b.Accent, AccentDark: b.AccentDark}
	if b.Logo != "" {
		k.check("spec.branding.logo", "", registration.CheckLogo(b.Logo))
	}
	for _, c := range []struct{ field, value, background string }{
		{"spec.branding.accent", b.Accent, contrast.Light}, {"spec.branding.accentDark", b.AccentDark, contrast.Dark},
	} {
		if c.value == "" {
			continue
		}
		err := registration.CheckColour(c.value)
		if err == nil {
			err = contrast.Check(c.value, c.background)
		}
		k.check(c.field, c.value, err)
	}
}

func (k *checker) device(d *registration.Server, device *v1alpha1.ServerDevice) {
	if device == nil {
		return
	}
	d.Device.CodeTTL = k.lifetime("spec.device.codeTTL", device.CodeTTL, DefaultDeviceCodeTTL, registration.MinDeviceCodeTTL, registration.MaxDeviceCodeTTL)
	d.Device.Interval = k.lifetime("spec.device.interval", device.Interval, DefaultDeviceInterval, registration.MinDeviceInterval, registration.MaxDeviceInterval)
	if d.Device.Interval >= d.Device.CodeTTL {
		k.invalid("spec.device.interval", "must be shorter than spec.device.codeTTL (%s)", registration.FormatDuration(d.Device.CodeTTL.Std()))
	}
}

func (k *checker) exposure(d *registration.Server, expose *v1alpha1.ServerExposure) {
	if expose == nil {
		return
	}
	checkList(k, "spec.expose.trustedProxies", expose.TrustedProxies, registration.MaxTrustedProxies, registration.CheckCIDR)
	d.TrustedProxies = slices.Clone(expose.TrustedProxies)
	if in := expose.Ingress; in != nil && in.TLSSecretName != "" {
		k.check("spec.expose.ingress.tlsSecretName", in.TLSSecretName, registration.CheckName(in.TLSSecretName))
	}
}

// clipText cuts a host to the length of a display text.
func clipText(s string) string { return s[:min(len(s), registration.MaxDisplayText)] }
