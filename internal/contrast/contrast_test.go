package contrast

import (
	"math"
	"os"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRatio(t *testing.T) {
	for _, tc := range []struct {
		a, b string
		want float64
	}{
		{"#000000", "#ffffff", 21},
		{"#ffffff", "#FFFFFF", 1},
		{"#767676", "#ffffff", 4.54}, // the lightest grey that may carry text, as every checker has it
		{"#777777", "#ffffff", 4.48},
		{"#ff0000", "#ffffff", 4.00},
		{"#0000ff", "#ffffff", 8.59},
		{"#010101", "#000000", 1.006},
	} {
		got, err := Ratio(tc.a, tc.b)
		if err != nil || math.Abs(got-tc.want) > 0.006 {
			t.Errorf("%s on %s: %.4f, %v; want %.2f", tc.a, tc.b, got, err, tc.want)
		}
	}
	for _, bad := range []string{"", "#", "#fff", "ffffff", "#gggggg", "#ffffff00", "white"} {
		if _, err := Ratio(bad, "#ffffff"); err == nil {
			t.Errorf("%q is taken for a colour", bad)
		}
		if _, err := Ratio("#ffffff", bad); err == nil {
			t.Errorf("%q is taken for a background", bad)
		}
	}
}

func TestRatioHasNoDirection(t *testing.T) {
	colour := rapid.Custom(func(r *rapid.T) string {
		return "#" + rapid.StringMatching("[0-9a-f]{6}").Draw(r, "colour")
	})
	rapid.Check(t, func(r *rapid.T) {
		a, b := colour.Draw(r, "a"), colour.Draw(r, "b")
		x, errX := Ratio(a, b)
		y, errY := Ratio(b, a)
		if errX != nil || errY != nil || x != y || x < 1 || x > 21 {
			r.Errorf("%s and %s: %v, %v and %v, %v", a, b, x, errX, y, errY)
		}
	})
}

func TestCheck(t *testing.T) {
	for _, tc := range []struct{ colour, background, want string }{
		{"#175e54", Light, ""},
		{"#5cc9b5", Dark, ""},
		{"#767676", Light, ""},
		{"#777777", Light, "has a contrast of 4.47:1 with the background #ffffff, and people need at least 4.5:1 (WCAG 2.2); choose a darker colour"},
		{"#ffcc00", Light, "choose a darker colour"},
		{"#175e54", Dark, "choose a lighter colour"},
		{"teal", Light, "not a colour"},
	} {
		err := Check(tc.colour, tc.background)
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s on %s: %v, want %q", tc.colour, tc.background, err, tc.want)
		}
	}
}

// TestBackgrounds holds the backgrounds against the style sheet: what is checked here is what people see there.
func TestBackgrounds(t *testing.T) {
	b, err := os.ReadFile("../../server/internal/page/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, found := strings.Cut(string(b), "prefers-color-scheme: dark")
	short := "#" + Light[1:4]
	if !found || !strings.Contains(light, "--card: "+Light+";") && !strings.Contains(light, "--card: "+short+";") {
		t.Errorf("the cards of pages are not %s in light mode", Light)
	}
	if !strings.Contains(dark, "--card: "+Dark+";") {
		t.Errorf("the cards of pages are not %s in dark mode", Dark)
	}
}
