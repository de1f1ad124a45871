// Package sampleapi is an API that is protected by an authorization server, as its authors would write it: with nothing of
// Grantkeeper but what any API knows, its issuer and its keys.
//
// It keeps organizations with projects, and clusters in them. People choose projects when they let an app in, and the API lists
// what the token was given for, and nothing else: it reads authorization_details (RFC 9396). It judges tokens alone, as JWTs (RFC
// 9068), or asks the authorization server about each (RFC 7662). It tells the server what there is to choose
// (docs/reference/choices.md), and clients where to get tokens (RFC 9728).
//
// test/sampleapi/cmd/sampleapi runs it.
package sampleapi
