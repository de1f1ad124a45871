package browser

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"slices"
)

// What a picture is compressed to: the most frequent colours, which are enough for pages, and a margin around what is on them.
const (
	colours = 64
	margin  = 24
)

// compress makes a PNG small: it cuts off the empty rest of the window and keeps the most frequent colours.
func compress(raw []byte) ([]byte, error) {
	in, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, fmt.Errorf("read the picture: %w", err)
	}
	area := content(in)
	palette := frequent(in, area)
	out := image.NewPaletted(image.Rect(0, 0, area.Dx(), area.Dy()), palette)
	known := map[color.Color]uint8{}
	for y := range area.Dy() {
		for x := range area.Dx() {
			c := in.At(area.Min.X+x, area.Min.Y+y)
			i, ok := known[c]
			if !ok {
				i = uint8(palette.Index(c))
				known[c] = i
			}
			out.SetColorIndex(x, y, i)
		}
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&b, out); err != nil {
		return nil, fmt.Errorf("write the picture: %w", err)
	}
	return b.Bytes(), nil
}

// content is the part of a picture that differs from its corner, with a margin.
func content(in image.Image) image.Rectangle {
	bounds := in.Bounds()
	background := in.At(bounds.Min.X, bounds.Min.Y)
	found := image.Rectangle{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			if in.At(x, y) != background {
				found = found.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	if found.Empty() {
		return bounds
	}
	return found.Inset(-margin).Intersect(bounds)
}

// frequent are the most frequent colours. Equally frequent ones are in order, so that equal pictures are equal files.
func frequent(in image.Image, area image.Rectangle) color.Palette {
	counts := map[color.RGBA]int{}
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			counts[color.RGBAModel.Convert(in.At(x, y)).(color.RGBA)]++
		}
	}
	order := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a.R, b.R), cmp.Compare(a.G, b.G), cmp.Compare(a.B, b.B))
	})
	palette := color.Palette{}
	for _, c := range order[:min(len(order), colours)] {
		palette = append(palette, c)
	}
	return palette
}
