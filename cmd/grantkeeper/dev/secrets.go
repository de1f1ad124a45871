package dev

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/credentials"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// secretContent is what the folder with a client's credentials is to hold: one file for each key of its Secret in a cluster; nil
// when there is to be none.
func (s *store) secretContent(c *v1alpha1.OAuthClient, r *registration.Client, issuer, value string) (map[string][]byte, error) {
	target := compile.SecretTarget(c)
	if !target.Wanted() {
		return nil, nil
	}
	in := compile.SecretInput(r, issuer)
	in.ClientSecret = value
	if target.Cookie() {
		have, err := readFolder(s.secretDir(c.Namespace, compile.SecretName(c)))
		if err != nil {
			return nil, err
		}
		if in.CookieSecret = credentials.FindCookie(have); in.CookieSecret == "" {
			if in.CookieSecret, err = credentials.GenerateCookie(s.random); err != nil {
				return nil, err
			}
		}
	}
	return target.Render(in)
}

// clientSecret is the current generated secret of a client; made, but not yet kept, when there is none.
func (s *store) clientSecret(dir string) (string, error) {
	have, err := readFolder(dir)
	if err != nil {
		return "", err
	}
	if v, ok := credentials.Find(have, func(registration.SecretHash) bool { return true }); ok {
		return v, nil
	}
	return credentials.Generate(s.random)
}

// readFolder reads the files of a folder, none when it does not exist.
func readFolder(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	out := map[string][]byte{}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if out[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return out, nil
}
