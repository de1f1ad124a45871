// Package page renders what people see. It owns the layout, the one style sheet, the message catalogues and the security
// headers of every HTML answer; each page is a folder below it: a template, its typed data and a golden file.
//
// Pages need no script and load nothing, from this host or another. They decide nothing: the login flow hands them data,
// and everything in it is text to be escaped. A new page is a folder; a new language is a file in messages.
package page
