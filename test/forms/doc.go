// Package forms is a browser without scripts for tests: it keeps cookies, fills in the forms that pages have, and follows
// redirects among the issuers that it is with. Where it is sent anywhere else it stops, and says where to.
//
// It knows HTML as our pages write it, and nothing about what they are for.
package forms
