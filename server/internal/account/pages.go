package account

import (
	"errors"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountapp"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountapps"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountcodes"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountconfirm"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountdata"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accounterased"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountpasskey"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountsecurity"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountsessions"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accounttotp"
)

// pages are all account pages, parsed once.
type pages struct {
	apps     *page.Page[accountapps.Data]
	app      *page.Page[accountapp.Data]
	confirm  *page.Page[accountconfirm.Data]
	sessions *page.Page[accountsessions.Data]
	security *page.Page[accountsecurity.Data]
	totp     *page.Page[accounttotp.Data]
	passkey  *page.Page[accountpasskey.Data]
	codes    *page.Page[accountcodes.Data]
	data     *page.Page[accountdata.Data]
	erased   *page.Page[accounterased.Data]
}

func parsePages(layout *page.Layout) (*pages, error) {
	p := &pages{}
	var errs [10]error
	p.apps, errs[0] = accountapps.New(layout)
	p.app, errs[1] = accountapp.New(layout)
	p.confirm, errs[2] = accountconfirm.New(layout)
	p.sessions, errs[3] = accountsessions.New(layout)
	p.security, errs[4] = accountsecurity.New(layout)
	p.totp, errs[5] = accounttotp.New(layout)
	p.passkey, errs[6] = accountpasskey.New(layout)
	p.codes, errs[7] = accountcodes.New(layout)
	p.data, errs[8] = accountdata.New(layout)
	p.erased, errs[9] = accounterased.New(layout)
	return p, errors.Join(errs[:]...)
}
