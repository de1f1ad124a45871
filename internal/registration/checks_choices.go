package registration

import (
	"errors"
	"fmt"
)

// Bounds of choices, in characters.
const (
	MaxChoicesType = 100
	MaxChoiceID    = 100
)

// CheckChoices checks what people choose among: a type, a title, and either an address or a list of two levels at most.
func CheckChoices(c *Choices) []FieldError {
	var found []FieldError
	check := func(field string, err error) {
		if err != nil {
			found = append(found, FieldError{field, err})
		}
	}
	check("type", CheckChoicesType(c.Type))
	check("title", CheckText(c.Title, MaxDisplayText))
	switch {
	case (c.URL == "") == (len(c.Static) == 0):
		check("source", errors.New("must be exactly one of url and static"))
		return found
	case c.URL != "":
		check("url", CheckServiceURI(c.URL))
		return found
	case len(c.Static) > MaxChoices:
		check("static", fmt.Errorf("must have at most %d entries, not %d", MaxChoices, len(c.Static)))
		return found
	}
	byID := make(map[string]*Choice, len(c.Static))
	for i := range c.Static {
		e := &c.Static[i]
		field := fmt.Sprintf("static[%d]", i)
		check(field+".id", CheckChoiceID(e.ID))
		check(field+".title", CheckText(e.Title, MaxDisplayText))
		if byID[e.ID] != nil {
			check(field+".id", errors.New("is there twice; remove one of them"))
		}
		byID[e.ID] = e
	}
	for i := range c.Static {
		if parent := c.Static[i].Parent; parent != "" {
			field := fmt.Sprintf("static[%d].parent", i)
			switch p := byID[parent]; {
			case p == nil:
				check(field, errors.New("must be the id of another entry"))
			case p.Parent != "": // so that there are no circles either
				check(field, errors.New("must be an entry that has no parent itself: there are two levels"))
			}
		}
	}
	return found
}

// CheckChoicesType checks a type of authorization details (RFC 9396 section 2).
func CheckChoicesType(s string) error {
	if s == "" || len(s) > MaxChoicesType {
		return fmt.Errorf("must have 1 to %d characters", MaxChoicesType)
	}
	for _, c := range []byte(s) {
		if !isAlphanumeric(c) && c != '-' && c != '_' && c != '.' && c != ':' && c != '/' {
			return errors.New("must consist of letters, digits and -_.:/")
		}
	}
	return nil
}

// CheckChoiceID checks what an API calls something to choose.
func CheckChoiceID(s string) error {
	if s == "" || len(s) > MaxChoiceID {
		return fmt.Errorf("must have 1 to %d characters", MaxChoiceID)
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return errors.New("must consist of visible ASCII characters")
		}
	}
	return nil
}
