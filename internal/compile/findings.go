package compile

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// maxFindings bounds what a status has to carry; a manifest with more problems has the rest counted.
const maxFindings = 32

// checker collects findings.
type checker struct{ findings []Finding }

func (k *checker) add(reason v1alpha1.ConditionReason, format string, args ...any) {
	k.findings = append(k.findings, Finding{Reason: reason, Message: oneLine(fmt.Sprintf(format, args...))})
}

// check adds an Invalid finding for a value that err is about.
func (k *checker) check(field, value string, err error) {
	switch {
	case err == nil:
	case value == "":
		k.add(v1alpha1.ReasonInvalid, "%s: %s", field, err)
	default:
		k.add(v1alpha1.ReasonInvalid, "%s %s: %s", field, show(value), err)
	}
}

func (k *checker) invalid(field, format string, args ...any) {
	k.check(field, "", fmt.Errorf(format, args...))
}

func (k *checker) optionalText(field, value string, limit int) {
	if value != "" {
		k.check(field, value, registration.CheckText(value, limit))
	}
}

func (k *checker) optionalWebURI(field, value string) {
	if value != "" {
		k.check(field, value, registration.CheckWebURI(value))
	}
}

// lifetime takes an optional lifetime, checks it and returns it, or fallback when it is absent.
func (k *checker) lifetime(field string, d *metav1.Duration, fallback, least, most time.Duration) registration.Duration {
	if d == nil {
		return registration.Duration(fallback)
	}
	k.check(field, registration.FormatDuration(d.Duration), registration.CheckLifetime(d.Duration, least, most))
	return registration.Duration(d.Duration)
}

// selector checks that a selector can be read.
func (k *checker) selector(field string, s *metav1.LabelSelector) {
	if _, err := metav1.LabelSelectorAsSelector(s); err != nil {
		k.invalid(field, "must be a valid label selector: %v", err)
	}
}

// bounded caps the number of findings.
func (k *checker) bounded() []Finding {
	if len(k.findings) <= maxFindings {
		return k.findings
	}
	rest := Finding{
		Reason:  k.findings[maxFindings-1].Reason,
		Message: fmt.Sprintf("and %d more of this kind; mend those above first", len(k.findings)-maxFindings+1),
	}
	return append(slices.Clip(k.findings[:maxFindings-1]), rest)
}

// checkList checks the length of a list, each entry, and that none is there twice.
func checkList[T ~string](k *checker, field string, values []T, limit int, check func(string) error) {
	if len(values) > limit {
		k.invalid(field, "must have at most %d entries, not %d", limit, len(values))
		return
	}
	seen := make(map[T]struct{}, len(values))
	for i, v := range values {
		entry := fmt.Sprintf("%s[%d]", field, i)
		k.check(entry, orEmpty(string(v)), check(string(v)))
		if _, twice := seen[v]; twice {
			k.check(entry, orEmpty(string(v)), errors.New("is there twice; remove one of them"))
		}
		seen[v] = struct{}{}
	}
}

// orEmpty shows an empty entry as such.
func orEmpty(s string) string {
	if s == "" {
		return `""`
	}
	return s
}

// validates is the last look at a document: whatever the checks above let through and the contract does not is refused
// here, so that the codec never has to.
func (k *checker) validates(d registration.Document) bool {
	if len(k.findings) > 0 {
		return false
	}
	if _, err := registration.Encode(d); err != nil {
		k.add(v1alpha1.ReasonInvalid, "spec: %v", err)
		return false
	}
	return true
}

var userinfo = regexp.MustCompile(`//[^/?#]*@`)

// show makes a value from a manifest fit for a status: short, printable and without credentials (K6).
func show(s string) string {
	const limit = 128
	s = userinfo.ReplaceAllString(s, "//REDACTED@")
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + "…"
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			return strconv.QuoteToASCII(s)
		}
	}
	return s
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

func stringsOf[T ~string](values []T) []string {
	if len(values) == 0 {
		return nil
	}
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = string(v)
	}
	return s
}
