package login

import (
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/page/deviceconfirm"
)

// showConfirm renders the page that asks for the decision. It says the same however the browser got there (F09).
func (l *Login) showConfirm(v *visit, s *situation) error {
	if err := l.saveFlow(v); err != nil {
		return err
	}
	request, client := s.asked.device, s.asked.client
	t, err := l.formToken(v, purposeDecision, about(request.Code))
	if err != nil {
		return err
	}
	scopes, err := scopesInWords(l.web.Layout.Messages(), v.Language, v.Snapshot, request.Scopes)
	if err != nil {
		return err
	}
	data := deviceconfirm.Data{
		Token: t, Flow: v.flow.Key, Code: oauth.DisplayUserCode(v.flow.Device.Code), App: nameOf(client), Publisher: client.Display.Publisher,
		Namespace: client.DocumentName(), Homepage: describe.WebLink(client.Display.Homepage), PolicyURI: describe.WebLink(client.Display.PolicyURI),
		Scopes: scopes, Started: request.CreatedAt, Now: v.Now, More: s.consent == consentNeeded,
	}
	data.Network, data.Address, data.SameAddress = where(request.Origin.Address, v.Address)
	data.ProgramKind, data.Program = program(request.Origin.UserAgent)
	return l.pages.confirm.Render(v.W, http.StatusOK, v.Shell(), data)
}
