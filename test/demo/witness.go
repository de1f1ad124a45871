package demo

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// Witness remembers every value that would open a door: tokens, codes, secrets, cookies, passwords. As a transport it
// remembers those of every answer that passes through it.
type Witness struct {
	transport http.RoundTripper

	mu sync.Mutex
	// seen says what each value is.
	seen map[string]string
}

// NewWitness has seen nothing.
func NewWitness() *Witness {
	return &Witness{transport: newTransport(), seen: map[string]string{}}
}

// whatClientSecret marks the one kind of value that has a place: the client's Secret, and so etcd.
const whatClientSecret = "a client secret"

// See remembers a value. Short ones are not looked for: they are found by accident.
func (w *Witness) See(what, value string) {
	if len(value) < 8 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen[value] = what
	if parts := strings.Split(value, "."); len(parts) == 3 && len(parts[2]) > 40 {
		w.seen[parts[2]] = what + " (its signature)"
	}
}

// SeeClientSecret remembers a client secret.
func (w *Witness) SeeClientSecret(value string) { w.See(whatClientSecret, value) }

// Count is how many values were seen.
func (w *Witness) Count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.seen)
}

// Client is an HTTP client through which everything is seen. It follows no redirect.
func (w *Witness) Client() *http.Client {
	return &http.Client{Transport: w, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// RoundTrip remembers the cookies of an answer and, if it is JSON, its tokens and codes.
func (w *Witness) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := w.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	for _, c := range resp.Cookies() {
		w.See("the cookie "+c.Name, c.Value)
	}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/json") {
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	w.SeeAnswer(body)
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// SeeAnswer remembers the tokens and codes of a JSON object.
func (w *Witness) SeeAnswer(body []byte) {
	var answer map[string]any
	if json.Unmarshal(body, &answer) != nil {
		return
	}
	for _, name := range []string{"access_token", "refresh_token", "id_token", "device_code", "user_code"} {
		if value, ok := answer[name].(string); ok {
			w.See("a "+name, value)
		}
	}
}

// find looks for what was seen, plain and in base64.
func (w *Witness) find(where string, content []byte, mayHaveClientSecrets bool) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var errs []error
	for _, value := range slices.Sorted(maps.Keys(w.seen)) {
		what := w.seen[value]
		if mayHaveClientSecrets && what == whatClientSecret {
			continue
		}
		encoded := base64.StdEncoding.EncodeToString([]byte(value[:len(value)/3*3]))
		if bytes.Contains(content, []byte(value)) || bytes.Contains(content, []byte(encoded)) {
			errs = append(errs, fmt.Errorf("I10 %s has %s", where, what))
		}
	}
	return errors.Join(errs...)
}

// FindInFolder looks for what was seen in every file below a folder. Client secrets may be in etcd, which holds the
// clients' Secrets; in files mode they may be below secrets, which stands for them.
func (w *Witness) FindInFolder(dir string) error {
	var errs []error
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return ignoreGone(err)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return ignoreGone(err)
		}
		files++
		below, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		first, _, _ := strings.Cut(filepath.ToSlash(below), "/")
		// Files that are allocated ahead of use end with zeros.
		errs = append(errs, w.find(path, bytes.TrimRight(content, "\x00"), first == "etcd" || first == "secrets"))
		return nil
	})
	if files == 0 {
		errs = append(errs, fmt.Errorf("there is no file in %s to look into", dir))
	}
	return errors.Join(append(errs, err)...)
}

// ignoreGone passes over files that were removed meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
