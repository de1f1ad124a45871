package compile

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// NeedsSecret reports whether the client has a client secret, generated or not.
func NeedsSecret(c *v1alpha1.OAuthClient) bool {
	if c.Spec.Authentication != nil {
		return c.Spec.Authentication.ClientSecret != nil
	}
	return defaultMethod(typeOf(c)) == registration.AuthenticationClientSecret
}

// InboundSecret is the Secret that the client's secret is read from; nil when it is generated, or there is none.
func InboundSecret(c *v1alpha1.OAuthClient) *v1alpha1.SecretKeyReference {
	if a := c.Spec.Authentication; a != nil && a.ClientSecret != nil {
		return a.ClientSecret.SecretRef
	}
	return nil
}

// defaultMethod is how clients of a type authenticate that do not say.
func defaultMethod(t v1alpha1.ClientType) registration.AuthenticationMethod {
	switch t {
	case v1alpha1.ClientTypeWeb, v1alpha1.ClientTypeService:
		return registration.AuthenticationClientSecret
	}
	return registration.AuthenticationNone
}

// authentication is how the client authenticates by the manifest, or by the default of its type; without the hashes of its
// secrets.
func (k *checker) authentication(c *v1alpha1.OAuthClient) registration.Authentication {
	a, t := c.Spec.Authentication, typeOf(c)
	if a == nil {
		return methods(defaultMethod(t))
	}
	members := 0
	for _, there := range []bool{a.ClientSecret != nil, a.PrivateKeyJWT != nil, a.KubernetesServiceAccount != nil, a.None != nil} {
		if there {
			members++
		}
	}
	if members != 1 {
		k.invalid("spec.authentication", "must have exactly one of clientSecret, privateKeyJWT, kubernetesServiceAccount and none")
		return registration.Authentication{}
	}
	switch {
	case a.PrivateKeyJWT != nil:
		return k.privateKeyJWT(t, a.PrivateKeyJWT)
	case a.KubernetesServiceAccount != nil:
		return k.serviceAccount(c, a.KubernetesServiceAccount)
	case a.ClientSecret != nil:
		return k.clientSecret(t, a.ClientSecret)
	}
	return methods(registration.AuthenticationNone)
}

func methods(m ...registration.AuthenticationMethod) registration.Authentication {
	return registration.Authentication{Methods: m}
}

func (k *checker) clientSecret(t v1alpha1.ClientType, s *v1alpha1.ClientSecretAuthentication) registration.Authentication {
	if ref := s.SecretRef; ref != nil {
		k.check("spec.authentication.clientSecret.secretRef.name", orEmpty(ref.Name), checkSecretName(ref.Name))
		if s.Optional {
			k.check("spec.authentication.clientSecret.optional", "true", errors.New("is for a generated secret; remove it, or remove secretRef"))
		}
	}
	switch {
	case registration.AlwaysPublic(string(t)):
		k.invalid("spec.authentication.clientSecret", "is not for type %s, whose users could read it (RFC 8252 section 8.5); remove it, or use type %s", t, v1alpha1.ClientTypeWeb)
		return registration.Authentication{}
	case s.Optional && t != v1alpha1.ClientTypeDevice:
		k.check("spec.authentication.clientSecret.optional", "true", fmt.Errorf("is for type %s only; remove it", v1alpha1.ClientTypeDevice))
		return registration.Authentication{}
	case s.Optional:
		return methods(registration.AuthenticationNone, registration.AuthenticationClientSecret)
	}
	return methods(registration.AuthenticationClientSecret)
}

// keepsKeys reports whether clients of a type run where a key can be kept.
func (k *checker) keepsKeys(field string, t v1alpha1.ClientType) bool {
	if t == v1alpha1.ClientTypeWeb || t == v1alpha1.ClientTypeService {
		return true
	}
	k.invalid(field, "is for types %s and %s, which can keep a key, not for %s; remove it, or change type", v1alpha1.ClientTypeWeb, v1alpha1.ClientTypeService, show(string(t)))
	return false
}

func (k *checker) privateKeyJWT(t v1alpha1.ClientType, p *v1alpha1.PrivateKeyJWTAuthentication) registration.Authentication {
	const field = "spec.authentication.privateKeyJWT"
	if !k.keepsKeys(field, t) {
		return registration.Authentication{}
	}
	a := methods(registration.AuthenticationPrivateKeyJWT)
	a.Algorithms = stringsOf(p.SigningAlgorithms)
	checkList(k, field+".signingAlgorithms", p.SigningAlgorithms, len(registration.AssertionAlgorithms()), registration.CheckAssertionAlgorithm)
	if (p.JWKS == nil) == (p.JWKSURI == "") {
		k.invalid(field, "must have exactly one of jwks and jwksURI")
		return a
	}
	if p.JWKSURI != "" {
		a.JWKSURI = p.JWKSURI
		k.check(field+".jwksURI", p.JWKSURI, registration.CheckServiceURI(p.JWKSURI))
		if len(a.Algorithms) == 0 {
			a.Algorithms = registration.AssertionAlgorithms()
		}
		return a
	}
	raw, err := json.Marshal(p.JWKS)
	if err == nil {
		err = registration.CheckPublicJWKS(raw, registration.MaxClientKeys)
	}
	k.check(field+".jwks", "", err)
	a.JWKS = raw
	fitting := algorithmsOf(p.JWKS)
	if len(a.Algorithms) == 0 {
		a.Algorithms = fitting
	}
	if !slices.ContainsFunc(a.Algorithms, func(s string) bool { return slices.Contains(fitting, s) }) && len(fitting) > 0 {
		k.invalid(field+".signingAlgorithms", "must have one that the keys of jwks can sign with (%v); add it, or leave signingAlgorithms out", fitting)
	}
	return a
}

// algorithmsOf lists the algorithms that keys can sign with, in the order of [registration.AssertionAlgorithms].
func algorithmsOf(set *v1alpha1.JSONWebKeySet) []string {
	var out []string
	for _, algorithm := range registration.AssertionAlgorithms() {
		if slices.ContainsFunc(set.Keys, func(k v1alpha1.JSONWebKey) bool { return signs(k, algorithm) }) {
			out = append(out, algorithm)
		}
	}
	return out
}

func signs(k v1alpha1.JSONWebKey, algorithm string) bool {
	if k.Alg != "" && string(k.Alg) != algorithm {
		return false
	}
	switch algorithm {
	case "ES256":
		return k.Kty == "EC"
	case "EdDSA":
		return k.Kty == "OKP"
	}
	return k.Kty == "RSA"
}

func (k *checker) serviceAccount(c *v1alpha1.OAuthClient, s *v1alpha1.ServiceAccountAuthentication) registration.Authentication {
	const field = "spec.authentication.kubernetesServiceAccount"
	if !k.keepsKeys(field, typeOf(c)) {
		return registration.Authentication{}
	}
	k.check(field+".name", orEmpty(s.Name), registration.CheckName(s.Name))
	a := methods(registration.AuthenticationServiceAccount)
	a.ServiceAccount = "system:serviceaccount:" + c.Namespace + ":" + s.Name
	return a
}
