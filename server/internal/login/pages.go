package login

import (
	"errors"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/consent"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicecode"
	"github.com/grantkeeper/grantkeeper/server/internal/page/deviceconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/devicedone"
	"github.com/grantkeeper/grantkeeper/server/internal/page/formpost"
	"github.com/grantkeeper/grantkeeper/server/internal/page/notallowed"
	"github.com/grantkeeper/grantkeeper/server/internal/page/secondfactor"
	"github.com/grantkeeper/grantkeeper/server/internal/page/selectaccount"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedin"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedout"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signin"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signout"
)

// pages are all pages of the flow, parsed once.
type pages struct {
	signIn        *page.Page[signin.Data]
	secondFactor  *page.Page[secondfactor.Data]
	selectAccount *page.Page[selectaccount.Data]
	signedIn      *page.Page[signedin.Data]
	signOut       *page.Page[signout.Data]
	signedOut     *page.Page[signedout.Data]
	consent       *page.Page[consent.Data]
	code          *page.Page[devicecode.Data]
	confirm       *page.Page[deviceconfirm.Data]
	done          *page.Page[devicedone.Data]
	formPost      *page.Page[formpost.Data]
	notAllowed    *page.Page[notallowed.Data]
}

func parsePages(layout *page.Layout) (*pages, error) {
	p := &pages{}
	var errs [12]error
	p.signIn, errs[0] = signin.New(layout)
	p.secondFactor, errs[1] = secondfactor.New(layout)
	p.selectAccount, errs[2] = selectaccount.New(layout)
	p.signedIn, errs[3] = signedin.New(layout)
	p.signOut, errs[4] = signout.New(layout)
	p.signedOut, errs[5] = signedout.New(layout)
	p.consent, errs[6] = consent.New(layout)
	p.code, errs[7] = devicecode.New(layout)
	p.confirm, errs[8] = deviceconfirm.New(layout)
	p.done, errs[9] = devicedone.New(layout)
	p.formPost, errs[10] = formpost.New(layout)
	p.notAllowed, errs[11] = notallowed.New(layout)
	return p, errors.Join(errs[:]...)
}
