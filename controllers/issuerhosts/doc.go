// Package issuerhosts keeps one ConfigMap with the hosts of all issuers and the namespaces of their servers. The admission
// policies of config/admission read it, to refuse whatever routes such a host from elsewhere (K11): a policy can read one
// object that it is bound to, and no OAuthServer of another namespace.
//
// It owns the list. What is refused by it is in the policies.
package issuerhosts
