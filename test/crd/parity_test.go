package crd_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// TestLaterChecksAcceptWhatTheAPIServerDoes: a value that `kubectl apply` takes must not be refused by the operator or the
// server for its form. The tables have the API server's side.
func TestLaterChecksAcceptWhatTheAPIServerDoes(t *testing.T) {
	for what, check := range map[string]struct {
		values []string
		check  func(string) error
	}{
		"redirect URI":        {acceptedRedirectURIs(), registration.CheckRedirectURI},
		"issuer":              {acceptedIssuers(), registration.CheckIssuer},
		"redirect host":       {acceptedRedirectHosts(), registration.CheckRedirectHost},
		"resource identifier": {acceptedIdentifiers(), registration.CheckResourceIdentifier},
		"web address":         {acceptedWebAddresses(), registration.CheckWebURI},
		"scope":               {acceptedScopes(), registration.CheckScope},
		"text": {acceptedTexts(), func(s string) error {
			return registration.CheckText(s, registration.MaxDisplayText)
		}},
	} {
		for _, v := range check.values {
			if err := check.check(v); err != nil {
				t.Errorf("%s %q is accepted by the API server and refused later: %v", what, v, err)
			}
		}
	}
}

// TestLaterChecksRefuseUnsafeTexts: the same texts that the API server refuses (A29), because a manifest may have been
// stored before a rule was. Spaces at either end are a matter of taste that only the API server has.
func TestLaterChecksRefuseUnsafeTexts(t *testing.T) {
	for what, text := range refusedTexts() {
		if what == "a space at the beginning" || what == "a space at the end" {
			continue
		}
		if registration.CheckText(text, registration.MaxDisplayText) == nil {
			t.Errorf("%s: %q is refused by the API server and accepted later", what, text)
		}
	}
}
