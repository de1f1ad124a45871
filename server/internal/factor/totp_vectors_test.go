package factor

import (
	"encoding/base32"
	"testing"
	"time"
)

// TestRFC6238 are the vectors for SHA-1 of RFC 6238 appendix B: of eight digits, six are the last ones.
func TestRFC6238(t *testing.T) {
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, eight := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		step := at / int64(totpPeriod/time.Second)
		got, err := codeAt(secret, step)
		if err != nil || got != eight[2:] {
			t.Errorf("at %d: %q, %v; want %q", at, got, err, eight[2:])
		}
		for offset, want := range map[time.Duration]int{0: 1, totpPeriod: 1, -totpPeriod: 1, 2 * totpPeriod: 0, -2 * totpPeriod: 0} {
			now := time.Unix(at, 0).Add(offset)
			if now.Unix() < 0 {
				continue
			}
			if got := matching(secret, eight[2:], now); len(got) != want || want == 1 && got[0] != step {
				t.Errorf("at %d, the clock off by %v: steps %v, want %d of them, %d", at, offset, got, want, step)
			}
		}
	}
	for _, code := range []string{"", "28708", "2870820", "28708a", "94287082", "２８７０８２"} {
		if got := matching(secret, code, time.Unix(59, 0)); got != nil {
			t.Errorf("%q was taken for steps %v", code, got)
		}
	}
	if got := matching(secret, " 287 082", time.Unix(59, 0)); len(got) != 1 {
		t.Error("spaces matter, and apps show them")
	}
}

// TestStoredSecret tells that base32 without padding is read back.
func TestStoredSecret(t *testing.T) {
	got, err := base32Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
	if err != nil || string(got) != "12345678901234567890" {
		t.Errorf("%q, %v", got, err)
	}
}
