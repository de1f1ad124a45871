package page

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// colour is red, green and blue, each from 0 to 1, as in sRGB.
type colour [3]float64

var black, white = colour{}, colour{1, 1, 1}

// Backgrounds that links stand on in style.css: --bg, --card and --tint, light and dark.
const (
	lightBackgrounds = "#f4f5f7 #ffffff #f0f2f5"
	darkBackgrounds  = "#101317 #191d23 #222830"
)

// readable is the contrast that text needs (WCAG 2.2, success criterion 1.4.3).
const readable = 4.5

// accentStyle is what a server's colours add to the style sheet: its accent for buttons, and, derived from it so that
// everything stays readable whatever the accent, the text on buttons, the button that is pointed at, and links and the focus
// ring. Where only one of the two is set, the other mode's is derived from it. It is empty when neither is a colour "#rrggbb".
func accentStyle(light, dark string) string {
	l, okLight := parseColour(light)
	d, okDark := parseColour(dark)
	switch {
	case !okLight && !okDark:
		return ""
	case !okLight:
		l = legible(d, black, lightBackgrounds)
	case !okDark:
		d = legible(l, white, darkBackgrounds)
	}
	return ":root{" + accentColours(l, legible(l, black, lightBackgrounds)) +
		"}@media (prefers-color-scheme:dark){:root{" + accentColours(d, legible(d, white, darkBackgrounds)) + "}}"
}

// accentColours are the declarations for one mode.
func accentColours(brand, link colour) string {
	// Black or white: one of the two has a contrast of at least 4.58 to any colour. Pointing at the button moves away from it.
	const pointed = 0.15
	on, away := white, black
	if contrast(brand, black) > contrast(brand, white) {
		on, away = black, white
	}
	return fmt.Sprintf("--brand:%s;--hover:%s;--on:%s;--link:%s", brand, mix(brand, away, pointed), on, link)
}

// legible moves a colour towards another until it can be read on all backgrounds.
func legible(c, towards colour, backgrounds string) colour {
	const steps = 20
	for i := range steps {
		candidate := mix(c, towards, float64(i)/steps)
		ok := true
		for b := range strings.FieldsSeq(backgrounds) {
			background, _ := parseColour(b)
			ok = ok && contrast(candidate, background) >= readable
		}
		if ok {
			return candidate
		}
	}
	return towards
}

// parseColour reads "#rrggbb".
func parseColour(s string) (colour, bool) {
	digits, ok := strings.CutPrefix(s, "#")
	b, err := hex.DecodeString(digits)
	if !ok || err != nil || len(b) != 3 {
		return colour{}, false
	}
	return colour{float64(b[0]) / 255, float64(b[1]) / 255, float64(b[2]) / 255}, true
}

// String is "#rrggbb".
func (c colour) String() string {
	var b [3]byte
	for i, v := range c {
		b[i] = byte(math.Round(v * 255))
	}
	return "#" + hex.EncodeToString(b[:])
}

// mix is a with a share of b, rounded to what can be written.
func mix(a, b colour, share float64) colour {
	var out colour
	for i := range out {
		out[i] = math.Round((a[i]+(b[i]-a[i])*share)*255) / 255
	}
	return out
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(c colour) float64 {
	var l [3]float64
	for i, v := range c {
		if v <= 0.04045 {
			l[i] = v / 12.92
		} else {
			l[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}
