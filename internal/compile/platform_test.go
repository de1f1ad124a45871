package compile

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	quantity "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

const invalid = v1alpha1.ReasonInvalid

func TestServer(t *testing.T) {
	t.Run("an issuer is enough", func(t *testing.T) {
		s := server()
		d, findings := Server(&s, []v1alpha1.OAuthServer{s})
		checkFindings(t, nil, findings)
		if d.Issuer != "https://login.example.com" || d.DisplayName != "login.example.com" || d.Device.CodeTTL.Std() != 15*time.Minute || d.Device.Interval.Std() != 5*time.Second || d.JSONRequestBodies {
			t.Errorf("got %+v", d)
		}
	})
	type spec = v1alpha1.OAuthServerSpec
	cases := map[string]struct {
		change func(*spec)
		others []v1alpha1.OAuthServer
		want   []finding
	}{
		"plain http":             {change: func(s *spec) { s.Issuer = "http://login.example.com" }, want: expect(invalid, "spec.issuer http://login.example.com", "must be https")},
		"http on loopback":       {change: func(s *spec) { s.Issuer = "http://127.0.0.1:8080" }},
		"no issuer":              {change: func(s *spec) { s.Issuer = "" }, want: expect(invalid, `spec.issuer ""`)},
		"a trailing slash":       {change: func(s *spec) { s.Issuer += "/" }, want: expect(invalid, "spec.issuer", "slash")},
		"credentials are hidden": {change: func(s *spec) { s.Issuer = "https://u:hunter2@login.example.com" }, want: expect(invalid, "spec.issuer https://REDACTED@login.example.com")},
		"an invisible name":      {change: func(s *spec) { s.DisplayName = "\u200b" }, want: expect(invalid, "spec.displayName")},
		"a code of an hour":      {change: func(s *spec) { s.Device = &v1alpha1.ServerDevice{CodeTTL: duration(time.Hour)} }, want: expect(invalid, "spec.device.codeTTL 1h", "1m to 15m")},
		"an interval of zero":    {change: func(s *spec) { s.Device = &v1alpha1.ServerDevice{Interval: duration(0)} }, want: expect(invalid, "spec.device.interval 0s")},
		"an interval as long as the codes": {change: func(s *spec) {
			s.Device = &v1alpha1.ServerDevice{CodeTTL: duration(time.Minute), Interval: duration(time.Minute)}
		},
			want: expect(invalid, "spec.device.interval", "spec.device.codeTTL (1m)")},
		"a proxy that is an address": {change: func(s *spec) { s.Expose = &v1alpha1.ServerExposure{TrustedProxies: []string{"10.0.0.1"}} }, want: expect(invalid, "spec.expose.trustedProxies[0] 10.0.0.1", "CIDR")},
		"a proxy that is everybody":  {change: func(s *spec) { s.Expose = &v1alpha1.ServerExposure{TrustedProxies: []string{"0.0.0.0/0"}} }, want: expect(invalid, "spec.expose.trustedProxies[0]", "whole internet")},
		"a certificate that is no name": {change: func(s *spec) {
			s.Expose = &v1alpha1.ServerExposure{Ingress: &v1alpha1.IngressExposure{TLSSecretName: "a/b"}}
		}, want: expect(invalid, "spec.expose.ingress.tlsSecretName a/b")},
		"a rotation every minute": {change: func(s *spec) { s.SigningKeys = &v1alpha1.ServerSigningKeys{RotateEvery: duration(time.Minute)} }, want: expect(invalid, "spec.signingKeys.rotateEvery 1m", "1h to 8760h")},
		"a rotation every day":    {change: func(s *spec) { s.SigningKeys = &v1alpha1.ServerSigningKeys{RotateEvery: duration(24 * time.Hour)} }},
		"a selector that cannot be read": {change: func(s *spec) {
			s.Clients = &v1alpha1.ServerClients{NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Like"}}}}
		}, want: expect(invalid, "spec.clients.namespaceSelector", "Like")},
		"a volume of nothing": {change: func(s *spec) {
			s.Storage = &v1alpha1.ServerStorage{SQLite: &v1alpha1.SQLiteStorage{Size: new(quantity.Quantity)}}
		}, want: expect(invalid, "spec.storage.sqlite.size 0")},
		"an older server with the issuer":   {change: func(*spec) {}, others: []v1alpha1.OAuthServer{server(func(s *v1alpha1.OAuthServer) { s.ObjectMeta = meta("elsewhere", "x", -1) })}, want: expect(v1alpha1.ReasonIdentifierConflict, "spec.issuer https://login.example.com", "elsewhere/x")},
		"a younger server with the issuer":  {change: func(*spec) {}, others: []v1alpha1.OAuthServer{server(func(s *v1alpha1.OAuthServer) { s.ObjectMeta = meta("elsewhere", "x", 1) })}},
		"an older server of another issuer": {change: func(*spec) {}, others: []v1alpha1.OAuthServer{server(func(s *v1alpha1.OAuthServer) { s.ObjectMeta = meta("elsewhere", "x", -1); s.Spec.Issuer += "/x" })}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := server()
			tc.change(&s.Spec)
			d, findings := Server(&s, append(tc.others, s))
			checkFindings(t, tc.want, findings)
			if (d == nil) != (len(tc.want) > 0) {
				t.Errorf("the document is %+v", d)
			}
		})
	}
}

func TestLocalServerOf(t *testing.T) {
	two := []v1alpha1.OAuthServer{server(), server(func(s *v1alpha1.OAuthServer) { s.Name = "b" }), server(func(s *v1alpha1.OAuthServer) { s.Namespace = "elsewhere" })}
	cases := map[string]struct {
		ref       *v1alpha1.LocalServerReference
		namespace string
		servers   []v1alpha1.OAuthServer
		want      string
		words     []string
	}{
		"the only one of the namespace":    {namespace: "elsewhere", servers: two, want: "elsewhere/main"},
		"the one that is named":            {ref: &v1alpha1.LocalServerReference{Name: "b"}, namespace: "oauth-system", servers: two, want: "oauth-system/b"},
		"several and none named":           {namespace: "oauth-system", servers: two, words: []string{"oauth-system", "b, main", "name one"}},
		"none in the namespace":            {namespace: "empty", servers: two, words: []string{"namespace empty", "create one"}},
		"none of that name":                {ref: &v1alpha1.LocalServerReference{Name: "c"}, namespace: "oauth-system", servers: two, words: []string{"spec.serverRef c", "oauth-system"}},
		"one of that name elsewhere alone": {ref: &v1alpha1.LocalServerReference{Name: "b"}, namespace: "elsewhere", servers: two, words: []string{"spec.serverRef b"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s, f := LocalServerOf(tc.ref, tc.namespace, tc.servers)
			if tc.want != "" {
				if f != nil || namespacedName(s) != tc.want {
					t.Errorf("got %v, %v", s, f)
				}
				return
			}
			if s != nil || f == nil {
				t.Fatalf("got %v, %v", s, f)
			}
			checkFindings(t, expect(v1alpha1.ReasonServerNotFound, tc.words...), []Finding{*f})
		})
	}
}

func TestPolicy(t *testing.T) {
	type spec = v1alpha1.OAuthGrantPolicySpec
	badSelector := &metav1.LabelSelector{MatchLabels: map[string]string{"a b": "c"}}
	cases := map[string]struct {
		change func(*spec)
		want   []finding
	}{
		"the usual one":                    {change: func(*spec) {}},
		"one that allows nothing":          {change: func(s *spec) { s.Allow = v1alpha1.PolicyAllow{} }},
		"an unknown grant type":            {change: func(s *spec) { s.Allow.GrantTypes[1] = "password" }, want: expect(invalid, "spec.allow.grantTypes[1] password")},
		"a scope with a space":             {change: func(s *spec) { s.Allow.Scopes = []string{"a b"} }, want: expect(invalid, "spec.allow.scopes[0] a b")},
		"a scope twice":                    {change: func(s *spec) { s.Allow.Scopes = []string{"a", "a"} }, want: expect(invalid, "spec.allow.scopes[1] a", "twice")},
		"every host":                       {change: func(s *spec) { s.Allow.RedirectHosts = []string{"*"} }, want: expect(invalid, "spec.allow.redirectHosts[0] *", "wildcard")},
		"every host of a top-level domain": {change: func(s *spec) { s.Allow.RedirectHosts = []string{"*.com"} }, want: expect(invalid, "spec.allow.redirectHosts[0] *.com", "two labels")},
		"a URI for a host":                 {change: func(s *spec) { s.Allow.RedirectHosts = []string{"https://acme.example"} }, want: expect(invalid, "spec.allow.redirectHosts[0]", "host name alone")},
		"an unknown method":                {change: func(s *spec) { s.Allow.Authentication = []v1alpha1.AuthenticationMethod{"Magic"} }, want: expect(invalid, "spec.allow.authentication[0] Magic")},
		"a limit of nothing":               {change: func(s *spec) { s.Limits = &v1alpha1.PolicyLimits{AccessTokenTTL: duration(0)} }, want: expect(invalid, "spec.limits.accessTokenTTL 0s")},
		"a limit of ten years":             {change: func(s *spec) { s.Limits = &v1alpha1.PolicyLimits{RefreshTokenTTL: duration(87600 * time.Hour)} }, want: expect(invalid, "spec.limits.refreshTokenTTL 87600h")},
		"selectors that cannot be read": {change: func(s *spec) {
			s.Clients = v1alpha1.PolicyClients{NamespaceSelector: badSelector, Selector: badSelector}
		}, want: []finding{{invalid, []string{"spec.clients.namespaceSelector"}}, {invalid, []string{"spec.clients.selector"}}}},
		"a server that is not there": {change: func(s *spec) { s.ServerRef = &v1alpha1.LocalServerReference{Name: "x"} }, want: expect(v1alpha1.ReasonServerNotFound, "spec.serverRef x")},
		"one that has everything": {change: func(s *spec) {
			s.Allow.Resources = []v1alpha1.ResourceReference{{Name: "orders"}, {Name: "not-there-yet"}}
			s.Require = &v1alpha1.PolicyRequire{DPoP: true, PushedAuthorizationRequests: true}
			s.Limits = &v1alpha1.PolicyLimits{Clients: new(int32(0)), GrantsPerUser: new(int32(1))}
			s.Users = "'staff' in user.groups && user.emailVerified"
		}},
		"an empty list of resources":     {change: func(s *spec) { s.Allow.Resources = []v1alpha1.ResourceReference{} }, want: expect(invalid, "spec.allow.resources", "left out")},
		"a resource that is no name":     {change: func(s *spec) { s.Allow.Resources = []v1alpha1.ResourceReference{{Name: "Orders"}} }, want: expect(invalid, "spec.allow.resources[0] Orders")},
		"a resource twice":               {change: func(s *spec) { s.Allow.Resources = []v1alpha1.ResourceReference{{Name: "a"}, {Name: "a"}} }, want: expect(invalid, "spec.allow.resources[1] a", "twice")},
		"fewer clients than none":        {change: func(s *spec) { s.Limits = &v1alpha1.PolicyLimits{Clients: new(int32(-1))} }, want: expect(invalid, "spec.limits.clients -1", "leave it out")},
		"no grants for users":            {change: func(s *spec) { s.Limits = &v1alpha1.PolicyLimits{GrantsPerUser: new(int32(0))} }, want: expect(invalid, "spec.limits.grantsPerUser 0", "at least 1")},
		"users by what a provider said":  {change: func(s *spec) { s.Users = "'staff' in claims.groups" }, want: expect(invalid, "spec.users: line 1, column 12", "claims")},
		"users that are not yes or no":   {change: func(s *spec) { s.Users = "user.email" }, want: expect(invalid, "spec.users: the expression yields string, and must yield bool")},
		"users by a field there is not":  {change: func(s *spec) { s.Users = "user.group == 'staff'" }, want: expect(invalid, "spec.users: line 1", "group")},
		"users that are not finished":    {change: func(s *spec) { s.Users = "user.email ==" }, want: expect(invalid, "spec.users: line 1")},
		"users that are blank":           {change: func(s *spec) { s.Users = "  " }, want: expect(invalid, "spec.users: the expression is empty")},
		"users that are too long to ask": {change: func(s *spec) { s.Users = strings.Repeat("true||", 200) + "true" }, want: expect(invalid, "spec.users: must have at most 1024 characters")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := grantPolicy("partners", func(p *v1alpha1.OAuthGrantPolicy) { tc.change(&p.Spec) })
			d, findings := Policy(&p, []v1alpha1.OAuthServer{server()})
			checkFindings(t, tc.want, findings)
			if (d == nil) != (len(tc.want) > 0) {
				t.Errorf("the document is %+v", d)
			}
			if d != nil && len(d.Allow.Authentication) != 4 {
				t.Errorf("absent methods are %v, want all", d.Allow.Authentication)
			}
		})
	}
	t.Run("a selector that cannot be read matches nothing", func(t *testing.T) {
		p := grantPolicy("p", func(p *v1alpha1.OAuthGrantPolicy) { p.Spec.Clients.NamespaceSelector = badSelector })
		if ok, err := PolicyMatches(&p, oauthClient("Service"), nil); ok || err == nil {
			t.Errorf("got %v, %v", ok, err)
		}
	})
}

func TestResource(t *testing.T) {
	type object = v1alpha1.OAuthResource
	cases := map[string]struct {
		change func(*object)
		others []object
		want   []finding
	}{
		"the usual one":                      {change: func(*object) {}},
		"no identifier":                      {change: func(r *object) { r.Spec.Identifier = "" }, want: expect(invalid, `spec.identifier ""`)},
		"an identifier with a fragment":      {change: func(r *object) { r.Spec.Identifier += "#x" }, want: expect(invalid, "spec.identifier https://orders.example.com#x", "fragment")},
		"a relative identifier":              {change: func(r *object) { r.Spec.Identifier = "orders" }, want: expect(invalid, "spec.identifier orders", "absolute")},
		"a scope of OpenID Connect":          {change: func(r *object) { r.Spec.Scopes[0].Name = "email" }, want: expect(invalid, "spec.scopes[0].name email", "OpenID Connect")},
		"a scope twice":                      {change: func(r *object) { r.Spec.Scopes[1].Name = "orders.read" }, want: expect(invalid, "spec.scopes[1].name orders.read", "twice")},
		"a scope without a title":            {change: func(r *object) { r.Spec.Scopes[1].Title = "" }, want: expect(invalid, `spec.scopes[1].title ""`, "blank")},
		"a description that hides something": {change: func(r *object) { r.Spec.Scopes[1].Description = "a\u202eb" }, want: expect(invalid, "spec.scopes[1].description", "U+202E")},
		"too many scopes":                    {change: func(r *object) { r.Spec.Scopes = make([]v1alpha1.ResourceScope, 201) }, want: expect(invalid, "spec.scopes", "at most 200")},
		"an older one with the identifier": {change: func(*object) {}, others: []object{resource("old", func(r *object) {
			r.ObjectMeta = meta("oauth-system", "old", 0)
			r.Spec.Identifier = "https://orders.example.com"
		})}, want: expect(v1alpha1.ReasonIdentifierConflict, "spec.identifier https://orders.example.com", "oauth-system/old")},
		"an older one with a scope":            {change: func(*object) {}, others: []object{resource("old", func(r *object) { r.ObjectMeta = meta("oauth-system", "old", 0); r.Spec.Scopes[1].Name = "orders.write" })}, want: expect(v1alpha1.ReasonIdentifierConflict, "spec.scopes[1].name orders.write", "oauth-system/old")},
		"one of the same age, later by name":   {change: func(*object) {}, others: []object{resource("z", func(r *object) { r.Spec.Identifier = "https://orders.example.com" })}},
		"one of the same age, earlier by name": {change: func(*object) {}, others: []object{resource("a", func(r *object) { r.Spec.Identifier = "https://orders.example.com" })}, want: expect(v1alpha1.ReasonIdentifierConflict, "oauth-system/a")},
		"an older one of another namespace": {change: func(*object) {}, others: []object{resource("old", func(r *object) {
			r.ObjectMeta = meta("elsewhere", "old", 0)
			r.Spec.Identifier = "https://orders.example.com"
		})}},
		"a server that is not there": {change: func(r *object) { r.Namespace = "empty" }, want: expect(v1alpha1.ReasonServerNotFound, "namespace empty")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := resource("orders", tc.change)
			d, findings := Resource(&r, []v1alpha1.OAuthServer{server()}, append(tc.others, r))
			checkFindings(t, tc.want, findings)
			if (d == nil) != (len(tc.want) > 0) {
				t.Errorf("the document is %+v", d)
			}
		})
	}
	t.Run("an older one of another server in the same namespace is no conflict", func(t *testing.T) {
		servers := []v1alpha1.OAuthServer{server(), server(func(s *v1alpha1.OAuthServer) { s.Name = "b" })}
		r := resource("orders", func(r *object) { r.Spec.ServerRef = &v1alpha1.LocalServerReference{Name: "main"} })
		old := resource("old", func(o *object) {
			o.ObjectMeta, o.Spec = meta("oauth-system", "old", 0), r.Spec
			o.Spec.ServerRef = &v1alpha1.LocalServerReference{Name: "b"}
		})
		if d, findings := Resource(&r, servers, []object{old, r}); d == nil || d.Title != r.Spec.Identifier {
			t.Errorf("got %+v, %v", d, findings)
		}
	})
}

func TestIdentityProvider(t *testing.T) {
	const notFound, bad = v1alpha1.ReasonSecretNotFound, v1alpha1.ReasonSecretInvalid
	good := "passwordHash: " + passwordHash + "\n"
	account := func(yaml string) *corev1.Secret { return accountsSecret(map[string]string{"ada": yaml}) }
	type object = v1alpha1.OAuthIdentityProvider
	cases := map[string]struct {
		change func(*object)
		secret *corev1.Secret
		want   []finding
		left   int // accounts that are served although others are wrong
	}{
		"an account with a password alone":  {secret: account(good)},
		"an account with everything":        {secret: account(good + "name: Ada Lovelace\nemail: ada@example.com\nemailVerified: true\ngroups: [staff, admins]\ndisabled: true\n")},
		"no accounts yet":                   {secret: accountsSecret(nil)},
		"no Secret":                         {want: expect(notFound, "spec.local.accountsSecretRef.name accounts", `grantkeeper.dev/referenced: "true"`, "oauth-system")},
		"K3 a Secret that did not opt in":   {secret: func() *corev1.Secret { s := account(good); s.Labels = nil; return s }(), want: expect(notFound, "accounts")},
		"K3 a Secret of another namespace":  {secret: func() *corev1.Secret { s := account(good); s.Namespace = "elsewhere"; return s }(), want: expect(notFound, "accounts")},
		"a Secret of another name":          {secret: func() *corev1.Secret { s := account(good); s.Name = "other"; return s }(), want: expect(notFound, "accounts")},
		"a password in the clear":           {secret: account("passwordHash: hunter2"), want: expect(bad, "Secret accounts key ada field passwordHash", "argon2id in the PHC string format")},
		"a password alone, no YAML mapping": {secret: account("hunter2"), want: expect(bad, "Secret accounts key ada", "must be YAML with passwordHash")},
		"a field that does not exist":       {secret: account(good + "hunter2: x\n"), want: expect(bad, "Secret accounts key ada", "nothing else")},
		"a field twice":                     {secret: account(good + good), want: expect(bad, "Secret accounts key ada", "each once")},
		"a text where a list is expected":   {secret: account(good + "groups: hunter2\n"), want: expect(bad, "Secret accounts key ada")},
		"no password":                       {secret: account("name: Ada\n"), want: expect(bad, "key ada field passwordHash")},
		"nothing":                           {secret: account(""), want: expect(bad, "key ada field passwordHash")},
		"a value of a megabyte":             {secret: account(good + "name: " + strings.Repeat("a", 1<<20)), want: expect(bad, "key ada", "must be YAML")},
		"an e-mail address that is none":    {secret: account(good + "email: hunter2\n"), want: expect(bad, "key ada field email", "name@host.example")},
		"a verified e-mail that is missing": {secret: account(good + "emailVerified: true\n"), want: expect(bad, "key ada field emailVerified")},
		"an invisible name":                 {secret: account(good + "name: \"a\\u200bb\"\n"), want: expect(bad, "key ada field name", "U+200B")},
		"usernames that differ in case":     {secret: accountsSecret(map[string]string{"ada": good, "Ada": good}), want: expect(bad, "key ada: differs from key Ada in case alone"), left: 1},
		"too many accounts": {secret: func() *corev1.Secret {
			s := accountsSecret(nil)
			for i := range 2001 {
				s.Data[strconv.Itoa(i)] = nil
			}
			return s
		}(), want: expect(bad, "at most 2000")},
		"two bad accounts are both named": {secret: accountsSecret(map[string]string{"bob": "x: y", "ada": "hunter2", "eve": good}), want: []finding{{bad, []string{"key ada"}}, {bad, []string{"key bob"}}}, left: 1},
		"an invisible display name":       {change: func(p *object) { p.Spec.DisplayName = "\u200b" }, secret: account(good), want: expect(invalid, "spec.displayName")},
		"no kind of provider":             {change: func(p *object) { p.Spec.Local = nil }, secret: account(good), want: expect(invalid, "spec: must have exactly one of oidc, google, microsoft, github, ldap and local")},
		"a server that is not there":      {change: func(p *object) { p.Spec.ServerRef = &v1alpha1.LocalServerReference{Name: "x"} }, secret: account(good), want: expect(v1alpha1.ReasonServerNotFound, "spec.serverRef x")},
		"more accounts than a document holds": {secret: func() *corev1.Secret {
			s := accountsSecret(nil)
			for i := range 2000 {
				s.Data[fmt.Sprintf("user-%d", i)] = []byte(good + "name: " + strings.Repeat("n", 100) + "\nemail: " + strings.Repeat("e", 60) + "@example.com\n")
			}
			return s
		}(), want: expect(invalid, "more than the")},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := provider()
			if tc.change != nil {
				tc.change(p)
			}
			d, findings := IdentityProvider(p, []v1alpha1.OAuthServer{server()}, tc.secret)
			checkFindings(t, tc.want, findings)
			if (d == nil) != (len(tc.want) > 0 && tc.left == 0) || tc.left > 0 && len(d.Local.Accounts) != tc.left {
				t.Errorf("the document is %+v", d)
			}
		})
	}
}

func TestDocumentName(t *testing.T) {
	kinds := []registration.Kind{registration.KindServer, registration.KindClient, registration.KindPolicy, registration.KindResource, registration.KindIdentityProvider, registration.KindKeys}
	seen := map[string]bool{}
	for _, kind := range kinds {
		for _, owner := range []types.NamespacedName{{Namespace: "a", Name: "b"}, {Namespace: "ab", Name: ""}, {Namespace: "", Name: "ab"}, {Namespace: "a", Name: "b-c"}, {Namespace: "a-b", Name: "c"}, {Namespace: strings.Repeat("n", 63), Name: strings.Repeat("m", 253)}} {
			name := DocumentName(kind, owner)
			if seen[name] || registration.CheckName(name) != nil || len(name) > 63 || name != DocumentName(kind, owner) {
				t.Errorf("%s for %s %s is not new, not a name, too long for a label or not fixed", name, kind, owner)
			}
			seen[name] = true
		}
	}
	// Changing names would leave the Secrets of every installation behind.
	if got, want := DocumentName(registration.KindClient, types.NamespacedName{Namespace: "partners", Name: "acme"}), "gk-client-faf1c9418dbb709157304e5806f2a9c9946e75d9"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestSecretName(t *testing.T) {
	c := oauthClient("Service")
	if got := SecretName(c); got != "acme-oauth" {
		t.Errorf("got %s", got)
	}
	c.Spec.Secret = &v1alpha1.ClientSecretTarget{Name: "mine"}
	if got := SecretName(c); got != "mine" {
		t.Errorf("got %s", got)
	}
	c = oauthClient("Service", func(c *v1alpha1.OAuthClient) { c.Name, c.Spec.ClientID = strings.Repeat("a", 250), "a" })
	checkFindings(t, expect(invalid, "spec.secret.name", "set a shorter one"), Client(inputs(c)).Findings)
}

// TestConflictsAreToldInTheOrderOfAge: a cache lists objects in any order, and a message that changed with it would be written again and
// again.
func TestConflictsAreToldInTheOrderOfAge(t *testing.T) {
	named := func(name string) v1alpha1.OAuthServer {
		return server(func(s *v1alpha1.OAuthServer) { s.Name = name })
	}
	servers := []v1alpha1.OAuthServer{named("main"), named("second"), named("third")}
	var resources []v1alpha1.OAuthResource
	for i, name := range []string{"first", "second", "third"} {
		r := v1alpha1.OAuthResource{ObjectMeta: metav1.ObjectMeta{Namespace: servers[0].Namespace, Name: name, CreationTimestamp: metav1.Unix(int64(i), 0)}}
		r.Spec = v1alpha1.OAuthResourceSpec{ServerRef: &v1alpha1.LocalServerReference{Name: "main"}, Identifier: "urn:a:b"}
		resources = append(resources, r)
		servers[i].CreationTimestamp, servers[i].Spec.Issuer = metav1.Unix(int64(i), 0), "https://same.example"
	}
	message := func(findings []Finding) string {
		var all []string
		for _, f := range findings {
			all = append(all, f.Message)
		}
		return strings.Join(all, "; ")
	}
	last, lastServer := resources[2], servers[2]
	_, inOrder := Resource(&last, servers, resources)
	_, serverInOrder := Server(&lastServer, servers)
	slices.Reverse(resources)
	slices.Reverse(servers)
	_, reversed := Resource(&last, servers, resources)
	_, serverReversed := Server(&lastServer, servers)
	if message(inOrder) != message(reversed) || len(inOrder) != 2 || !strings.Contains(inOrder[0].Message, "/first ") {
		t.Errorf("in order %s\nreversed %s", message(inOrder), message(reversed))
	}
	if message(serverInOrder) != message(serverReversed) || !strings.Contains(message(serverInOrder), "/main ") {
		t.Errorf("in order %s\nreversed %s", message(serverInOrder), message(serverReversed))
	}
}
