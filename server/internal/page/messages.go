package page

import (
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
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

// loadMessages reads the catalogues.
func loadMessages() (*Messages, error) {
	files, err := messageFiles.ReadDir("messages")
	if err != nil {
		return nil, err
	}
	texts := map[string]map[string]string{}
	for _, f := range files {
		b, err := messageFiles.ReadFile(path.Join("messages", f.Name()))
		if err != nil {
			return nil, err
		}
		catalogue := map[string]string{}
		if err := json.Unmarshal(b, &catalogue); err != nil {
			return nil, fmt.Errorf("messages/%s: %w", f.Name(), err)
		}
		texts[strings.TrimSuffix(f.Name(), ".json")] = catalogue
	}
	return newMessages(texts)
}

// newMessages makes messages of texts by language and key.
func newMessages(texts map[string]map[string]string) (*Messages, error) {
	if texts[DefaultLanguage] == nil {
		return nil, fmt.Errorf("messages/%s.json is missing", DefaultLanguage)
	}
	m := &Messages{texts: texts, tags: slices.Sorted(maps.Keys(texts))}
	slices.SortStableFunc(m.tags, func(a, b string) int { // the default first
		switch DefaultLanguage {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	tags := make([]language.Tag, len(m.tags))
	for i, t := range m.tags {
		var err error
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

// MatchTags picks the catalogue for language tags in order of preference (ui_locales, OpenID Connect Core section 3.1.2.1);
// false when there is none for any of them. Tags that are none are passed over.
func (m *Messages) MatchTags(tags []string) (string, bool) {
	const most = 10 // more is nobody's list of languages
	var want []language.Tag
	for _, t := range tags[:min(len(tags), most)] {
		if tag, err := language.Parse(t); err == nil {
			want = append(want, tag)
		}
	}
	if len(want) == 0 {
		return DefaultLanguage, false
	}
	_, i, confidence := m.matcher.Match(want...)
	return m.tags[i], confidence > language.No
}

// Text is a message with its places filled in: args are name, value, name, value. An unknown key is an error, so that a
// page with a hole is found by its golden test.
func (m *Messages) Text(lang, key string, args ...any) (string, error) {
	return m.text(lang, key, args, func(v string) string { return v })
}

func (m *Messages) text(lang, key string, args []any, write func(string) string) (string, error) {
	text, err := m.find(lang, key)
	if err != nil {
		return "", err
	}
	return fill(text, key, args, write)
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

// Count is the plural form of a message for n, with its place {n} filled in: from the keys key.one, key.other and so on, by
// the plural categories of the language (Unicode CLDR).
func (m *Messages) Count(lang, key string, n int, args ...any) (string, error) {
	used := lang
	if _, ok := m.texts[lang][key+".other"]; !ok {
		used = DefaultLanguage
	}
	text, ok := m.texts[used][key+"."+category(language.Make(used), n)]
	if !ok {
		text, ok = m.texts[used][key+".other"]
	}
	if !ok {
		return "", fmt.Errorf("there is no message %q", key+".other")
	}
	if strings.Contains(text, "{n}") { // some languages have a word of their own for one and two
		args = append([]any{"n", n}, args...)
	}
	return fill(text, key, args, func(v string) string { return v })
}

// categories are the names of plural forms in keys.
var categories = map[plural.Form]string{
	plural.Other: "other", plural.Zero: "zero", plural.One: "one", plural.Two: "two", plural.Few: "few", plural.Many: "many",
}

// category is the plural category of a whole number.
func category(lang language.Tag, n int) string {
	const modulus = 10_000_000 // what the package asks to reduce larger numbers by
	if n = max(n, -n); n >= modulus {
		n = modulus + n%modulus
	}
	return categories[plural.Cardinal.MatchPlural(lang, n, 0, 0, 0, 0)]
}

// Date is a day in UTC, as people write it: with the name of the month, so that nobody takes it for another.
func (m *Messages) Date(lang string, at time.Time) (string, error) {
	names, err := m.find(lang, "layout.months")
	if err != nil {
		return "", err
	}
	at = at.UTC()
	months := strings.Split(names, "|")
	if len(months) != 12 {
		return "", fmt.Errorf("%s: there are %d months", lang, len(months))
	}
	return m.Text(lang, "layout.date", "day", at.Day(), "month", months[at.Month()-1], "year", at.Year())
}

// DateTime is a day and a time in UTC.
func (m *Messages) DateTime(lang string, at time.Time) (string, error) {
	date, err := m.Date(lang, at)
	if err != nil {
		return "", err
	}
	return m.Text(lang, "layout.datetime", "date", date, "time", at.UTC().Format("15:04"))
}

// timeElement writes a time for people and, in a layout of package time, for machines.
func timeElement(lang, machine string, write func(string, time.Time) (string, error)) func(time.Time) (template.HTML, error) {
	return func(at time.Time) (template.HTML, error) {
		text, err := write(lang, at)
		return template.HTML(`<time datetime="` + at.UTC().Format(machine) + `">` + template.HTMLEscapeString(text) + `</time>`), err
	}
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

// funcs are what templates write texts with: t as plain text, with values isolated where text runs from right to left; rich with each value set apart, in bold and isolated from
// the direction of the text around it, for names that others chose; count, date and datetime as the methods of those names.
func (m *Messages) funcs(lang string) template.FuncMap {
	isolate := func(v string) string { return v }
	if m.texts[lang]["layout.direction"] == "rtl" {
		// FIRST STRONG ISOLATE to POP DIRECTIONAL ISOLATE (Unicode UAX 9), as bdi does where there can be an element.
		isolate = func(v string) string { return "\u2068" + v + "\u2069" }
	}
	return template.FuncMap{
		"t": func(key string, args ...any) (string, error) { return m.text(lang, key, args, isolate) },
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
		"count": func(key string, n int, args ...any) (string, error) { return m.Count(lang, key, n, args...) },
		"date":  timeElement(lang, time.DateOnly, m.Date), "datetime": timeElement(lang, time.RFC3339, m.DateTime),
		"has": m.Has,
	}
}
