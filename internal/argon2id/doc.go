// Package argon2id makes and checks password hashes: argon2id (RFC 9106) in the PHC string format,
// "$argon2id$v=19$m=19456,t=2,p=1$salt$hash".
//
// It owns the format and the bounds on its parameters, so that a hash from a manifest cannot make a sign-in take
// gigabytes or minutes. It does not know accounts, and it does not limit how many computations run at once: its callers
// do. The operator, the server and the command line use it.
package argon2id
