// Package docs keeps the documentation true: every manifest in it loads, every field, condition, metric and audit event is in
// it, every path, make target and link leads somewhere, and the blocks marked "sh test" run against a real server.
//
// A page's blocks marked "yaml test" are the manifests that its "sh test" blocks run with; without any, config/samples are.
// The blocks of a page run in order, in one shell, in a folder with manifests and data. What a person does in a browser in
// between stands in a comment that a reader does not see: <!-- test: approve LINK [USER PASSWORD] --> connects a device, and
// <!-- test: back=$(allow LINK [TICK...]) --> is the demo's user who follows a link, ticks what is called so, lets the app in, and
// ends at the address that is printed.
package docs
