// Package contrast computes how well two colours can be told apart, as WCAG 2.2 does. It is pure.
//
// The compile step refuses the colours of a server's branding that people could not read. What pages make of the colours is
// the business of the pages.
package contrast
