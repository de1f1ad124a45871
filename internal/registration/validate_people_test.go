package registration

import (
	"strings"
	"testing"
)

func TestPeopleClientRefusals(t *testing.T) {
	checkRefusals(t, webClient, map[string]refusal[*Client]{
		"a code without anywhere to send it":        {func(d *Client) { d.RedirectURIs = nil }, "redirectURIs"},
		"a private scheme of a web app":             {func(d *Client) { d.RedirectURIs[0] = "com.example.app:/cb" }, "redirectURIs[0]"},
		"a logout that ends at a private scheme":    {func(d *Client) { d.PostLogoutRedirectURIs[0] = "com.example.app:/bye" }, "postLogoutRedirectURIs[0]"},
		"a logout that ends at plain http":          {func(d *Client) { d.PostLogoutRedirectURIs[0] = "http://acme.example" }, "postLogoutRedirectURIs[0]"},
		"a logout address twice":                    {func(d *Client) { d.PostLogoutRedirectURIs = []string{"https://a.example", "https://a.example"} }, "postLogoutRedirectURIs[1]"},
		"a back channel by plain http":              {func(d *Client) { d.BackChannelLogoutURI = "http://reports.acme.example/logout" }, "backChannelLogoutURI"},
		"a back channel with a fragment":            {func(d *Client) { d.BackChannelLogoutURI += "#x" }, "backChannelLogoutURI"},
		"a back channel with userinfo":              {func(d *Client) { d.BackChannelLogoutURI = "https://a:b@reports.acme.example" }, "backChannelLogoutURI"},
		"origins of a web app":                      {func(d *Client) { d.AllowedOrigins = []string{"https://app.acme.example"} }, "allowedOrigins"},
		"a consent that does not exist":             {func(d *Client) { d.Consent = "Never" }, "consent"},
		"an ID token that is signed with a secret":  {func(d *Client) { d.IDTokenAlgorithm = "HS256" }, "idTokenAlgorithm"},
		"an ID token that is not signed":            {func(d *Client) { d.IDTokenAlgorithm = "none" }, "idTokenAlgorithm"},
		"a secret of an app that runs in a browser": {func(d *Client) { d.Type = TypeBrowser }, "authentication.methods"},
		"a secret of a native app":                  {func(d *Client) { d.Type = TypeNative }, "authentication.methods"},
	})
	checkRefusals(t, browserClient, map[string]refusal[*Client]{
		"B16 the origin null":         {func(d *Client) { d.AllowedOrigins[0] = "null" }, "allowedOrigins[0]"},
		"B16 every origin":            {func(d *Client) { d.AllowedOrigins[0] = "*" }, "allowedOrigins[0]"},
		"an origin with a path":       {func(d *Client) { d.AllowedOrigins[0] += "/" }, "allowedOrigins[0]"},
		"an origin with its own port": {func(d *Client) { d.AllowedOrigins[0] += ":443" }, "allowedOrigins[0]"},
		"an origin by plain http":     {func(d *Client) { d.AllowedOrigins[0] = "http://app.acme.example" }, "allowedOrigins[0]"},
		"an origin in upper case":     {func(d *Client) { d.AllowedOrigins[0] = "https://App.acme.example" }, "allowedOrigins[0]"},
		"an origin twice":             {func(d *Client) { d.AllowedOrigins[1] = d.AllowedOrigins[0] }, "allowedOrigins[1]"},
		"too many origins":            {func(d *Client) { d.AllowedOrigins = make([]string, MaxOrigins+1) }, "allowedOrigins"},
	})
}

func TestPeoplePolicyRefusals(t *testing.T) {
	checkRefusals(t, peoplePolicy, map[string]refusal[*Policy]{
		"a provider that is no name":        {func(d *Policy) { d.Allow.IdentityProviders[0] = "Corp" }, "allow.identityProviders[0]"},
		"a provider twice":                  {func(d *Policy) { d.Allow.IdentityProviders[1] = "corp" }, "allow.identityProviders[1]"},
		"too many providers":                {func(d *Policy) { d.Allow.IdentityProviders = make([]string, MaxProviders+1) }, "allow.identityProviders"},
		"a consent that nobody can require": {func(d *Policy) { d.Require.Consent = ConsentSkip }, "require.consent"},
		"a scheme without a dot":            {func(d *Policy) { d.Allow.RedirectHosts[0] = "myapp:" }, "allow.redirectHosts[0]"},
		"the scheme of scripts":             {func(d *Policy) { d.Allow.RedirectHosts[0] = "javascript:" }, "allow.redirectHosts[0]"},
		"a scheme with a path":              {func(d *Policy) { d.Allow.RedirectHosts[0] = "com.example.app:/cb" }, "allow.redirectHosts[0]"},
	})
}

func TestChoicesRefusals(t *testing.T) {
	checkRefusals(t, choosyResource, map[string]refusal[*Resource]{
		"no type":                         {func(d *Resource) { d.Choices.Type = "" }, "choices.type"},
		"a type with a space":             {func(d *Resource) { d.Choices.Type = "my project" }, "choices.type"},
		"a type that is too long":         {func(d *Resource) { d.Choices.Type = strings.Repeat("a", MaxChoicesType+1) }, "choices.type"},
		"no title":                        {func(d *Resource) { d.Choices.Title = "" }, "choices.title"},
		"nothing to choose":               {func(d *Resource) { d.Choices.Static = nil }, "choices.source"},
		"two sources":                     {func(d *Resource) { d.Choices.URL = "https://api.example.com/choices" }, "choices.source"},
		"too much to choose":              {func(d *Resource) { d.Choices.Static = make([]Choice, MaxChoices+1) }, "choices.static"},
		"an id twice":                     {func(d *Resource) { d.Choices.Static[3].ID = "o1" }, "choices.static[3].id"},
		"no id":                           {func(d *Resource) { d.Choices.Static[3].ID = "" }, "choices.static[3].id"},
		"an id with a space":              {func(d *Resource) { d.Choices.Static[3].ID = "a b" }, "choices.static[3].id"},
		"an entry without a title":        {func(d *Resource) { d.Choices.Static[0].Title = "" }, "choices.static[0].title"},
		"a title that reverses the text":  {func(d *Resource) { d.Choices.Static[0].Title = "a\u202e" }, "choices.static[0].title"},
		"a parent that is not there":      {func(d *Resource) { d.Choices.Static[1].Parent = "o9" }, "choices.static[1].parent"},
		"a parent that has a parent":      {func(d *Resource) { d.Choices.Static[2].Parent = "p1" }, "choices.static[2].parent"},
		"an entry that is its own parent": {func(d *Resource) { d.Choices.Static[3].Parent = "o2" }, "choices.static[3].parent"},
		"two that are each other's":       {func(d *Resource) { d.Choices.Static[0].Parent, d.Choices.Static[3].Parent = "o2", "o1" }, "choices.static[0].parent"},
	})
	checkRefusals(t, askedResource, map[string]refusal[*Resource]{
		"an address by plain http":    {func(d *Resource) { d.Choices.URL = "http://api.example.com/choices" }, "choices.url"},
		"an address with userinfo":    {func(d *Resource) { d.Choices.URL = "https://a@api.example.com/choices" }, "choices.url"},
		"an address with a fragment":  {func(d *Resource) { d.Choices.URL += "#x" }, "choices.url"},
		"an address of another kind":  {func(d *Resource) { d.Choices.URL = "file:///etc/passwd" }, "choices.url"},
		"loopback by another address": {func(d *Resource) { d.Choices.URL = "http://127.0.0.2/choices" }, "choices.url"},
	})
	t.Run("http on loopback is fine", func(t *testing.T) {
		d := askedResource()
		d.Choices.URL = "http://127.0.0.1:8080/choices"
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
	})
}

func TestBrandingRefusals(t *testing.T) {
	logo := func(s string) func(*Server) { return func(d *Server) { d.Branding.Logo = s } }
	svg := func(s string) func(*Server) { return logo(svgURI(s)) }
	const open = `<svg xmlns="http://www.w3.org/2000/svg">`
	checkRefusals(t, brandedServer, map[string]refusal[*Server]{
		"a logo elsewhere":               {logo("https://acme.example/logo.png"), "branding.logo"},
		"a logo of another type":         {logo("data:text/html;base64,PGI+"), "branding.logo"},
		"a logo that is not base64":      {logo(svgPrefix + "!!"), "branding.logo"},
		"base64 with line ends":          {logo(strings.Replace(svgURI(sampleSVG), "base64,", "base64,\n", 1)), "branding.logo"},
		"a logo that is too large":       {svg(open + strings.Repeat(" ", MaxLogo) + "</svg>"), "branding.logo"},
		"a picture with too many pixels": {logo(pngURI(maxLogoSide+1, 1)), "branding.logo"},
		"an SVG as a PNG":                {logo(strings.Replace(svgURI(sampleSVG), "svg+xml", "png", 1)), "branding.logo"},
		"a PNG as an SVG":                {logo(strings.Replace(pngURI(1, 1), "png", "svg+xml", 1)), "branding.logo"},
		"XML that is no SVG":             {svg("<html/>"), "branding.logo"},
		"an SVG without its namespace":   {svg("<svg/>"), "branding.logo"},
		"an SVG that is cut off":         {svg(open), "branding.logo"},
		"an empty SVG":                   {logo(svgPrefix), "branding.logo"},
		"an SVG with a script":           {svg(open + "<script/></svg>"), "branding.logo"},
		"an SVG with HTML in it":         {svg(open + "<foreignObject/></svg>"), "branding.logo"},
		"an SVG that does something":     {svg(open + `<g onload="x"/></svg>`), "branding.logo"},
		"an SVG that loads something":    {svg(open + `<image href="https://evil.example/x.png"/></svg>`), "branding.logo"},
		"an SVG that loads it the old way": {svg(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">` +
			`<use xlink:href="//evil.example/x.svg#a"/></svg>`), "branding.logo"},
		"an SVG with entities":           {svg(`<!DOCTYPE svg [<!ENTITY a "b">]>` + open + "</svg>"), "branding.logo"},
		"a colour by its name":           {func(d *Server) { d.Branding.Accent = "teal" }, "branding.accent"},
		"a colour of three digits":       {func(d *Server) { d.Branding.AccentDark = "#abc" }, "branding.accentDark"},
		"a colour that is a style":       {func(d *Server) { d.Branding.Accent = "red;}a{" }, "branding.accent"},
		"a colour with other characters": {func(d *Server) { d.Branding.Accent = "#12345g" }, "branding.accent"},
	})
	for what, uri := range map[string]string{
		"a PNG":                     pngURI(64, 64),
		"an SVG that uses itself":   svgURI(open + `<use href="#a"/></svg>`),
		"an SVG with its XML":       svgURI(`<?xml version="1.0" encoding="UTF-8"?>` + sampleSVG),
		"an SVG with a comment":     svgURI("<!-- made by hand -->" + sampleSVG),
		"an SVG with a picture":     svgURI(open + `<image href="data:image/png;base64,AA=="/></svg>`),
		"a PNG as large as allowed": pngURI(maxLogoSide, 1),
	} {
		if err := CheckLogo(uri); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestUpstreamRefusals(t *testing.T) {
	checkRefusals(t, oidcProvider, map[string]refusal[*IdentityProvider]{
		"two kinds of provider":         {func(d *IdentityProvider) { d.Local = &LocalProvider{} }, "oidc, github, ldap, local"},
		"an issuer by plain http":       {func(d *IdentityProvider) { d.OIDC.Issuer = "http://idp.acme.example" }, "oidc.issuer"},
		"an issuer with a query":        {func(d *IdentityProvider) { d.OIDC.Issuer += "?a=b" }, "oidc.issuer"},
		"an issuer with a place":        {func(d *IdentityProvider) { d.OIDC.Issuer += TenantPlace }, "oidc.issuer"},
		"tenants of one issuer":         {func(d *IdentityProvider) { d.OIDC.Tenants = []string{"72f988bf-86f1-41af-91ab-2d7cd011db47"} }, "oidc.tenants"},
		"a domain that is none":         {func(d *IdentityProvider) { d.OIDC.HostedDomains[0] = "acme" }, "oidc.hostedDomains[0]"},
		"no client id":                  {func(d *IdentityProvider) { d.OIDC.ClientID = "" }, "oidc.clientID"},
		"a secret with a line end":      {func(d *IdentityProvider) { d.OIDC.ClientSecret += "\n" }, "oidc.clientSecret"},
		"a secret that is too long":     {func(d *IdentityProvider) { d.OIDC.ClientSecret = strings.Repeat("a", MaxUpstreamSecret+1) }, "oidc.clientSecret"},
		"scopes without openid":         {func(d *IdentityProvider) { d.OIDC.Scopes = []string{"email"} }, "oidc.scopes"},
		"a scope that is none":          {func(d *IdentityProvider) { d.OIDC.Scopes[1] = "a b" }, "oidc.scopes[1]"},
		"a certificate that is none":    {func(d *IdentityProvider) { d.OIDC.CABundle = notACertificate() }, "oidc.caBundle"},
		"something after a certificate": {func(d *IdentityProvider) { d.OIDC.CABundle += "x" }, "oidc.caBundle"},
		"a key among the certificates": {func(d *IdentityProvider) {
			d.OIDC.CABundle = strings.ReplaceAll(sampleCA, "CERTIFICATE", "PRIVATE KEY")
		}, "oidc.caBundle"},
		"an expression that is too long": {func(d *IdentityProvider) { d.Allow = strings.Repeat("a", MaxExpression+1) }, "allow"},
		"a mapping that is too long":     {func(d *IdentityProvider) { d.Mapping.Groups = strings.Repeat("a", MaxExpression+1) }, "mapping.groups"},
	})
	checkRefusals(t, microsoftProvider, map[string]refusal[*IdentityProvider]{
		"no place for the tenant":          {func(d *IdentityProvider) { d.OIDC.Issuer = "https://login.microsoftonline.com/common/v2.0" }, "oidc.issuer"},
		"a place for the tenant as a host": {func(d *IdentityProvider) { d.OIDC.Issuer = "https://{tenantid}.example/v2.0" }, "oidc.issuer"},
		"two places for the tenant":        {func(d *IdentityProvider) { d.OIDC.Issuer += TenantPlace }, "oidc.issuer"},
		"no address of the metadata":       {func(d *IdentityProvider) { d.OIDC.DiscoveryURL = "" }, "oidc.discoveryURL"},
		"metadata by plain http":           {func(d *IdentityProvider) { d.OIDC.DiscoveryURL = "http://login.microsoftonline.com/" }, "oidc.discoveryURL"},
		"a tenant by its name":             {func(d *IdentityProvider) { d.OIDC.Tenants[0] = "acme.example" }, "oidc.tenants[0]"},
		"a tenant in upper case":           {func(d *IdentityProvider) { d.OIDC.Tenants[0] = strings.ToUpper(d.OIDC.Tenants[0]) }, "oidc.tenants[0]"},
	})
	checkRefusals(t, githubProvider, map[string]refusal[*IdentityProvider]{
		"an address by plain http": {func(d *IdentityProvider) { d.GitHub.URL = "http://github.acme.example" }, "github.url"},
		"an API without address":   {func(d *IdentityProvider) { d.GitHub.APIURL = "" }, "github.apiURL"},
		"no secret":                {func(d *IdentityProvider) { d.GitHub.ClientSecret = "" }, "github.clientSecret"},
		"no client id":             {func(d *IdentityProvider) { d.GitHub.ClientID = "" }, "github.clientID"},
		"an organization's path":   {func(d *IdentityProvider) { d.GitHub.Organizations[0] = "acme/team" }, "github.organizations[0]"},
		"an organization twice":    {func(d *IdentityProvider) { d.GitHub.Organizations[1] = "acme" }, "github.organizations[1]"},
	})
	checkRefusals(t, ldapProvider, map[string]refusal[*IdentityProvider]{
		"passwords in the clear":          {func(d *IdentityProvider) { d.LDAP.StartTLS = false }, "ldap.url"},
		"encryption twice":                {func(d *IdentityProvider) { d.LDAP.URL = "ldaps://ldap.acme.example" }, "ldap.url"},
		"another scheme":                  {func(d *IdentityProvider) { d.LDAP.URL = "ldapi://socket" }, "ldap.url"},
		"an address with a search":        {func(d *IdentityProvider) { d.LDAP.URL += "/dc=acme" }, "ldap.url"},
		"A33 a name without a password":   {func(d *IdentityProvider) { d.LDAP.BindPassword = "" }, "ldap.bindPassword"},
		"a password without a name":       {func(d *IdentityProvider) { d.LDAP.BindDN = "" }, "ldap.bindPassword"},
		"nowhere to search":               {func(d *IdentityProvider) { d.LDAP.Users.BaseDN = "" }, "ldap.users.baseDN"},
		"a filter without a place":        {func(d *IdentityProvider) { d.LDAP.Users.Filter = "(uid=ada)" }, "ldap.users.filter"},
		"a filter that is open":           {func(d *IdentityProvider) { d.LDAP.Users.Filter = "(uid={username}" }, "ldap.users.filter"},
		"two filters":                     {func(d *IdentityProvider) { d.LDAP.Users.Filter = "(uid={username})(a=b)" }, "ldap.users.filter"},
		"an attribute that is none":       {func(d *IdentityProvider) { d.LDAP.Users.Subject = "entry UUID" }, "ldap.users.subject"},
		"groups that nobody is asked for": {func(d *IdentityProvider) { d.LDAP.Groups.Filter = "(objectClass=group)" }, "ldap.groups.filter"},
		"groups without a name":           {func(d *IdentityProvider) { d.LDAP.Groups.Name = "" }, "ldap.groups.name"},
		"a base with a control character": {func(d *IdentityProvider) { d.LDAP.Groups.BaseDN = "dc=a\x00" }, "ldap.groups.baseDN"},
	})
	t.Run("ldap in the clear is fine on loopback", func(t *testing.T) {
		d := ldapProvider()
		d.LDAP.URL, d.LDAP.StartTLS = "ldap://127.0.0.1:3389", false
		if err := d.Validate(); err != nil {
			t.Error(err)
		}
	})
	t.Run("K6 no problem repeats a secret", func(t *testing.T) {
		d := oidcProvider()
		d.OIDC.ClientSecret = "a secret that has spaces"
		if err := d.Validate(); err == nil || strings.Contains(err.Error(), "a secret") {
			t.Errorf("got %v", err)
		}
	})
}

func TestProfileRefusals(t *testing.T) {
	profile := func(change func(*Profile)) func(*IdentityProvider) {
		return func(d *IdentityProvider) { change(&d.Local.Accounts[0].Profile) }
	}
	const at = "local.accounts[0].profile."
	checkRefusals(t, profileProvider, map[string]refusal[*IdentityProvider]{
		"an invisible name":              {profile(func(p *Profile) { p.GivenName = "\u200b" }), at + "given_name"},
		"a picture by plain http":        {profile(func(p *Profile) { p.Picture = "http://acme.example/a.png" }), at + "picture"},
		"a website that is a script":     {profile(func(p *Profile) { p.Website = "javascript:alert(1)" }), at + "website"},
		"a day that does not exist":      {profile(func(p *Profile) { p.Birthdate = "1990-02-30" }), at + "birthdate"},
		"a date as some write it":        {profile(func(p *Profile) { p.Birthdate = "10/12/1815" }), at + "birthdate"},
		"a zone that is a path":          {profile(func(p *Profile) { p.Zoneinfo = "../etc" }), at + "zoneinfo"},
		"a locale with a dot":            {profile(func(p *Profile) { p.Locale = "en_GB.UTF-8" }), at + "locale"},
		"a number with letters after it": {profile(func(p *Profile) { p.PhoneNumber = "tel:+44\n" }), at + "phone_number"},
		"a verified number, no number":   {profile(func(p *Profile) { p.PhoneNumber = "" }), at + "phone_number_verified"},
		"an address with an escape":      {profile(func(p *Profile) { p.Address.Formatted = "a\x1b[2J" }), at + "address.formatted"},
		"a country of two lines":         {profile(func(p *Profile) { p.Address.Country = "a\nb" }), at + "address.country"},
	})
	for _, date := range []string{"1815", "1815-12-10", "0000-02-29", ""} {
		if err := checkBirthdate(date); err != nil {
			t.Errorf("%q: %v", date, err)
		}
	}
}

func TestKeysAtRestRefusals(t *testing.T) {
	checkRefusals(t, func() *Keys { return keysAtRest(t) }, map[string]refusal[*Keys]{
		"a key of 16 bytes":      {func(d *Keys) { d.AtRest[0].Key = d.AtRest[0].Key[:16] }, "atRest[0].key"},
		"a key id twice":         {func(d *Keys) { d.AtRest[1].ID = d.AtRest[0].ID }, "atRest[1].id"},
		"more than there can be": {func(d *Keys) { d.AtRest = make([]SymmetricKey, MaxAtRestKeys+1) }, "atRest"},
	})
}
