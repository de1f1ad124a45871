// Package passkey has the one script of the pages: it asks the browser for a passkey. Pages that use it are parsed with
// page.ParseScript and have a form like this, which is not to be seen unless the script runs and the browser knows passkeys:
//
//	<form method="post" action="…" data-passkey="{{.Data.Options}}" hidden>
//	<input type="hidden" name="token" value="…">
//	<input type="hidden" name="passkey">
//	<p role="alert" hidden>{{t "passkey.failed"}}</p>
//	<button>{{t "passkey.use"}}</button>
//	</form>
//
// The attribute is factor.Ceremony.Options; whether it asks for a new passkey or for one that is there is told from it. The
// browser's answer is sent in the field "passkey". The script fetches nothing, and a page must offer another way as well.
package passkey

import _ "embed" // the script

// Field is the form field with the browser's answer.
const Field = "passkey"

//go:embed passkey.js
var script string

// Script is for page.ParseScript.
func Script() string { return script }
