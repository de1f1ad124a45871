package describe

import (
	"regexp"
	"strings"
)

// ProgramKind is what kind of program a request came from, as far as it says so itself.
type ProgramKind string

// The kinds.
const (
	ProgramUnknown ProgramKind = "unknown"
	ProgramCLI     ProgramKind = "cli"
	ProgramBrowser ProgramKind = "browser"
	ProgramOther   ProgramKind = "other"
)

// product is the first product of a User-Agent (RFC 9110 section 10.1.5), in characters that cannot pretend to be a sentence.
var product = regexp.MustCompile(`^([A-Za-z0-9._-]{1,40})(?:/([0-9A-Za-z.+_-]{1,24}))?(?:$|[ ;(])`)

// Program says in words what a request was made with, as far as its User-Agent tells.
func Program(userAgent string) (ProgramKind, string) {
	m := product.FindStringSubmatch(userAgent)
	if m == nil {
		return ProgramUnknown, ""
	}
	name := strings.ToLower(m[1])
	if name == "mozilla" {
		return ProgramBrowser, browserOf(userAgent)
	}
	for _, known := range [...]struct{ prefix, words string }{
		{"go-http-client", "Go"}, {"go-resty", "Go"}, {"python", "Python"}, {"aiohttp", "Python"}, {"node", "Node.js"},
		{"undici", "Node.js"}, {"axios", "Node.js"}, {"okhttp", "Java"}, {"java", "Java"}, {"powershell", "PowerShell"},
	} {
		if strings.HasPrefix(name, known.prefix) {
			return ProgramCLI, known.words
		}
	}
	words := m[1]
	if m[2] != "" {
		words += " " + m[2]
	}
	if name == "curl" || name == "wget" {
		return ProgramCLI, words
	}
	return ProgramOther, words
}

// browserOf names browser and system. The order matters: most claim to be several.
func browserOf(userAgent string) string {
	pick := func(fallback string, table ...[2]string) string {
		for _, row := range table {
			if strings.Contains(userAgent, row[0]) {
				return row[1]
			}
		}
		return fallback
	}
	name := pick("a browser", [2]string{"Edg", "Edge"}, [2]string{"OPR/", "Opera"}, [2]string{"Firefox/", "Firefox"},
		[2]string{"Chrome/", "Chrome"}, [2]string{"Safari/", "Safari"})
	system := pick("", [2]string{"Windows", "Windows"}, [2]string{"Android", "Android"}, [2]string{"iPhone", "iOS"},
		[2]string{"iPad", "iOS"}, [2]string{"Macintosh", "macOS"}, [2]string{"CrOS", "ChromeOS"}, [2]string{"Linux", "Linux"})
	if system == "" {
		return name
	}
	return name + ", " + system
}
