package registration

import (
	"errors"
	"strings"
	"time"
)

// Bounds of the standard claims, in characters.
const (
	maxZoneinfo  = 64
	maxLocale    = 35 // RFC 5646 section 4.4.1
	maxPhone     = 40
	maxFormatted = 500
)

// checkProfile checks the standard claims of an account (OpenID Connect Core section 5.1). All of them may be absent.
func checkProfile(p *Profile) []FieldError {
	var f fieldErrors
	text := func(field, value string) {
		if value != "" {
			f.check(field, CheckText(value, MaxDisplayText))
		}
	}
	for _, v := range []struct{ field, value string }{
		{"given_name", p.GivenName}, {"family_name", p.FamilyName}, {"middle_name", p.MiddleName},
		{"nickname", p.Nickname}, {"gender", p.Gender},
	} {
		text(v.field, v.value)
	}
	for _, v := range []struct{ field, value string }{{"profile", p.Profile}, {"picture", p.Picture}, {"website", p.Website}} {
		if v.value != "" {
			f.check(v.field, CheckWebURI(v.value))
		}
	}
	f.check("birthdate", checkBirthdate(p.Birthdate))
	f.check("zoneinfo", checkWords(p.Zoneinfo, maxZoneinfo, "/_+-", "must be the name of a time zone, like Europe/Paris"))
	f.check("locale", checkWords(p.Locale, maxLocale, "-_", "must be a language tag, like en-GB"))
	f.check("phone_number", checkWords(p.PhoneNumber, maxPhone, "+-. ();=", "must be a telephone number, best in E.164, like +49 30 123456"))
	if p.PhoneNumberVerified && p.PhoneNumber == "" {
		f.check("phone_number_verified", errors.New("must not be true without a phone_number"))
	}
	if a := p.Address; a != nil {
		// Section 5.1.1: both may have several lines.
		f.check("address.formatted", checkLines(a.Formatted))
		f.check("address.street_address", checkLines(a.StreetAddress))
		text("address.locality", a.Locality)
		text("address.region", a.Region)
		text("address.postal_code", a.PostalCode)
		text("address.country", a.Country)
	}
	return f.found
}

// checkBirthdate checks a date, a year, or a date without its year (0000).
func checkBirthdate(s string) error {
	if s == "" {
		return nil
	}
	layout := time.DateOnly
	if len(s) == len("2006") {
		layout = "2006"
	}
	// A leap year, so that 29 February without a year is a date.
	if rest, ok := strings.CutPrefix(s, "0000-"); ok {
		s = "2000-" + rest
	}
	if _, err := time.Parse(layout, s); err != nil {
		return errors.New("must be a date like 1990-12-31, 0000-12-31 or 1990")
	}
	return nil
}

func checkWords(s string, limit int, others, message string) error {
	if s == "" {
		return nil
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && strings.IndexByte(others, c) < 0 {
			return errors.New(message)
		}
	}
	if len(s) > limit || s != strings.TrimSpace(s) {
		return errors.New(message)
	}
	return nil
}

func checkLines(s string) error {
	if s == "" {
		return nil
	}
	for line := range strings.SplitSeq(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if err := CheckText(line, maxFormatted); err != nil {
			return err
		}
	}
	if len(s) > maxFormatted*4 {
		return errors.New("is too long")
	}
	return nil
}
