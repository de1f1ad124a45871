package account

import (
	"net/http"
	"strconv"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accountdata"
	"github.com/grantkeeper/grantkeeper/server/internal/page/accounterased"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

const (
	purposeExport = "export"
	purposeErase  = "erase"
)

// showData shows the page with export and erasure.
func (a *Account) showData(v *visit) error { return a.renderData(v, http.StatusOK, "") }

func (a *Account) renderData(v *visit, status int, problem accountdata.Problem) error {
	data := accountdata.Data{Problem: problem}
	var err error
	if data.Export, err = a.token(v, purposeExport, ""); err != nil {
		return err
	}
	if data.Erase, err = a.token(v, purposeErase, v.User.ID); err != nil {
		return err
	}
	return a.pages.data.Render(v.W, status, v.Shell(), data)
}

// export sends everything that is kept about the user, as a file.
func (a *Account) export(v *visit) error {
	if _, err := a.check(v, purposeExport); err != nil {
		return err
	}
	all, err := a.Storage.Everything(v.R.Context(), v.User.ID)
	if err != nil {
		return failed(err)
	}
	file, err := exported(all, v.Now, v.Snapshot)
	if err != nil {
		return err
	}
	a.note(v, DataExported, storage.ClientRef{}, "")
	h := v.W.Header()
	page.SecurityHeaders(h, v.Site.Secure)
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="my-data.json"`)
	h.Set("Content-Length", strconv.Itoa(len(file)))
	_, _ = v.W.Write(file) // the peer may be gone; there is nobody to tell
	return nil
}

// erase removes the user with everything that is kept about them.
func (a *Account) erase(v *visit) error {
	about, err := a.check(v, purposeErase)
	if err != nil {
		return err
	}
	if v.R.PostForm.Get("sure") != "yes" || about != v.User.ID {
		return a.renderData(v, http.StatusBadRequest, accountdata.Unticked)
	}
	if err := a.Storage.EraseUser(v.R.Context(), v.User.ID, v.Now, tell(v)); err != nil {
		return failed(err)
	}
	a.note(v, DataErased, storage.ClientRef{}, "")
	v.DropCookies()
	shell := v.Shell()
	shell.Account = "" // there is none any more
	return a.pages.erased.Render(v.W, http.StatusOK, shell, accounterased.Data{})
}
