package login

import (
	"net/http"

	"github.com/grantkeeper/grantkeeper/server/internal/describe"
	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
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
		Namespace: client.DocumentName(), Homepage: describe.WebLink(client.Display.Homepage), PolicyURI: describe.WebLink(client.Display.PolicyURI),
		Scopes: scopes, Started: request.CreatedAt, Now: v.Now,
	}
	data.Network, data.Address, data.SameAddress = where(request.Origin.Address, v.Address)
	data.ProgramKind, data.Program = program(request.Origin.UserAgent)
	return l.pages.confirm.Render(v.W, http.StatusOK, v.Shell(), data)
}
