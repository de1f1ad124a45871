// Package webtest has what tests of pages that package web serves share: what holds for every answer, what a page says, and a
// log that may be read while it is written. How a page looks is package pagetest's.
package webtest
