package choices

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/consent"
)

// Bounds of an answer.
const (
	maxAnswer  = 64 << 10 // bytes
	maxEntries = 1000
	maxID      = 200 // characters
)

// parse reads an answer. Its errors quote nothing of it but numbers: an answer is text of strangers.
func parse(body []byte) (consent.List, error) {
	var answer struct {
		Choices *[]registration.Choice `json:"choices"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, errors.New("its answer is not the JSON object that it should be")
	}
	if answer.Choices == nil {
		return nil, errors.New(`its answer has no member "choices"`)
	}
	list := consent.List(*answer.Choices)
	if len(list) > maxEntries {
		return nil, fmt.Errorf("its answer has more than %d choices", maxEntries)
	}
	byID := make(map[string]int, len(list))
	for i := range list {
		c := &list[i]
		if !validID(c.ID) {
			return nil, fmt.Errorf("choices[%d].id must have 1 to %d visible ASCII characters", i, maxID)
		}
		if at, twice := byID[c.ID]; twice {
			return nil, fmt.Errorf("choices[%d].id is that of choices[%d]", i, at)
		}
		byID[c.ID] = i
		c.Title = title(*c)
	}
	for i, c := range list {
		if c.Parent == "" {
			continue
		}
		at, known := byID[c.Parent]
		if !known {
			return nil, fmt.Errorf("choices[%d].parent is not the id of another choice", i)
		}
		if list[at].Parent != "" { // so that there are no circles either
			return nil, fmt.Errorf("choices[%d].parent has a parent itself: there are two levels", i)
		}
	}
	return list, nil
}

func validID(s string) bool {
	if s == "" || len(s) > maxID {
		return false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// title is what people are shown: the API's title, or the id where there is none that is fit to be shown. Titles are often what
// some user of the API typed, and one of them must not keep everybody else from choosing.
func title(c registration.Choice) string {
	t := c.Title
	if r := []rune(t); len(r) > registration.MaxDisplayText {
		t = string(r[:registration.MaxDisplayText-1]) + "…"
	}
	if registration.CheckText(t, registration.MaxDisplayText) != nil {
		return c.ID
	}
	return t
}
