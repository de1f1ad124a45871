package status

import (
	"encoding/json"
	"fmt"
)

// Convert turns the status of an object into the apply configuration of the same type: the fields that are set, and no
// others, are what the operator owns.
func Convert(from, into any) error {
	b, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("%T: %w", from, err)
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%T: %w", into, err)
	}
	return nil
}

// Earliest is the earliest of some times; the zero time stands for never.
func Earliest[T interface {
	comparable
	IsZero() bool
	Before(T) bool
}](times ...T) T {
	var first T
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
