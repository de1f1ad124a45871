package sqlite

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// micros is how a time is kept: Unix microseconds, NULL for the zero time.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// fromMicros is the inverse of micros for a column that is not NULL.
func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

// rawJSON is how JSON is kept that nobody looks into: text, NULL for nil.
func rawJSON(j json.RawMessage) any {
	if j == nil {
		return nil
	}
	return string(j)
}

// encodeList is how a list of strings is kept. Empty and nil are the same.
func encodeList(list []string) (string, error) {
	if len(list) == 0 {
		return "[]", nil
	}
	b, err := json.Marshal(list)
	if err != nil {
		return "", fmt.Errorf("encode a list: %w", err)
	}
	return string(b), nil
}

// The types below let sql.Rows.Scan write straight into the domain types.

// timeInto scans a nullable time.
type timeInto struct{ to *time.Time }

// Scan takes microseconds since 1970 or NULL, which is the zero time.
func (d timeInto) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d.to = time.Time{}
	case int64:
		*d.to = fromMicros(v)
	default:
		return fmt.Errorf("a time is kept as %T", src)
	}
	return nil
}

// durationInto scans microseconds.
type durationInto struct{ to *time.Duration }

// Scan takes a number of microseconds.
func (d durationInto) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a duration is kept as %T", src)
	}
	*d.to = time.Duration(v) * time.Microsecond
	return nil
}

// listInto scans a list of strings; an empty one becomes nil.
type listInto struct{ to *[]string }

// Scan takes a JSON array of strings.
func (d listInto) Scan(src any) error {
	v, ok := src.(string)
	if !ok {
		return fmt.Errorf("a list is kept as %T", src)
	}
	*d.to = nil
	if v == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(v), d.to)
}

// jsonInto scans nullable raw JSON.
type jsonInto struct{ to *json.RawMessage }

// Scan takes JSON as text, which it does not look into, or NULL, which is nil.
func (d jsonInto) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d.to = nil
	case string:
		*d.to = json.RawMessage(v)
	default:
		return fmt.Errorf("JSON is kept as %T", src)
	}
	return nil
}

// hashInto scans a hash.
type hashInto struct{ to *storage.Hash }

// Scan takes as many bytes as a hash has.
func (d hashInto) Scan(src any) error {
	v, ok := src.([]byte)
	if !ok || len(v) != len(d.to) {
		return fmt.Errorf("a hash is kept as %T of %d bytes", src, len(v))
	}
	copy(d.to[:], v)
	return nil
}

// valueInto scans a value that is kept as a JSON object.
type valueInto[T any] struct{ to *T }

// Scan takes a JSON object as text.
func (d valueInto[T]) Scan(src any) error {
	v, ok := src.(string)
	if !ok {
		return fmt.Errorf("an object is kept as %T", src)
	}
	*d.to = *new(T)
	if v == "{}" {
		return nil
	}
	return json.Unmarshal([]byte(v), d.to)
}

// bytesInto scans nullable bytes into a slice of their own.
type bytesInto struct{ to *[]byte }

// Scan takes bytes or NULL, which is nil.
func (d bytesInto) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d.to = nil
	case []byte:
		*d.to = append([]byte{}, v...)
	default:
		return fmt.Errorf("bytes are kept as %T", src)
	}
	return nil
}

// textInto scans nullable text; NULL becomes "".
type textInto struct{ to *string }

// Scan takes text or NULL.
func (d textInto) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*d.to = ""
	case string:
		*d.to = v
	default:
		return fmt.Errorf("text is kept as %T", src)
	}
	return nil
}
