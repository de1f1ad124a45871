package account

import (
	"encoding"
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// TestDocumented tells that every member of the export is in its documentation.
func TestDocumented(t *testing.T) {
	raw, err := os.ReadFile("../../../docs/reference/account.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range members(reflect.TypeFor[Export]()) {
		n++
		if !strings.Contains(string(raw), "`"+name+"`") {
			t.Errorf("%s is not documented", name)
		}
	}
	if n < 40 {
		t.Errorf("only %d members were found", n)
	}
}

// members are the names of a type's JSON members, those of the types in it too.
func members(t reflect.Type) []string {
	if t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		return members(t.Elem())
	}
	opaque := t.Implements(reflect.TypeFor[json.Marshaler]()) || t.Implements(reflect.TypeFor[encoding.TextMarshaler]())
	if t.Kind() != reflect.Struct || opaque || t == reflect.TypeFor[registration.Profile]() {
		return nil
	}
	var out []string
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		out = append(append(out, name), members(f.Type)...)
	}
	return out
}
