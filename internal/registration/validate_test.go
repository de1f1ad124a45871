package registration

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

func TestSamplesAreValid(t *testing.T) {
	for name, d := range samples(t) {
		if err := d.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// refusal changes a valid document and names the field whose problem must be reported.
type refusal[T any] struct {
	change func(T)
	field  string
}

func checkRefusals[T Document](t *testing.T, sample func() T, cases map[string]refusal[T]) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := sample()
			tc.change(d)
			err := d.Validate()
			if err == nil || !strings.Contains("\n"+err.Error(), "\n"+tc.field) {
				t.Errorf("got %v, want a problem of %s", err, tc.field)
			}
			if _, encodeErr := Encode(d); encodeErr == nil {
				t.Error("it can be encoded")
			}
		})
	}
}

func TestServerRefusals(t *testing.T) {
	checkRefusals(t, sampleServer, map[string]refusal[*Server]{
		"no namespace":                     {func(d *Server) { d.Namespace = "" }, "namespace"},
		"a name that is none":              {func(d *Server) { d.Name = "a/b" }, "name"},
		"plain http":                       {func(d *Server) { d.Issuer = "http://login.example.com" }, "issuer"},
		"an invisible display name":        {func(d *Server) { d.DisplayName = "a\u200b" }, "displayName"},
		"no code lifetime":                 {func(d *Server) { d.Device.CodeTTL = 0 }, "device.codeTTL"},
		"a code lifetime over 15 minutes":  {func(d *Server) { d.Device.CodeTTL = Duration(16 * time.Minute) }, "device.codeTTL"},
		"no interval":                      {func(d *Server) { d.Device.Interval = 0 }, "device.interval"},
		"an interval as long as the codes": {func(d *Server) { d.Device.CodeTTL, d.Device.Interval = Duration(time.Minute), Duration(time.Minute) }, "device.interval"},
		"a proxy that is no network":       {func(d *Server) { d.TrustedProxies = []string{"10.0.0.0/8", "10.0.0.1"} }, "trustedProxies[1]"},
		"a proxy twice":                    {func(d *Server) { d.TrustedProxies = []string{"10.0.0.0/8", "10.0.0.0/8"} }, "trustedProxies[1]"},
		"too many proxies":                 {func(d *Server) { d.TrustedProxies = make([]string, MaxTrustedProxies+1) }, "trustedProxies"},
	})
}

func TestClientRefusals(t *testing.T) {
	checkRefusals(t, sampleClient, map[string]refusal[*Client]{
		"no uid":                                {func(d *Client) { d.UID = "" }, "uid"},
		"a uid with a line end":                 {func(d *Client) { d.UID = "a\nb" }, "uid"},
		"a negative generation":                 {func(d *Client) { d.Generation = -1 }, "generation"},
		"no client id":                          {func(d *Client) { d.ClientID = "" }, "clientID"},
		"an unknown type":                       {func(d *Client) { d.Type = "Desktop" }, "type"},
		"no display name":                       {func(d *Client) { d.Display.Name = "" }, "display.name"},
		"a publisher that reverses the text":    {func(d *Client) { d.Display.Publisher = "a\u202e" }, "display.publisher"},
		"a homepage that is a script":           {func(d *Client) { d.Display.Homepage = "javascript:alert(1)" }, "display.homepage"},
		"a privacy policy by plain http":        {func(d *Client) { d.Display.PolicyURI = "http://acme.example" }, "display.policyURI"},
		"a redirect by plain http":              {func(d *Client) { d.RedirectURIs[1] = "http://acme.example/cb" }, "redirectURIs[1]"},
		"a redirect twice":                      {func(d *Client) { d.RedirectURIs[1] = d.RedirectURIs[0] }, "redirectURIs[1]"},
		"too many redirects":                    {func(d *Client) { d.RedirectURIs = make([]string, MaxRedirectURIs+1) }, "redirectURIs"},
		"no grant types":                        {func(d *Client) { d.GrantTypes = nil }, "grantTypes"},
		"an unknown grant type":                 {func(d *Client) { d.GrantTypes[1] = "password" }, "grantTypes[1]"},
		"a refresh token without a user":        {func(d *Client) { d.GrantTypes = []string{GrantTypeRefreshToken} }, "grantTypes[0]"},
		"client credentials of a public client": {func(d *Client) { d.GrantTypes = append(d.GrantTypes, GrantTypeClientCredentials) }, "grantTypes[2]"},
		"a scope with a space":                  {func(d *Client) { d.Scopes[1] = "a b" }, "scopes[1]"},
		"a scope twice":                         {func(d *Client) { d.Scopes[1] = "openid" }, "scopes[1]"},
		"openid without a user": {func(d *Client) {
			d.GrantTypes, d.Authentication.Methods = []string{GrantTypeClientCredentials}, []AuthenticationMethod{AuthenticationClientSecret}
		}, "scopes[0]"},
		"no method":                   {func(d *Client) { d.Authentication.Methods = nil }, "authentication.methods"},
		"an unknown method":           {func(d *Client) { d.Authentication.Methods[0] = "Magic" }, "authentication.methods[0]"},
		"a method twice":              {func(d *Client) { d.Authentication.Methods[1] = AuthenticationNone }, "authentication.methods[1]"},
		"a secret method, no secret":  {func(d *Client) { d.Authentication.Secrets = nil }, "authentication.secrets"},
		"a secret, no secret method":  {func(d *Client) { d.Authentication.Methods = d.Authentication.Methods[:1] }, "authentication.secrets"},
		"too many secrets":            {func(d *Client) { d.Authentication.Secrets = make([]SecretHash, MaxSecrets+1) }, "authentication.secrets"},
		"a secret in the clear":       {func(d *Client) { d.Authentication.Secrets[0].SHA256 = "gkcs_secret" }, "authentication.secrets[0].sha256"},
		"a hash in upper case":        {func(d *Client) { d.Authentication.Secrets[0].SHA256 = strings.ToUpper(sampleHash) }, "authentication.secrets[0].sha256"},
		"a hash too short":            {func(d *Client) { d.Authentication.Secrets[1].SHA256 = sampleHash[1:] }, "authentication.secrets[1].sha256"},
		"two secrets of one id":       {func(d *Client) { d.Authentication.Secrets[1].ID = d.Authentication.Secrets[0].ID }, "authentication.secrets[1].id"},
		"a secret without id":         {func(d *Client) { d.Authentication.Secrets[1].ID = "" }, "authentication.secrets[1].id"},
		"no access token lifetime":    {func(d *Client) { d.Tokens.AccessTokenTTL = 0 }, "tokens.accessTokenTTL"},
		"a negative lifetime":         {func(d *Client) { d.Tokens.RefreshTokenTTL = -1 }, "tokens.refreshTokenTTL"},
		"a lifetime of many years":    {func(d *Client) { d.Tokens.RefreshTokenTTL = 1<<63 - 1 }, "tokens.refreshTokenTTL"},
		"a lifetime of half a second": {func(d *Client) { d.Tokens.AccessTokenTTL += Duration(time.Second / 2) }, "tokens.accessTokenTTL"},
		"no idle lifetime":            {func(d *Client) { d.Tokens.RefreshTokenIdle = 0 }, "tokens.refreshTokenIdle"},
		"no policy":                   {func(d *Client) { d.Policy = "" }, "policy"},
	})
	t.Run("every problem is named at once", func(t *testing.T) {
		err := new(Client).Validate()
		for _, field := range []string{"namespace", "name", "uid", "clientID", "type", "display.name", "grantTypes", "authentication.methods", "tokens.accessTokenTTL", "policy"} {
			if !strings.Contains("\n"+err.Error(), "\n"+field) {
				t.Errorf("%s is not named in:\n%v", field, err)
			}
		}
	})
}

func TestPolicyRefusals(t *testing.T) {
	checkRefusals(t, samplePolicy, map[string]refusal[*Policy]{
		"an unknown grant type":   {func(d *Policy) { d.Allow.GrantTypes[0] = "implicit" }, "allow.grantTypes[0]"},
		"a scope that is none":    {func(d *Policy) { d.Allow.Scopes[1] = "" }, "allow.scopes[1]"},
		"a wildcard for all":      {func(d *Policy) { d.Allow.RedirectHosts[0] = "*" }, "allow.redirectHosts[0]"},
		"an unknown method":       {func(d *Policy) { d.Allow.Authentication[0] = "Magic" }, "allow.authentication[0]"},
		"too many scopes":         {func(d *Policy) { d.Allow.Scopes = make([]string, MaxPolicyEntries+1) }, "allow.scopes"},
		"a limit below the least": {func(d *Policy) { d.Limits.AccessTokenTTL = 1 }, "limits.accessTokenTTL"},
		"a negative limit":        {func(d *Policy) { d.Limits.RefreshTokenTTL = -1 }, "limits.refreshTokenTTL"},
	})
}

func TestResourceRefusals(t *testing.T) {
	checkRefusals(t, sampleResource, map[string]refusal[*Resource]{
		"no identifier":                {func(d *Resource) { d.Identifier = "" }, "identifier"},
		"a fragment":                   {func(d *Resource) { d.Identifier += "#a" }, "identifier"},
		"an invisible title":           {func(d *Resource) { d.Title = "\u200b" }, "title"},
		"a scope of OpenID Connect":    {func(d *Resource) { d.Scopes[0].Name = "offline_access" }, "scopes[0].name"},
		"a scope twice":                {func(d *Resource) { d.Scopes = append(d.Scopes, d.Scopes[0]) }, "scopes[1].name"},
		"a scope without title":        {func(d *Resource) { d.Scopes[0].Title = "" }, "scopes[0].title"},
		"a description with a control": {func(d *Resource) { d.Scopes[0].Description = "a\x1b[31m" }, "scopes[0].description"},
		"too many scopes":              {func(d *Resource) { d.Scopes = make([]Scope, MaxResourceScopes+1) }, "scopes"},
	})
}

func TestIdentityProviderRefusals(t *testing.T) {
	checkRefusals(t, sampleProvider, map[string]refusal[*IdentityProvider]{
		"no uid":                         {func(d *IdentityProvider) { d.UID = "" }, "uid"},
		"no display name":                {func(d *IdentityProvider) { d.DisplayName = "" }, "displayName"},
		"no kind of provider":            {func(d *IdentityProvider) { d.Local = nil }, "oidc, github, ldap, local"},
		"a username with a space":        {func(d *IdentityProvider) { d.Local.Accounts[0].Username = "a b" }, "local.accounts[0].username"},
		"two usernames but for the case": {func(d *IdentityProvider) { d.Local.Accounts[1].Username = "ADA" }, "local.accounts[1].username"},
		"a password in the clear":        {func(d *IdentityProvider) { d.Local.Accounts[1].PasswordHash = "hunter2" }, "local.accounts[1].passwordHash"},
		"an e-mail address that is none": {func(d *IdentityProvider) { d.Local.Accounts[0].Email = "ada" }, "local.accounts[0].email"},
		"a verified e-mail that is not there": {func(d *IdentityProvider) {
			d.Local.Accounts[0].Email = ""
		}, "local.accounts[0].emailVerified"},
		"a group twice":      {func(d *IdentityProvider) { d.Local.Accounts[0].Groups = []string{"a", "a"} }, "local.accounts[0].groups[1]"},
		"too many groups":    {func(d *IdentityProvider) { d.Local.Accounts[0].Groups = make([]string, MaxGroups+1) }, "local.accounts[0].groups"},
		"too many accounts":  {func(d *IdentityProvider) { d.Local.Accounts = make([]LocalAccount, MaxAccounts+1) }, "local.accounts"},
		"an invisible name":  {func(d *IdentityProvider) { d.Local.Accounts[0].Name = "\u200b" }, "local.accounts[0].name"},
		"an empty group":     {func(d *IdentityProvider) { d.Local.Accounts[0].Groups = []string{""} }, "local.accounts[0].groups[0]"},
		"no username at all": {func(d *IdentityProvider) { d.Local.Accounts[0].Username = "" }, "local.accounts[0].username"},
	})
}

func TestKeysRefusals(t *testing.T) {
	rsa2048, rsa1024 := rsaKey(t, 2048), weakRSA(t)
	signing := func(algorithm string, der []byte) func(*Keys) {
		return func(d *Keys) { d.Signing[0].Algorithm, d.Signing[0].PKCS8 = algorithm, der }
	}
	checkRefusals(t, func() *Keys { return sampleKeys(t) }, map[string]refusal[*Keys]{
		"a key that is none":             {signing(AlgorithmES256, []byte("x")), "signing[0].pkcs8"},
		"an RSA key for ES256":           {signing(AlgorithmES256, rsa2048), "signing[0].pkcs8"},
		"a P-256 key for RS256":          {signing(AlgorithmRS256, p256(t)), "signing[0].pkcs8"},
		"an RSA key that is too short":   {signing(AlgorithmRS256, rsa1024), "signing[0].pkcs8"},
		"no algorithm":                   {signing("none", p256(t)), "signing[0].pkcs8"},
		"a symmetric algorithm":          {signing("HS256", p256(t)), "signing[0].pkcs8"},
		"no key id":                      {func(d *Keys) { d.Signing[0].ID = "" }, "signing[0].id"},
		"a key id twice":                 {func(d *Keys) { d.Signing = append(d.Signing, d.Signing[0]); d.Signing[1].State = KeyNext }, "signing[1].id"},
		"two active keys":                {func(d *Keys) { d.Signing = append(d.Signing, d.Signing[0]); d.Signing[1].ID = "k2" }, "signing[1].state"},
		"an unknown state":               {func(d *Keys) { d.Signing[0].State = "Lost" }, "signing[0].state"},
		"too many signing keys":          {func(d *Keys) { d.Signing = make([]SigningKey, MaxSigningKeys+1) }, "signing"},
		"no sealing key":                 {func(d *Keys) { d.Sealing = nil }, "sealing"},
		"a sealing key of 16 bytes":      {func(d *Keys) { d.Sealing[0].Key = make([]byte, 16) }, "sealing[0].key"},
		"no derivation key":              {func(d *Keys) { d.Derivation = nil }, "derivation"},
		"a derivation key id twice":      {func(d *Keys) { d.Derivation = append(d.Derivation, d.Derivation[0]) }, "derivation[1].id"},
		"a derivation key without an id": {func(d *Keys) { d.Derivation[0].ID = "" }, "derivation[0].id"},
	})
	t.Run("an RSA key for RS256 beside a P-256 key for ES256 is fine, both active", func(t *testing.T) {
		d := sampleKeys(t)
		d.Signing = append(d.Signing, SigningKey{ID: "k2", Algorithm: AlgorithmRS256, State: KeyActive, PKCS8: rsa2048})
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
	})
	t.Run("no problem repeats a key", func(t *testing.T) {
		d := sampleKeys(t)
		d.Signing[0].Algorithm, d.Sealing[0].Key = AlgorithmRS256, []byte("a secret that is too short")
		if err := d.Validate(); err == nil || strings.Contains(err.Error(), "a secret") || strings.Contains(err.Error(), hex.EncodeToString(p256(t))) {
			t.Errorf("got %v", err)
		}
	})
}
