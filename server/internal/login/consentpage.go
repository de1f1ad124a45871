package login

import (
	"net/url"

	"github.com/grantkeeper/grantkeeper/server/internal/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	consentpage "github.com/grantkeeper/grantkeeper/server/internal/page/consent"
)

// consentForm is what a person has ticked so far.
type consentForm struct {
	answer consent.Answer
	// chosen are the leaves that are ticked, queries what is searched, by the identifier of the API.
	chosen  map[string][]string
	queries map[string]string
	problem consent.Problem
	// at is the API that the problem is about.
	at string
}

// begun is the form as it is first shown: sensitive scopes are not ticked, choices are as they were made before. Who has one thing
// to choose has it ticked.
func begun(sheet *consent.Sheet, lists consent.Lists) consentForm {
	f := consentForm{chosen: map[string][]string{}}
	for _, s := range sheet.Scopes {
		if s.Ticked {
			f.answer.Scopes = append(f.answer.Scopes, s.Name)
		}
	}
	for _, g := range sheet.Groups {
		id := g.Resource.Identifier
		f.chosen[id] = g.Chosen
		if leaves := lists[id].Leaves(); len(leaves) == 1 {
			f.chosen[id] = []string{leaves[0].ID}
		}
	}
	return f
}

// readConsent reads the form as it was sent.
func readConsent(form url.Values, sheet *consent.Sheet, lists consent.Lists) consentForm {
	f := consentForm{
		answer: consent.Answer{Scopes: form["scope"], Picks: map[string]consent.Pick{}},
		chosen: map[string][]string{}, queries: map[string]string{},
	}
	for _, g := range sheet.Groups {
		id := g.Resource.Identifier
		p := lists[id].ReadPick(id, form["choice"], form["shown"])
		f.answer.Picks[id] = p
		for _, c := range lists[id].Pick(p) {
			f.chosen[id] = append(f.chosen[id], c.ID)
		}
		if q := form.Get("q." + g.Resource.Name); len(q) <= maxQuery {
			f.queries[id] = q
		}
	}
	return f
}

// renderConsent renders the page.
func (l *Login) renderConsent(v *visit, status int, a asked, sheet *consent.Sheet, lists consent.Lists, f consentForm) error {
	form, err := l.formToken(v, purposeConsent, aboutAsked(a))
	if err != nil {
		return err
	}
	c := a.client
	d := consentpage.Data{
		Token: form, Action: v.at(PathConsent), Changing: a.request == nil && a.device == nil, Problem: consentpage.Problem(f.problem),
		App: nameOf(c), Publisher: c.Display.Publisher, Namespace: c.DocumentName(),
		Homepage: describe.WebLink(c.Display.Homepage), PolicyURI: describe.WebLink(c.Display.PolicyURI), Always: sheet.EveryTime(), Target: consentpage.Nowhere,
	}
	if a.request != nil {
		d.Target, d.TargetName = target(a.request.RedirectURI)
	}
	if !d.Changing {
		d.Switch = v.switchAccount()
	}
	if err := scopesOn(v, &d, l.web.Layout.Messages(), sheet, f.answer.Scopes); err != nil {
		return err
	}
	groupsOn(&d, sheet, lists, f)
	return l.pages.consent.Render(v.W, status, v.Shell(), d)
}

// target says where an answer goes, as far as people can judge it.
func target(redirectURI string) (consentpage.Target, string) {
	u, err := url.Parse(redirectURI)
	switch {
	case err != nil:
		return consentpage.Nowhere, "" // it was checked
	case u.Scheme != "https" && u.Scheme != "http":
		return consentpage.App, u.Scheme + ":"
	case outbound.IsLoopbackHost(u.Hostname()):
		return consentpage.Program, ""
	default:
		return consentpage.Host, u.Host
	}
}

// onHost reports whether an answer goes to a website, and not to whichever program on the person's device takes it.
func onHost(redirectURI string) bool {
	t, _ := target(redirectURI)
	return t == consentpage.Host
}

// scopesOn puts the scopes on the page, in words.
func scopesOn(v *visit, d *consentpage.Data, m *page.Messages, sheet *consent.Sheet, ticked []string) error {
	on := map[string]bool{}
	for _, name := range ticked {
		on[name] = true
	}
	for i := range sheet.Scopes {
		s := &sheet.Scopes[i]
		words, err := scopeInWords(v, m, s)
		if err != nil {
			return err
		}
		words.Ticked = on[s.Name]
		switch {
		case s.Allowed:
			words.Sensitive = false // nothing is to be ticked there
			d.Allowed = append(d.Allowed, words)
		case s.Optional:
			d.Asked = append(d.Asked, words)
		default:
			d.Fixed = append(d.Fixed, words)
		}
	}
	return nil
}

// scopeInWords is a scope as people read it, with the API that it is for.
func scopeInWords(v *visit, m *page.Messages, s *consent.Scope) (consentpage.Scope, error) {
	words, err := describe.Scopes(m, v.Language, v.Snapshot, []string{s.Name})
	if err != nil {
		return consentpage.Scope{}, err
	}
	out := consentpage.Scope{Name: s.Name, Title: words[0].Title, Detail: words[0].Detail, Sensitive: s.Sensitive()}
	if s.Declared != nil {
		out.Detail, out.API = s.Declared.Description, s.Resource.Title
	}
	return out, nil
}

// groupsOn puts what there is to choose on the page, as much as fits.
func groupsOn(d *consentpage.Data, sheet *consent.Sheet, lists consent.Lists, f consentForm) {
	const (
		around = 12600   // what the page takes without scopes and choices, in bytes
		box    = 200     // what a scope takes besides its words
		head   = 1 << 10 // what an API takes besides its choices
	)
	budget := page.MaxSize - around
	for _, g := range sheet.Groups {
		budget -= head + len(g.Resource.Choices.Title) + len(g.Resource.Title)
	}
	for _, s := range [][]consentpage.Scope{d.Allowed, d.Asked, d.Fixed} {
		for _, words := range s {
			budget -= box + len(words.Title) + len(words.Detail) + len(words.API)
		}
	}
	for _, g := range sheet.Groups {
		id := g.Resource.Identifier
		view := lists[id].View(id, f.queries[id], f.chosen[id], max(0, budget)/len(sheet.Groups))
		out := consentpage.Group{
			Name: g.Resource.Name, Title: g.Resource.Choices.Title, API: g.Resource.Title, Query: f.queries[id],
			Search: view.Total > consent.LongList || view.ShownCount < view.Total,
			Shown:  view.Shown, Hidden: view.Hidden, ShownCount: view.ShownCount, HiddenCount: view.HiddenCount, Total: view.Total,
			Wrong: f.problem != "" && f.at == id,
		}
		for _, top := range view.Tops {
			t := consentpage.Top{Leaf: consentpage.Leaf(top.ViewLeaf), Parent: top.Parent, Count: top.Count}
			for _, leaf := range top.Leaves {
				t.Leaves = append(t.Leaves, consentpage.Leaf(leaf))
			}
			out.Tops = append(out.Tops, t)
		}
		d.Groups = append(d.Groups, out)
	}
}
