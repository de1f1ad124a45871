package contrast

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// Readable is the least contrast of text (WCAG 2.2, success criterion 1.4.3).
const Readable = 4.5

// What accents stand on: the cards of pages in light and in dark mode, as in the style sheet of the server's pages.
const (
	Light = "#ffffff"
	Dark  = "#191d23"
)

// Ratio is the contrast ratio of two colours "#rrggbb" (WCAG 2.2, contrast ratio), from 1 to 21. The error says which of the
// two is no colour.
func Ratio(a, b string) (float64, error) {
	x, err := luminance(a)
	if err != nil {
		return 0, err
	}
	y, err := luminance(b)
	if err != nil {
		return 0, err
	}
	return (max(x, y) + 0.05) / (min(x, y) + 0.05), nil
}

// Check says what is wrong with a colour on a background, and what to do: nil when the ratio is at least [Readable].
func Check(colour, background string) error {
	ratio, err := Ratio(colour, background)
	if err != nil || ratio >= Readable {
		return err
	}
	direction := "darker"
	if l, err := luminance(background); err == nil && l < 0.5 {
		direction = "lighter"
	}
	// Rounded down: 4.499 is not 4.50.
	return fmt.Errorf("has a contrast of %.2f:1 with the background %s, and people need at least %.1f:1 (WCAG 2.2); choose a %s colour",
		math.Floor(ratio*100)/100, background, Readable, direction)
}

// luminance is the relative luminance of a colour, from 0 to 1.
func luminance(colour string) (float64, error) {
	digits, ok := strings.CutPrefix(colour, "#")
	rgb, err := hex.DecodeString(digits)
	if !ok || err != nil || len(rgb) != 3 {
		return 0, fmt.Errorf("%q is not a colour of the form #rrggbb", colour)
	}
	var linear [3]float64
	for i, b := range rgb {
		if v := float64(b) / 255; v <= 0.04045 {
			linear[i] = v / 12.92
		} else {
			linear[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*linear[0] + 0.7152*linear[1] + 0.0722*linear[2], nil
}
