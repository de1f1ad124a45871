package registration

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"image/png"
	"io"
	"strings"
)

// Bounds of a logo: in bytes of the picture, and in pixels of each side of a PNG.
const (
	MaxLogo     = 32 << 10
	maxLogoSide = 2048
)

const (
	svgPrefix = "data:image/svg+xml;base64,"
	pngPrefix = "data:image/png;base64,"
	svgSpace  = "http://www.w3.org/2000/svg"
)

// CheckColour checks a colour in the form #rrggbb.
func CheckColour(s string) error {
	if len(s) != 7 || s[0] != '#' || strings.Trim(s[1:], "0123456789abcdefABCDEF") != "" {
		return errors.New("must be # and six hexadecimal digits, like #175e54")
	}
	return nil
}

// CheckLogo checks a picture as a data URI (RFC 2397) in base64: a PNG, or an SVG that neither runs nor loads anything. It is
// decoded, so that what pages carry is a picture and nothing else.
func CheckLogo(s string) error {
	encoded, svg := strings.CutPrefix(s, svgPrefix)
	if !svg {
		var ok bool
		if encoded, ok = strings.CutPrefix(s, pngPrefix); !ok {
			return fmt.Errorf("must begin with %s or %s", svgPrefix, pngPrefix)
		}
	}
	if len(encoded) > base64.StdEncoding.EncodedLen(MaxLogo) {
		return fmt.Errorf("must be a picture of at most %d KiB", MaxLogo>>10)
	}
	picture, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || strings.ContainsAny(encoded, "\r\n") {
		return errors.New("must be base64 with padding (RFC 4648 section 4), without line ends")
	}
	if svg {
		return checkSVG(picture)
	}
	config, err := png.DecodeConfig(bytes.NewReader(picture))
	if err != nil {
		return errors.New("must be a PNG picture, as its type says")
	}
	if config.Width > maxLogoSide || config.Height > maxLogoSide {
		return fmt.Errorf("must be at most %d pixels wide and high", maxLogoSide)
	}
	return nil
}

func checkSVG(picture []byte) error {
	notSVG := errors.New("must be an SVG picture, as its type says: XML whose root is svg with xmlns=\"" + svgSpace + "\"")
	d := xml.NewDecoder(bytes.NewReader(picture))
	root := true
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) && !root {
			return nil
		}
		if err != nil {
			return notSVG
		}
		switch t := token.(type) {
		case xml.Directive:
			return errors.New("must not have a DOCTYPE; remove it")
		case xml.StartElement:
			if root && (t.Name.Local != "svg" || t.Name.Space != svgSpace) {
				return notSVG
			}
			root = false
			if err := checkSVGElement(t); err != nil {
				return err
			}
		}
	}
}

// checkSVGElement refuses what runs or loads something. Browsers do neither for a picture; this is for whoever opens it by
// itself.
func checkSVGElement(e xml.StartElement) error {
	switch strings.ToLower(e.Name.Local) {
	case "script", "foreignobject", "iframe", "handler":
		return fmt.Errorf("must not have the element %s; remove it", clip(e.Name.Local))
	}
	for _, a := range e.Attr {
		name, value := strings.ToLower(a.Name.Local), strings.TrimSpace(a.Value)
		if strings.HasPrefix(name, "on") {
			return fmt.Errorf("must not have the attribute %s; remove it", clip(a.Name.Local))
		}
		if (name == "href" || name == "src") && !strings.HasPrefix(value, "#") && !strings.HasPrefix(value, "data:image/") {
			return fmt.Errorf("must not load anything (%s); embed it or remove it", clip(a.Name.Local))
		}
	}
	return nil
}
