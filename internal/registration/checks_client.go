package registration

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// CheckClientType checks that a type of clients is known.
func CheckClientType(s string) error {
	switch s {
	case TypeWeb, TypeBrowser, TypeNative, TypeDevice, TypeService:
		return nil
	}
	return fmt.Errorf("must be one of %s, %s, %s, %s, %s", TypeWeb, TypeBrowser, TypeNative, TypeDevice, TypeService)
}

// CheckConsent checks that a consent mode is known; empty is [ConsentRemember].
func CheckConsent(m ConsentMode) error {
	switch m {
	case "", ConsentAlways, ConsentRemember, ConsentSkip:
		return nil
	}
	return fmt.Errorf("must be one of %s, %s, %s", ConsentAlways, ConsentRemember, ConsentSkip)
}

// CheckRedirectFor is [CheckRedirectURI] for a client of a type: a private scheme is for native apps alone, because nothing
// else can take it (RFC 8252 section 7.1).
func CheckRedirectFor(clientType, uri string) error {
	r, err := ParseRedirectURI(uri)
	if err != nil {
		return err
	}
	if r.Private && clientType != TypeNative {
		return fmt.Errorf("must not have a private scheme, which is for type %s only; use https", TypeNative)
	}
	return nil
}

// CheckServiceURI checks an address that the server calls by itself: https, or http on loopback, at most MaxURI characters,
// without userinfo or fragment.
func CheckServiceURI(s string) error {
	_, err := parseServiceURI(s)
	return err
}

// CheckServiceBase is [CheckServiceURI] for an address that others are built from: it has no query either.
func CheckServiceBase(s string) error {
	if _, err := parseServiceURI(s); err != nil {
		return err
	}
	if strings.Contains(s, "?") {
		return errors.New("must not have a query")
	}
	return nil
}

func parseServiceURI(s string) (*url.URL, error) {
	u, err := parseURI(s)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("must begin with https://, or http:// on loopback")
	}
	host, err := checkAuthority(u)
	if err != nil {
		return nil, err
	}
	if u.Scheme == "http" && !IsLoopback(host) {
		return nil, errors.New("must be https; http is for 127.0.0.1, [::1] and localhost only")
	}
	return u, nil
}

// CheckOrigin checks the origin of a page as browsers send it (RFC 6454 section 6.2): scheme, host and port, and no default
// port; https, or http on loopback.
func CheckOrigin(s string) error {
	u, err := parseServiceURI(s)
	switch {
	case err != nil:
		return err
	case u.Path != "", strings.Contains(s, "?"):
		return errors.New("must be scheme, host and port alone, without path, query or slash at the end")
	case u.Scheme == "https" && u.Port() == "443", u.Scheme == "http" && u.Port() == "80":
		return fmt.Errorf("must not name the default port; leave :%s out, as browsers do", u.Port())
	}
	return nil
}
