package registration

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUsesSurviveTheLease(t *testing.T) {
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	a, b := SecretUse{"0123456789abcdef", "s1"}, SecretUse{"fedcba98", "s1"}
	line := EncodeUses(map[SecretUse]time.Time{b: at.Add(time.Hour), a: at})
	if want := "01234567.s1=29631062,fedcba98.s1=29631122"; line != want {
		t.Errorf("%s, want %s", line, want)
	}
	u := DecodeUses(line)
	if got, ok := u.At(a); !ok || !got.Equal(at.Truncate(time.Minute)) || u.More {
		t.Errorf("%v %v %v", got, ok, u.More)
	}
	if _, ok := u.At(SecretUse{"01234567", "s2"}); ok {
		t.Error("a secret that nobody used was used")
	}
	if diff := cmp.Diff(u, DecodeUses("").Merge(u).Merge(DecodeUses("01234567.s1=5"))); diff != "" {
		t.Error(diff)
	}
	for _, odd := range []string{"+", "x", "x=", "x=-1", "x=y", "x=99999999999999999999", "x=9999999999999999"} {
		if u := DecodeUses(odd); !u.More || len(u.Last) > 0 {
			t.Errorf("%q: what cannot be read must count as more: %+v", odd, u)
		}
	}
}

func TestUsesAreBounded(t *testing.T) {
	now := time.Unix(600_000, 0)
	last := map[SecretUse]time.Time{}
	for i := range MaxUses + 10 {
		last[SecretUse{fmt.Sprintf("%08x", i), "0a0b0c0d"}] = now.Add(time.Duration(i) * time.Minute)
	}
	line := EncodeUses(last)
	u := DecodeUses(line)
	if !u.More || len(u.Last) != MaxUses || len(line) > 200<<10 {
		t.Fatalf("%d uses, more %v, %d bytes", len(u.Last), u.More, len(line))
	}
	if _, ok := u.At(SecretUse{"00000000", "0a0b0c0d"}); ok {
		t.Error("the oldest use was kept, and a later one was not")
	}
}
