// Package controllers is the cluster side of Grantkeeper: it holds the one list of reconcilers and what they share.
//
// It owns how a manager has to be set up for them: the scheme, and a cache that holds no Secret but those that the
// operator made and those that opted in to being read (K3, K4). What each kind means is decided in internal/compile; the
// server is met only in the documents of internal/registration.
package controllers
