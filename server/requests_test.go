package server

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	body   string
	json   map[string]any
}

func (a answer) text(member string) string { s, _ := a.json[member].(string); return s }

type option func(*http.Request)

func withBasic(id, secret string) option {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func withHeader(k, v string) option {
	return func(r *http.Request) {
		if k == "Host" {
			r.Host = v
			return
		}
		r.Header.Set(k, v)
	}
}

// send makes a request and reads the answer.
func (w *world) send(method, path, contentType, body string, options ...option) answer {
	w.t.Helper()
	a, err := w.try(method, path, contentType, body, options...)
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

func (w *world) try(method, path, contentType, body string, options ...option) (answer, error) {
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for _, o := range options {
		o(r)
	}
	c := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := c.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: response.StatusCode, header: response.Header, body: string(b)}
	_ = json.Unmarshal(b, &a.json) // not every answer is JSON
	return a, nil
}

// post sends a form; pairs are name, value, name, value.
func (w *world) post(path string, pairs []string, options ...option) answer {
	w.t.Helper()
	return w.send(http.MethodPost, path, formType, form(pairs...), options...)
}

func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

// want checks status and error code.
func want(t testing.TB, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.text("error") != code {
		t.Errorf("got %d %s, want %d %q", a.status, a.body, status, code)
	}
}
