// Package browser opens pages in a real Chromium, for tests: a browser of its own per test, with scripts of pages off, that
// can be dark, narrow, in the reader's own colours or with large text; screenshots; and axe-core, which finds what keeps people out (WCAG 2.2 AA).
//
// It needs Chromium (/usr/bin/chromium, or what CHROMIUM names) and node_modules, which test/browser/install gets. Where they
// are missing a test is skipped as NOT RUN; where GRANTKEEPER_REQUIRE lists "browser" or "all" it fails instead.
//
// GRANTKEEPER_SCREENSHOTS names a folder in which screenshots are kept, to be looked at.
package browser
