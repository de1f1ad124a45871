// Package choices finds out what a person may choose among when they let an app in to an API: from the API's manifest, or by
// asking the API itself with a short-lived signed token of the person.
//
// It owns the contract with APIs (docs/reference/choices.md): what is asked, what an answer may be, and for how long it counts.
// What is done with a choice is the business of package consent; which addresses may be reached that of package outbound.
package choices
