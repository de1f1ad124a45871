package login

import (
	"net/http"
	"net/netip"
	"net/url"

	"github.com/grantkeeper/grantkeeper/server/internal/limit"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/deviceconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// showConfirm renders the page that asks for the decision. It says the same however the browser got there (F09).
func (l *Login) showConfirm(v *visit, request storage.DeviceRequest, client *registry.Client) error {
	token, err := l.formToken(v, purposeDecision, request.Code)
	if err != nil {
		return err
	}
	scopes, err := scopesInWords(l.web.Layout.Messages(), v.Language, v.Snapshot, request.Scopes)
	if err != nil {
		return err
	}
	data := deviceconfirm.Data{
		Token: token, Code: oauth.DisplayUserCode(v.flow.Code), App: appName(client, request), Publisher: client.Display.Publisher,
		Namespace: client.DocumentName(), Homepage: webLink(client.Display.Homepage), PolicyURI: webLink(client.Display.PolicyURI),
		Scopes: scopes, Started: request.CreatedAt, Now: v.Now,
	}
	data.Network, data.Address, data.SameAddress = where(request.Origin.Address, v.Address)
	data.ProgramKind, data.Program = program(request.Origin.UserAgent)
	return l.pages.confirm.Render(v.W, http.StatusOK, v.Shell(), data)
}

// scopesInWords are scopes as people read them: those of OpenID Connect from the catalogue, the others as their resources
// declare them.
func scopesInWords(m *page.Messages, lang string, s *registry.Snapshot, scopes []string) ([]deviceconfirm.Scope, error) {
	out := make([]deviceconfirm.Scope, 0, len(scopes))
	for _, name := range scopes {
		words := deviceconfirm.Scope{}
		var err error
		resource, scope, declared := s.ScopeResource(name)
		switch {
		case declared:
			words = deviceconfirm.Scope{Title: scope.Title, Detail: scope.Description}
			if words.Detail == "" {
				words.Detail = resource.Title
			}
		case oauth.IsIdentityScope(name):
			words.Title, err = m.Text(lang, "scope."+name)
			if detail := "scope." + name + ".detail"; err == nil && m.Has(detail) {
				words.Detail, err = m.Text(lang, detail)
			}
		default:
			words.Title, err = m.Text(lang, "scope.unknown", "scope", name)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, words)
	}
	return out, nil
}

// where says what kind of address a request came from, and whether the browser has the same one.
func where(origin string, browser netip.Addr) (deviceconfirm.Network, string, bool) {
	a, err := netip.ParseAddr(origin)
	if err != nil {
		return deviceconfirm.NetworkUnknown, "", false
	}
	a = a.Unmap().WithZone("")
	same := browser.IsValid() && limit.Network(a) == limit.Network(browser)
	switch {
	case a.IsLoopback() && same:
		return deviceconfirm.NetworkLoopback, a.String(), same
	case a.IsLoopback():
		return deviceconfirm.NetworkServer, a.String(), same
	case a.IsPrivate(), a.IsLinkLocalUnicast():
		return deviceconfirm.NetworkPrivate, a.String(), same
	default:
		return deviceconfirm.NetworkPublic, a.String(), same
	}
}

// webLink is s if it is an https URL, else nothing.
func webLink(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return ""
	}
	return s
}
