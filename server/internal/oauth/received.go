package oauth

import (
	"net/url"
	"slices"
	"strings"
)

// Received are the parameters of an authorization request. Unlike at other endpoints, what is wrong with one of them does not
// end the reading: a fault in client_id or redirect_uri is shown to the person in front of the browser, any other one is told
// to the client that these two name (RFC 6749 section 4.1.2.1). It is decoded once, by the rules of [ParseForm].
type Received struct {
	Params
	// unusable are the names whose values cannot be told: repeated, or not text.
	unusable []string
	fault    *Error
	many     bool
}

// Receive decodes a query string, or a form, as it came.
func Receive(raw string) Received {
	r := Received{Params: Params{pairs: make([]pair, 0, 16)}}
	n := 0
	for field := range strings.SplitSeq(raw, "&") {
		if field == "" {
			continue
		}
		if n++; n > MaxParams {
			r.many = true
			r.note(InvalidRequest("too many parameters"))
			return r
		}
		r.take(field)
	}
	return r
}

func (r *Received) take(field string) {
	name, value, _ := strings.Cut(field, "=")
	name, err := url.QueryUnescape(name)
	if err != nil || !clean(name) {
		r.note(InvalidRequest("the name of a parameter cannot be read"))
		return
	}
	value, err = url.QueryUnescape(value)
	if err != nil || !clean(value) {
		r.drop(name, "cannot be read")
		return
	}
	if !repeatable(name) && (r.Unusable(name) || slices.ContainsFunc(r.pairs, func(p pair) bool { return p.name == name })) {
		r.drop(name, "is repeated")
		return
	}
	r.pairs = append(r.pairs, pair{name, value})
}

// drop makes a parameter unusable: none of its values is used.
func (r *Received) drop(name, why string) {
	r.note(InvalidRequest("parameter " + shorten(name) + " " + why))
	if !r.Unusable(name) {
		r.unusable = append(r.unusable, name)
	}
	r.pairs = slices.DeleteFunc(r.pairs, func(p pair) bool { return p.name == name })
}

func (r *Received) note(e *Error) {
	if r.fault == nil {
		r.fault = e
	}
}

// Unusable reports whether a parameter is there and has no value that two readers would agree on: it is repeated, or its value
// is not text. Get returns nothing for it then.
func (r *Received) Unusable(name string) bool { return slices.Contains(r.unusable, name) }

// Fault is the first thing that is wrong, invalid_request; nil when nothing is.
func (r *Received) Fault() *Error { return r.fault }

// TooMany reports whether there are more than [MaxParams]; those beyond were not looked at.
func (r *Received) TooMany() bool { return r.many }
