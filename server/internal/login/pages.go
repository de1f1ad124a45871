package login

import (
	"errors"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicecode"
	"github.com/grantkeeper/grantkeeper/server/internal/page/deviceconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicedone"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedin"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedout"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signin"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signout"
)

// pages are all pages of the flow, parsed once.
type pages struct {
	signIn    *page.Page[signin.Data]
	signedIn  *page.Page[signedin.Data]
	signOut   *page.Page[signout.Data]
	signedOut *page.Page[signedout.Data]
	code      *page.Page[devicecode.Data]
	confirm   *page.Page[deviceconfirm.Data]
	done      *page.Page[devicedone.Data]
}

func parsePages(layout *page.Layout) (*pages, error) {
	p := &pages{}
	var errs [7]error
	p.signIn, errs[0] = signin.New(layout)
	p.signedIn, errs[1] = signedin.New(layout)
	p.signOut, errs[2] = signout.New(layout)
	p.signedOut, errs[3] = signedout.New(layout)
	p.code, errs[4] = devicecode.New(layout)
	p.confirm, errs[5] = deviceconfirm.New(layout)
	p.done, errs[6] = devicedone.New(layout)
	return p, errors.Join(errs[:]...)
}
