// Package page renders what people see. It owns the layout, the one style sheet, the message catalogues and the security
// headers of every HTML answer; each page is a folder below it: a template, its typed data and a golden file.
//
// Pages load nothing from another host and need no script, but for passkeys. They decide nothing: the handlers hand them data,
// and everything in it is text to be escaped. A new page is a folder; a new language is a file in messages,
// and a new text is in every one of them: a test says which is missing, or has other places or plural forms than its language needs.
//
// # Templates
//
// A template defines "title" and "main", and may define "class", the class of the body: wide, for lists and tables. It begins
// with one h1. What it writes texts with:
//
//	{{t "key" "place" value}}       a text; values are text
//	{{rich "key" "place" value}}    the same with each value in bold and isolated from the direction around it: for names that others chose
//	{{count "key" n "place" value}} the plural form for n, from "key.one", "key.other" and so on; its place is {n}
//	{{date time}}, {{datetime time}} a day, or a day and a time in UTC, in the reader's words, in a time element
//	<bdi>{{.Name}}</bdi>            a name that others chose, outside of texts
//	{{template "errors" "key"}}     what was wrong with the form before, as an alert with the id "error"
//
// # Classes
//
// Plain elements are styled as they are: h1, h2, h3, p, a, label, input, select, button, dl with a div around
// each dt and dd, code. Besides:
//
//	p.lead, p.hint, .small, .empty  what the page is about; how to fill in a field (before it); less important; "there is nothing"
//	a.button, button                the one thing to do. Also .plain (the other thing), .danger (what cannot be undone), .link (looks like a link)
//	div.actions                     buttons in a row, all of one size, e.g. .plain Deny and Approve; one below the other when narrow
//	div.notice                      a box to heed: also .good, .bad; in it p, strong
//	ul.list > li                    a list with lines between
//	section.card                    a box with h2 or h3, dl, ul.scopes, .actions
//	div.row                         something at the start (div) and a small button at the end (form, a or button)
//	ul.scopes > li                  what an app may do; each with the svg of a tick and a span, in it span.small for the detail
//	label.choice                    <label class="choice"><input type="checkbox" or "radio"><span>Title <span class="small">detail</span></span></label>
//	fieldset.choices                <fieldset class="choices"><legend>Group</legend> label.choice … </fieldset>; they nest: organizations with projects
//	form.search                     <label for="q">, <input id="q" type="search">, <button class="plain">, in a row
//	nav.tabs > a                    parts of the account pages; the current one with aria-current="page"
//	ul.picks > li > .pick           accounts or identity providers to choose among: button or a, in it an optional svg or img, a span, in it span.small
//	p.or                            "or" between two ways to sign in
//	svg.qr, output.code, input.code a QR code (role="img" and a label; dark modules are path), a code to compare, a code to type
//	ul.codes > li > code            recovery codes
//	.badge                          a word beside a name: "This browser"
//	.links                          links below the card's main part
//	.hidden                         for screen readers alone
package page
