// Package oauthclient reconciles OAuthClients: it gathers what a client depends on, has internal/compile decide, writes
// the client's Secret and its registration, and reports.
//
// It owns the life of a client's secret: which value is current, which older ones are still honoured and until when. It
// decides nothing about what a client may have. The registration is the memory of older secrets; the Secret is the truth
// about the current one, as long as the value in it is one that the operator made.
//
// There is no finalizer. A client that is gone is recognised by its event or by the comparison that every start makes,
// and its registration goes with it.
package oauthclient
