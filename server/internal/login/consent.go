package login

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/grantkeeper/grantkeeper/internal/policy"
	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/choices"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/web"
)

// Choices lists what people may choose among; see choices.Lister.
type Choices interface {
	List(ctx context.Context, q choices.Query) (consent.List, error)
}

// The actions of consent.
const (
	actionConsentGiven   audit.Action = "consent.given"
	actionConsentRefused audit.Action = "consent.refused"
)

// maxQuery bounds what is searched among choices, in bytes.
const maxQuery = 200

// consentNeeded reports whether the person has to be asked; if not, it says what the app gets. Its errors have pages.
func (l *Login) consentNeeded(v *visit, a asked) (bool, given, error) {
	sheet, err := l.sheet(v, a)
	if err != nil || sheet.Needed {
		return true, given{}, err
	}
	return false, a.give(sheet.Unasked()), nil
}

// sheet works out what to ask.
func (l *Login) sheet(v *visit, a asked) (*consent.Sheet, error) {
	q := consent.Question{Scopes: a.sheetScopes(), Resources: a.resources, Issuer: v.Snapshot.Server().Issuer}
	p, ok := v.Snapshot.Policy(a.client.Policy)
	if !ok {
		return nil, web.ClientGone(a.client.DocumentName())
	}
	q.Mode = policy.Consent(p, a.client.Client)
	q.Prompted = a.request != nil && a.request.Prompts("consent")
	q.Confirmed = a.device != nil
	q.Unproven = a.request != nil && a.client.Public && !onHost(a.request.RedirectURI)
	q.Changing = a.request == nil && a.device == nil
	var err error
	if q.Changing {
		q.Remembered, err = l.everythingOf(v, a.client.UID)
	} else {
		q.Remembered, err = l.remembered(v, a.client.UID)
	}
	if err != nil {
		return nil, err
	}
	return consent.Ask(v.Snapshot, q), nil
}

// remembered is what the person allowed the client before; nil for nothing.
func (l *Login) remembered(v *visit, clientUID string) (*storage.Consent, error) {
	c, err := l.Storage.Consent(v.R.Context(), v.User.ID, clientUID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, web.Unavailable(err)
	}
	return &c, nil
}

// everythingOf is all that a client has of the person: what is remembered, and what its live grants are for.
func (l *Login) everythingOf(v *visit, clientUID string) (*storage.Consent, error) {
	app, err := l.Storage.App(v.R.Context(), v.User.ID, clientUID)
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, nil
	case err != nil:
		return nil, web.Unavailable(err)
	}
	return together(app), nil
}

// together unites what an app has.
func together(app storage.App) *storage.Consent {
	all := storage.Consent{Client: app.Client}
	var details []consent.Detail
	add := func(scopes, audience []string, chosen json.RawMessage) {
		all.Scopes = union(all.Scopes, scopes)
		all.Audience = union(all.Audience, audience)
		details = append(details, consent.ParseDetails(chosen)...)
	}
	if c := app.Consent; c != nil {
		add(c.Scopes, c.Audience, c.AuthorizationDetails)
	}
	for _, g := range app.Grants {
		add(union(g.Scopes, oauth.ScopesOfClaims(g.Claims)), g.Audience, g.AuthorizationDetails)
	}
	all.AuthorizationDetails = consent.EncodeDetails(details)
	return &all
}

// union is a with what b has besides.
func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// lists asks what the person may choose among. Its errors have pages: without a list nothing is granted.
func (l *Login) lists(v *visit, a asked, sheet *consent.Sheet) (consent.Lists, error) {
	out := consent.Lists{}
	for _, g := range sheet.Groups {
		q := choices.Query{Issuer: v.Snapshot.Server().Issuer, Resource: g.Resource, User: v.User, Client: refOf(a)}
		for _, s := range sheet.Scopes {
			if s.Resource != nil && s.Resource.Identifier == g.Resource.Identifier {
				q.Scopes = append(q.Scopes, s.Name)
			}
		}
		list, err := l.Choices.List(v.R.Context(), q)
		switch {
		case errors.Is(err, choices.ErrAway):
			return nil, web.APIAway(err)
		case err != nil:
			return nil, web.Unavailable(err)
		}
		out[g.Resource.Identifier] = list
	}
	return out, nil
}

func refOf(a asked) storage.ClientRef {
	return storage.ClientRef{ID: a.client.ClientID, UID: a.client.UID}
}

// aboutAsked ties a form to the one request that it is about (A24).
func aboutAsked(a asked) token {
	switch {
	case a.request != nil:
		return about(sha256.Sum256([]byte("request " + a.request.ID)))
	case a.device != nil:
		return about(a.device.Code)
	default:
		return about(sha256.Sum256([]byte("change " + a.client.UID)))
	}
}

// showConsent renders the page that asks.
func (l *Login) showConsent(v *visit, status int, a asked) error {
	sheet, err := l.sheet(v, a)
	if err != nil {
		return err
	}
	lists, err := l.lists(v, a, sheet)
	if err != nil {
		return err
	}
	return l.renderConsent(v, status, a, sheet, lists, begun(sheet, lists))
}

// submitConsent takes the answer. Of several submissions storage takes one (A27).
func (l *Login) submitConsent(v *visit, a asked) error {
	t, err := l.checkToken(v, purposeConsent)
	if err != nil {
		return web.Forbidden(err)
	}
	if !slices.Equal(t.Request, aboutAsked(a).Request) {
		return web.Forbidden(web.ErrToken)
	}
	decision := v.R.PostForm.Get("decision")
	switch decision {
	case "deny":
		return l.denyConsent(v, a)
	case "approve", "search":
	default:
		return web.BadRequest(errors.New("the decision is none of approve, deny and search"))
	}
	sheet, err := l.sheet(v, a)
	if err != nil {
		return err
	}
	lists, err := l.lists(v, a, sheet)
	if err != nil {
		return err
	}
	f := readConsent(v.R.PostForm, sheet, lists)
	if decision == "search" {
		return l.renderConsent(v, http.StatusOK, a, sheet, lists, f)
	}
	r, problem, at := sheet.Decide(f.answer, lists)
	if problem != "" {
		f.problem, f.at = problem, at
		return l.renderConsent(v, http.StatusBadRequest, a, sheet, lists, f)
	}
	g := a.give(r)
	g.answered = true
	if k := r.Keep; k != nil {
		g.consent = &storage.Consent{
			UserID: v.User.ID, Client: refOf(a), Scopes: k.Scopes, Audience: k.Audience, AuthorizationDetails: k.Details,
			CreatedAt: v.Now, UpdatedAt: v.Now,
		}
	}
	return l.finish(v, a, g)
}

// denyConsent ends it without giving anything.
func (l *Login) denyConsent(v *visit, a asked) error {
	if a.request != nil || a.device != nil { // who keeps things as they are refuses nothing
		l.noteConsent(v, a, actionConsentRefused, a.sheetScopes())
	}
	return l.refuse(v, a, oauth.AccessDenied())
}

// noteGiven writes that the person consented, once it counts, and before the browser is answered.
func (l *Login) noteGiven(v *visit, a asked, g given) {
	if g.answered {
		l.noteConsent(v, a, actionConsentGiven, g.allowed)
	}
}

func (l *Login) noteConsent(v *visit, a asked, action audit.Action, scopes []string) {
	l.web.Note(v.Visit, audit.Event{Action: action, Client: a.client.ClientID, Namespace: a.client.Namespace, Scope: strings.Join(scopes, " ")})
}
