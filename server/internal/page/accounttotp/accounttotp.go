// Package accounttotp is the page on which somebody sets up an authenticator app (RFC 6238).
package accounttotp

import (
	_ "embed" // the template
	"html/template"
	"strconv"
	"strings"

	"rsc.io/qr"

	"github.com/grantkeeper/grantkeeper/server/internal/page"
	"github.com/grantkeeper/grantkeeper/server/internal/page/account"
)

//go:embed accounttotp.html
var source string

// Problem is what was wrong with the try before.
type Problem string

// The problems.
const (
	Wrong Problem = "wrong"
	Stale Problem = "stale"
)

// Data is what the page shows.
type Data struct {
	// Token ties the form to the session and to the secret.
	Token string
	// Pending is the sealed secret.
	Pending string
	// Secret is what is typed into the app by those who cannot scan; URI is what the QR code says.
	Secret, URI string
	// Flow is the unfinished login that asked for a second factor; empty for none.
	Flow    string
	Problem Problem
}

// Tab is the part of the account pages.
func (Data) Tab() account.Tab { return account.Security }

// Groups is the secret in groups of four.
func (d Data) Groups() string {
	var b strings.Builder
	for i, r := range d.Secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// QR draws the code as the path of an SVG, one unit to a module, with the quiet zone of four that ISO/IEC 18004 asks for.
func (d Data) QR() (QR, error) {
	code, err := qr.Encode(d.URI, qr.L)
	if err != nil {
		return QR{}, err
	}
	const quiet = 4
	var b strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			if !code.Black(x, y) {
				continue
			}
			run := 1
			for code.Black(x+run, y) {
				run++
			}
			b.WriteString(rect(x+quiet, y+quiet, run))
			x += run
		}
	}
	return QR{Size: code.Size + 2*quiet, Path: template.HTMLAttr(`d="` + b.String() + `"`)}, nil
}

// QR is a drawn code. Path is an attribute made of digits and the letters of SVG paths alone.
type QR struct {
	Size int
	Path template.HTMLAttr
}

// New parses the page.
func New(l *page.Layout) (*page.Page[Data], error) { return account.Parse[Data](l, source) }

func rect(x, y, run int) string {
	n, m, r := strconv.Itoa(x), strconv.Itoa(y), strconv.Itoa(run)
	return "M" + n + " " + m + "h" + r + "v1h-" + r + "z"
}
