package dpop_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop/dpoptest"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const endpoint = "https://auth.example.com/v1/token"

func noon() time.Time { return time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC) }

func nonceKeys() []registration.SymmetricKey {
	return []registration.SymmetricKey{{ID: "new", Key: []byte("new key of thirty two bytes.....")}, {ID: "old", Key: []byte("old key of thirty two bytes.....")}}
}

func expected() dpop.Expected {
	return dpop.Expected{Method: "POST", URL: endpoint, Now: noon(), NonceKeys: nonceKeys()}
}

// code verifies and returns the error code; empty for none.
func code(t *testing.T, e dpop.Expected, values ...string) string {
	t.Helper()
	p, err := dpop.Verify(values, e)
	if err != nil {
		if p != nil || err.Description == "" {
			t.Errorf("proof %v, error %v", p, err)
		}
		return err.Code
	}
	return ""
}

func TestVectors(t *testing.T) {
	// RFC 9449 sections 4.2, 6.1 and 7.1.
	const (
		key   = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19."
		proof = key + "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
		token = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU" //nolint:gosec // the example of the RFC
	)
	p, err := dpop.Verify([]string{proof}, dpop.Expected{Method: "POST", URL: "https://server.example.com/token", Now: time.Unix(1562262616, 0)})
	if err != nil {
		t.Fatal(err)
	}
	want := dpop.Proof{Thumbprint: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I", ID: "-BwC3ESc6acc2lTc", IssuedAt: time.Unix(1562262616, 0)}
	if *p != want {
		t.Errorf("got %v, want %v", *p, want)
	}
	if got := dpoptest.Hash(token); got != "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo" {
		t.Errorf("ath is %s", got)
	}
}

func TestAlgorithms(t *testing.T) {
	_, ed, _ := ed25519.GenerateKey(rand.Reader)
	big := rsaKey(t, 2048)
	for _, p := range []*dpoptest.Prover{dpoptest.New(t), {Algorithm: jose.EdDSA, Key: ed}, {Algorithm: jose.PS256, Key: big}, {Algorithm: jose.RS256, Key: big}} {
		t.Run(string(p.Algorithm), func(t *testing.T) {
			got, err := dpop.Verify([]string{p.Proof(t, "POST", endpoint, noon())}, expected())
			if err != nil || got.Thumbprint != p.Thumbprint(t) {
				t.Errorf("got %v, %v", got, err)
			}
		})
	}
	if got := strings.Join(dpop.Algorithms(), " "); got != "ES256 EdDSA PS256 RS256" {
		t.Error(got)
	}
}

func rsaKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestG03(t *testing.T) {
	p := dpoptest.New(t)
	proof := func(options ...dpoptest.Option) []string {
		return []string{p.Proof(t, "POST", endpoint, noon(), options...)}
	}
	public, _ := json.Marshal(jose.JSONWebKey{Key: p.Key.Public()})
	private, _ := json.Marshal(jose.JSONWebKey{Key: p.Key})
	member := func(more string) dpoptest.Option { // of the jwk
		return dpoptest.Head("jwk", json.RawMessage(strings.TrimSuffix(string(public), "}")+","+more+"}"))
	}
	raw := func(header, payload string) []string { return []string{p.Sign(t, []byte(header), []byte(payload))} }
	header := fmt.Sprintf(`{"typ":"dpop+jwt","alg":"ES256","jwk":%s}`, public)
	payload := fmt.Sprintf(`{"jti":"one","htm":"POST","htu":%q,"iat":%d}`, endpoint, noon().Unix())
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	weak, large := rsaKey(t, 1024), rsaKey(t, 4096+8)
	good := proof()[0]
	parts := strings.Split(good, ".")

	tests := map[string]struct {
		values []string
		want   string
	}{
		"a right proof":                               {proof(), ""},
		"what is asserted of other things":            {proof(dpoptest.Claim("client", "x"), dpoptest.Head("kid", "x")), ""},
		"a right proof, written by hand":              {raw(header, payload), ""},
		"G03 two headers":                             {[]string{good, good}, "bad"},
		"two proofs in one header":                    {[]string{good + ", " + good}, "bad"},
		"an empty header":                             {[]string{""}, "bad"},
		"G03 another htm":                             {proof(dpoptest.Claim("htm", "GET")), "bad"},
		"an htm in lower case":                        {proof(dpoptest.Claim("htm", "post")), "bad"},
		"G03 another htu":                             {proof(dpoptest.Claim("htu", "https://auth.example.com/v1/userinfo")), "bad"},
		"an htu of another host":                      {proof(dpoptest.Claim("htu", "https://evil.example/v1/token")), "bad"},
		"an htu with a query and a fragment":          {proof(dpoptest.Claim("htu", endpoint+"?a=b#c")), ""},
		"an htu in another spelling":                  {proof(dpoptest.Claim("htu", "HTTPS://AUTH.example.com:443/x/../v1/%74oken")), ""},
		"an htu that is too long":                     {proof(dpoptest.Claim("htu", endpoint+"?"+strings.Repeat("a", 2048))), "bad"},
		"iat 60 s ago":                                {proof(dpoptest.Claim("iat", noon().Unix()-60)), ""},
		"iat in 60 s":                                 {proof(dpoptest.Claim("iat", noon().Unix()+60)), ""},
		"an iat with a fraction":                      {proof(dpoptest.Claim("iat", json.Number(fmt.Sprintf("%d.5", noon().Unix())))), ""},
		"G03 iat 61 s ago":                            {proof(dpoptest.Claim("iat", noon().Unix()-61)), "bad"},
		"G03 iat in 61 s":                             {proof(dpoptest.Claim("iat", noon().Unix()+61)), "bad"},
		"an iat beyond all numbers":                   {proof(dpoptest.Claim("iat", json.Number("1e300"))), "bad"},
		"an iat that is text":                         {proof(dpoptest.Claim("iat", "1")), "bad"},
		"no iat":                                      {proof(dpoptest.Claim("iat", nil)), "bad"},
		"no jti":                                      {proof(dpoptest.Claim("jti", nil)), "bad"},
		"an empty jti":                                {proof(dpoptest.Claim("jti", "")), "bad"},
		"a jti that is too long":                      {proof(dpoptest.Claim("jti", strings.Repeat("a", 257))), "bad"},
		"no htm":                                      {proof(dpoptest.Claim("htm", nil)), "bad"},
		"no htu":                                      {proof(dpoptest.Claim("htu", nil)), "bad"},
		"no typ":                                      {proof(dpoptest.Head("typ", nil)), "bad"},
		"a typ of another kind of token":              {proof(dpoptest.Head("typ", "JWT")), "bad"},
		"no jwk":                                      {proof(dpoptest.Head("jwk", nil)), "bad"},
		"the jwk of another key":                      {proof(dpoptest.Head("jwk", jose.JSONWebKey{Key: dpoptest.New(t).Key.Public()})), "bad"},
		"G03 alg none":                                {[]string{unsigned(header)}, "bad"},
		"G03 alg HS256, keyed with the public key":    {[]string{hs256(header, payload, public)}, "bad"},
		"G03 alg HS256, with the key in the header":   {[]string{hs256(`{"jwk":{"kty":"oct","k":"QUFB"}}`, payload, []byte("AAA"))}, "bad"},
		"an algorithm that is not taken":              {proof(dpoptest.Head("alg", "ES384")), "bad"},
		"a curve of another algorithm":                {[]string{(&dpoptest.Prover{Algorithm: jose.ES256, Key: p384}).Proof(t, "POST", endpoint, noon())}, "bad"},
		"a weak key":                                  {[]string{(&dpoptest.Prover{Algorithm: jose.PS256, Key: weak}).Proof(t, "POST", endpoint, noon())}, "bad"},
		"a key that takes long":                       {[]string{(&dpoptest.Prover{Algorithm: jose.PS256, Key: large}).Proof(t, "POST", endpoint, noon())}, "bad"},
		"G03 a private jwk":                           {proof(dpoptest.Head("jwk", json.RawMessage(private))), "bad"},
		"G03 a jwk with a member of a private one":    {proof(member(`"q":"AQAB"`)), "bad"},
		"B08 a jwk with certificates":                 {proof(member(`"x5c":["AQAB"]`)), "bad"},
		"B08 a jwk that points elsewhere":             {proof(member(`"x5u":"https://evil.example"`)), "bad"},
		"B08 crit":                                    {proof(dpoptest.Head("crit", []string{"exp"})), "bad"},
		"B08 crit that libraries know":                {proof(dpoptest.Head("crit", []string{"b64"}), dpoptest.Head("b64", true)), "bad"},
		"B08 jku":                                     {proof(dpoptest.Head("jku", "https://evil.example")), "bad"},
		"B08 x5u":                                     {proof(dpoptest.Head("x5u", "https://evil.example")), "bad"},
		"B08 x5c":                                     {proof(dpoptest.Head("x5c", []string{"AQAB"})), "bad"},
		"two values of one claim":                     {raw(header, strings.Replace(payload, "{", `{"htm":"GET",`, 1)), "bad"},
		"two values of a member of the header":        {raw(strings.Replace(header, "{", `{"alg":"none",`, 1), payload), "bad"},
		"claims in another case":                      {raw(header, strings.Replace(payload, "htm", "HTM", 1)), "bad"},
		"a payload that is no object":                 {raw(header, `"x"`), "bad"},
		"another payload under the signature":         {[]string{parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "." + parts[2]}, "bad"},
		"no signature":                                {[]string{parts[0] + "." + parts[1] + "."}, "bad"},
		"half a JWT":                                  {[]string{parts[0] + "." + parts[1]}, "bad"},
		"JSON serialization":                          {[]string{fmt.Sprintf(`{"protected":%q,"payload":%q,"signature":%q}`, parts[0], parts[1], parts[2])}, "bad"},
		"B12 10,000 dots":                             {[]string{strings.Repeat(".", 10_000)}, "bad"},
		"B12 1 MiB":                                   {[]string{parts[0] + "." + strings.Repeat("A", 1<<20) + "." + parts[2]}, "bad"},
		"B12 an encrypted one":                        {[]string{base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":1000000000,"p2s":"AA"}`)) + "...."}, "bad"},
		"B12 one that would be encrypted, in 3 parts": {[]string{base64.RawURLEncoding.EncodeToString([]byte(`{"typ":"dpop+jwt","alg":"PBES2-HS256+A128KW","p2c":1000000000,"jwk":{"kty":"EC"}}`)) + ".AA.AA"}, "bad"},
		"a point that is on no curve":                 {proof(dpoptest.Head("jwk", map[string]string{"kty": "EC", "crv": "P-256", "x": b64(32), "y": b64(32)})), "bad"},
		"an RSA key without a modulus":                {proof(dpoptest.Head("alg", "RS256"), dpoptest.Head("jwk", map[string]string{"kty": "RSA", "n": "", "e": ""})), "bad"},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			best := time.Hour // of three: the machine may have other things to do
			for range 3 {
				begun := time.Now()
				got := code(t, expected(), c.values...)
				best = min(best, time.Since(begun))
				if want := map[string]string{"": "", "bad": "invalid_dpop_proof"}[c.want]; got != want {
					t.Errorf("got %q, want %q", got, want)
				}
			}
			if best > 50*time.Millisecond {
				t.Errorf("it took %v", best)
			}
		})
	}
}

func b64(n int) string { return base64.RawURLEncoding.EncodeToString(make([]byte, n)) }

// unsigned is a proof that nobody signed.
func unsigned(header string) string {
	h := strings.Replace(header, "ES256", "none", 1)
	payload := fmt.Sprintf(`{"jti":"one","htm":"POST","htu":%q,"iat":%d}`, endpoint, noon().Unix())
	return base64.RawURLEncoding.EncodeToString([]byte(h)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + "."
}

// hs256 is a proof with a symmetric signature.
func hs256(header, payload string, key []byte) string {
	var h map[string]any
	_ = json.Unmarshal([]byte(header), &h)
	h["typ"], h["alg"] = "dpop+jwt", "HS256"
	encoded, _ := json.Marshal(h)
	input := base64.RawURLEncoding.EncodeToString(encoded) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestG04AccessToken(t *testing.T) {
	p := dpoptest.New(t)
	e := expected()
	e.Method, e.URL, e.AccessToken = "GET", "https://auth.example.com/v1/userinfo", "token"
	for name, c := range map[string]struct {
		option dpoptest.Option
		want   string
	}{
		"its hash":                  {dpoptest.For("token"), ""},
		"that of another":           {dpoptest.For("another"), "invalid_dpop_proof"},
		"none":                      {dpoptest.Claim("ath", nil), "invalid_dpop_proof"},
		"an empty one":              {dpoptest.Claim("ath", ""), "invalid_dpop_proof"},
		"the token in place of one": {dpoptest.Claim("ath", "token"), "invalid_dpop_proof"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := code(t, e, p.Proof(t, e.Method, e.URL, noon(), c.option)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestG03Nonce(t *testing.T) {
	p := dpoptest.New(t)
	of := func(keys []registration.SymmetricKey, after time.Duration) string {
		return dpop.Nonce(keys, noon().Add(after))
	}
	for name, c := range map[string]struct {
		nonce any
		needs bool
		want  string
	}{
		"none, where none is needed":               {nil, false, ""},
		"none, where one is needed":                {nil, true, "use_dpop_nonce"},
		"an empty one, where one is needed":        {"", true, "use_dpop_nonce"},
		"that of now":                              {of(nonceKeys(), 0), true, ""},
		"that of now, where none is needed":        {of(nonceKeys(), 0), false, ""},
		"the one before":                           {of(nonceKeys(), -dpop.NoncePeriod), true, ""},
		"of a replica whose clock is ahead":        {of(nonceKeys(), dpop.NoncePeriod), true, ""},
		"of a replica that has an older key still": {of(nonceKeys()[1:], 0), true, ""},
		"an old one":                               {of(nonceKeys(), -2*dpop.NoncePeriod), true, "use_dpop_nonce"},
		"an old one, where none is needed":         {of(nonceKeys(), -2*dpop.NoncePeriod), false, "use_dpop_nonce"},
		"one of later":                             {of(nonceKeys(), 2*dpop.NoncePeriod), true, "use_dpop_nonce"},
		"one of a key that is gone":                {of([]registration.SymmetricKey{{Key: make([]byte, 32)}}, 0), true, "use_dpop_nonce"},
		"something else":                           {"nonce", true, "use_dpop_nonce"},
	} {
		t.Run(name, func(t *testing.T) {
			e := expected()
			e.NeedsNonce = c.needs
			_, err := dpop.Verify([]string{p.Proof(t, "POST", endpoint, noon(), dpoptest.Claim("nonce", c.nonce))}, e)
			got := ""
			if err != nil {
				got = err.Code
				if err.Nonce != of(nonceKeys(), 0) || err.Status != 400 {
					t.Errorf("the answer carries %q, status %d", err.Nonce, err.Status)
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	t.Run("a proof that is wrong besides gets no nonce", func(t *testing.T) {
		e := expected()
		e.NeedsNonce = true
		_, err := dpop.Verify([]string{p.Proof(t, "GET", endpoint, noon())}, e)
		if err == nil || err.Code != "invalid_dpop_proof" || err.Nonce != "" {
			t.Errorf("%v", err)
		}
	})
}

// uses remembers uses as an engine does; the engines have the suite of storagetest.
type uses map[storage.Hash]time.Time

func (u uses) UseOnce(_ context.Context, _ string, key storage.Hash, expires time.Time) (bool, error) {
	_, used := u[key]
	u[key] = expires
	return !used, nil
}

type away struct{}

func (away) UseOnce(context.Context, string, storage.Hash, time.Time) (bool, error) {
	return true, errors.New("out of reach")
}

func TestG03Spend(t *testing.T) {
	seen := uses{}
	spend := func(thumbprint, id string) string {
		p := dpop.Proof{Thumbprint: thumbprint, ID: id, IssuedAt: noon()}
		if err := p.Spend(t.Context(), seen); err != nil {
			return err.Code
		}
		return ""
	}
	if spend("one", "a") != "" || spend("one", "b") != "" || spend("two", "a") != "" {
		t.Error("a jti is used up by itself, for its key")
	}
	if got := spend("one", "a"); got != "invalid_dpop_proof" {
		t.Errorf("G03 a jti that comes again: %q", got)
	}
	for _, expires := range seen {
		if expires.Before(noon().Add(dpop.Window)) {
			t.Error("a use is forgotten while its proof is still taken")
		}
	}
	p := dpop.Proof{Thumbprint: "one", ID: "c", IssuedAt: noon()}
	if err := p.Spend(t.Context(), away{}); err == nil || err.Status != 503 {
		t.Errorf("B18 storage out of reach: %v", err)
	}
}

func TestIsThumbprint(t *testing.T) {
	if !dpop.IsThumbprint(dpoptest.New(t).Thumbprint(t)) {
		t.Error("a thumbprint is none")
	}
	for _, s := range []string{"", "x", b64(31), b64(33), strings.Repeat("/", 43), strings.Repeat("a", 42) + "b"} {
		if dpop.IsThumbprint(s) {
			t.Errorf("%q is one", s)
		}
	}
}

func FuzzVerify(f *testing.F) {
	p := dpoptest.New(f)
	f.Add(p.Proof(f, "POST", endpoint, noon()), "token", int64(0))
	f.Add(p.Proof(f, "POST", endpoint, noon(), dpoptest.For("token"), dpoptest.Claim("nonce", dpop.Nonce(nonceKeys(), noon()))), "", int64(59))
	f.Add("e30.e30.", "", int64(-61))
	f.Add(strings.Repeat(".", 100), "", int64(1<<40))
	f.Fuzz(func(t *testing.T, value, token string, after int64) {
		e := expected()
		e.AccessToken, e.Now = token, noon().Add(time.Duration(after)*time.Second)
		got, err := dpop.Verify([]string{value}, e)
		if (got == nil) == (err == nil) {
			t.Fatalf("proof %v, error %v", got, err)
		}
		if got != nil && (!dpop.IsThumbprint(got.Thumbprint) || got.ID == "" || got.IssuedAt.Sub(e.Now).Abs() > dpop.Window+time.Second) {
			t.Fatalf("taken: %v", got)
		}
		if err != nil && err.Code != "invalid_dpop_proof" && err.Code != "use_dpop_nonce" {
			t.Fatal(err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	proof := []string{dpoptest.New(b).Proof(b, "POST", endpoint, noon())}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := dpop.Verify(proof, expected()); err != nil {
			b.Fatal(err)
		}
	}
}
