package page

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"path"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

//go:embed messages/*.json
var messageFiles embed.FS

// DefaultLanguage is what people get whose languages there is no catalogue for.
const DefaultLanguage = "en"

// Messages are the texts of all pages by language: one JSON object per file, named after the language tag. A text may have
// places in braces, "{app}". A key that a language lacks is taken from the default language.
type Messages struct {
	texts   map[string]map[string]string
	tags    []string // the default first
	matcher language.Matcher
}

func loadMessages() (*Messages, error) {
	files, err := messageFiles.ReadDir("messages")
	if err != nil {
		return nil, err
	}
	m := &Messages{texts: map[string]map[string]string{}, tags: []string{DefaultLanguage}}
	for _, f := range files {
		b, err := messageFiles.ReadFile(path.Join("messages", f.Name()))
		if err != nil {
			return nil, err
		}
		texts := map[string]string{}
		if err := json.Unmarshal(b, &texts); err != nil {
			return nil, fmt.Errorf("messages/%s: %w", f.Name(), err)
		}
		tag := strings.TrimSuffix(f.Name(), ".json")
		m.texts[tag] = texts
		if tag != DefaultLanguage {
			m.tags = append(m.tags, tag)
		}
	}
	if m.texts[DefaultLanguage] == nil {
		return nil, fmt.Errorf("messages/%s.json is missing", DefaultLanguage)
	}
	tags := make([]language.Tag, len(m.tags))
	for i, t := range m.tags {
		if tags[i], err = language.Parse(t); err != nil {
			return nil, fmt.Errorf("messages/%s.json: %w", t, err)
		}
	}
	m.matcher = language.NewMatcher(tags)
	return m, nil
}

// Languages are the tags there is a catalogue for, the default first.
func (m *Messages) Languages() []string { return slices.Clone(m.tags) }

// Match picks the catalogue for an Accept-Language header (RFC 9110 section 12.5.4).
func (m *Messages) Match(accept string) string {
	const longest = 256 // more is nobody's list of languages
	if len(m.tags) == 1 || len(accept) > longest {
		return DefaultLanguage
	}
	_, i := language.MatchStrings(m.matcher, accept)
	return m.tags[i]
}

// Text is a message with its places filled in: args are name, value, name, value. An unknown key is an error, so that a
// page with a hole is found by its golden test.
func (m *Messages) Text(lang, key string, args ...any) (string, error) {
	text, err := m.find(lang, key)
	if err != nil {
		return "", err
	}
	return fill(text, key, args, func(v string) string { return v })
}

// Has reports whether there is such a message.
func (m *Messages) Has(key string) bool { _, err := m.find(DefaultLanguage, key); return err == nil }

func (m *Messages) find(lang, key string) (string, error) {
	if text, ok := m.texts[lang][key]; ok {
		return text, nil
	}
	if text, ok := m.texts[DefaultLanguage][key]; ok {
		return text, nil
	}
	return "", fmt.Errorf("there is no message %q", key)
}

func fill(text, key string, args []any, write func(string) string) (string, error) {
	if len(args)%2 != 0 {
		return "", fmt.Errorf("message %q: a value is missing", key)
	}
	pairs := make([]string, 0, len(args))
	for i := 0; i < len(args); i += 2 {
		place := fmt.Sprintf("{%v}", args[i])
		if !strings.Contains(text, place) {
			return "", fmt.Errorf("message %q has no place %s", key, place)
		}
		pairs = append(pairs, place, write(fmt.Sprint(args[i+1])))
	}
	return strings.NewReplacer(pairs...).Replace(text), nil
}

// funcs are what templates write texts with: t as plain text, rich with each value set apart, in bold and isolated from
// the direction of the text around it, for names that others chose.
func (m *Messages) funcs(lang string) template.FuncMap {
	return template.FuncMap{
		"t": func(key string, args ...any) (string, error) { return m.Text(lang, key, args...) },
		"rich": func(key string, args ...any) (template.HTML, error) {
			text, err := m.find(lang, key)
			if err != nil {
				return "", err
			}
			out, err := fill(template.HTMLEscapeString(text), key, args, func(v string) string {
				return "<strong><bdi>" + template.HTMLEscapeString(v) + "</bdi></strong>"
			})
			return template.HTML(out), err
		},
		"has": m.Has,
	}
}
