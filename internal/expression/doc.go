// Package expression compiles and evaluates the CEL expressions of manifests: what an identity is made of, who is let in, and who
// may let a client in.
//
// An expression sees two variables: claims, a map of what the identity provider said, and user, an object with username,
// name, email, emailVerified and groups; the users expression of a policy sees user alone. It has CEL's own functions, those for strings, lists and optional values, and none
// that reaches out of the expression. Length and cost are bounded, so that neither an expression nor the claims it is given
// can hold a server up.
//
// The compile step checks with the same function that the server evaluates with.
package expression
