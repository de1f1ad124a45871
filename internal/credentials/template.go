package credentials

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
)

// The bounds of templates. What they may do is known before they run: every name that they use is listed here, they repeat
// something only for every entry of a list, and the steps are counted from the lengths of those lists.
const (
	// MaxTemplates is how many templates a Secret has.
	MaxTemplates = 16
	// MaxTemplateSource is the length of one of them, in bytes.
	MaxTemplateSource = 4096
	// MaxOutput is how many bytes all templates of a Secret write together, and how many a function returns.
	MaxOutput = 64 << 10
	// maxSteps is how many steps one template takes at most.
	maxSteps = 50_000
	// maxWork is how many bytes the functions of all templates of a Secret return together.
	maxWork = 4 << 20
)

// TemplateError says what is wrong with the template of a key.
type TemplateError struct {
	// Key of the Secret.
	Key string
	Err error
}

func (e *TemplateError) Error() string { return "template[" + e.Key + "]: " + e.Err.Error() }

// Unwrap is the error itself.
func (e *TemplateError) Unwrap() error { return e.Err }

// templateData is what templates see: nothing but text and lists of text, and no methods.
type templateData struct {
	Namespace, Name                                                 string
	ClientID, ClientSecret, Issuer                                  string
	AuthorizationEndpoint, TokenEndpoint, UserinfoEndpoint, JWKSURI string
	CookieSecret                                                    string
	RedirectURIs, Scopes, GrantTypes                                []string
}

var (
	textNames = []string{
		"Namespace", "Name", "ClientID", "ClientSecret", "Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserinfoEndpoint",
		"JWKSURI", "CookieSecret",
	}
	listNames = []string{"RedirectURIs", "Scopes", "GrantTypes"}
	// builtins are the functions of package text/template that only look at what they are given.
	builtins = []string{"and", "or", "not", "eq", "ne", "len", "index"}
	// functions are those of budget.functions.
	functions = []string{"join", "quote", "toJson", "b64enc", "upper", "lower", "replace", "urlquery"}
)

// parsedTemplate is a template that keeps to the rules.
type parsedTemplate struct {
	*template.Template
	// cookie is true when it asks for the cookie secret.
	cookie bool
}

// parseTemplate parses a template and checks what can be checked without running it.
func parseTemplate(source string) (*parsedTemplate, error) {
	if len(source) > MaxTemplateSource {
		return nil, fmt.Errorf("must have at most %d bytes, not %d", MaxTemplateSource, len(source))
	}
	t, err := template.New("").Option("missingkey=error").Funcs((&budget{}).functions()).Parse(source)
	if err != nil {
		return nil, errors.New(plain(err))
	}
	p := &parsedTemplate{Template: t}
	if t.Tree == nil || t.Root == nil {
		return p, nil
	}
	if len(t.Templates()) > 1 {
		return nil, errNested
	}
	w := walker{template: p}
	return p, w.list(t.Root, false)
}

var errNested = errors.New("must not define or call another template; write it out")

// walker checks the nodes of a template.
type walker struct{ template *parsedTemplate }

// list checks a list of nodes. inner is true where the dot is not the data any more.
func (w *walker) list(l *parse.ListNode, inner bool) error {
	if l == nil {
		return nil
	}
	for _, n := range l.Nodes {
		if err := w.node(n, inner); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) node(n parse.Node, inner bool) error {
	switch n := n.(type) {
	case *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
		return nil
	case *parse.ActionNode:
		return w.pipe(n.Pipe, inner)
	case *parse.IfNode:
		return w.branch(&n.BranchNode, inner, inner)
	case *parse.WithNode:
		return w.branch(&n.BranchNode, inner, true)
	case *parse.RangeNode:
		if listOf(n.Pipe) == "" {
			return fmt.Errorf("range must be over one of the lists .%s, and nothing else", strings.Join(listNames, ", ."))
		}
		return w.branch(&n.BranchNode, inner, true)
	}
	return errNested
}

func (w *walker) branch(n *parse.BranchNode, inner, body bool) error {
	return errors.Join(w.pipe(n.Pipe, inner), w.list(n.List, body), w.list(n.ElseList, inner))
}

func (w *walker) pipe(p *parse.PipeNode, inner bool) error {
	if p == nil {
		return nil
	}
	for _, c := range p.Cmds {
		for _, a := range c.Args {
			if err := w.argument(a, inner); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) argument(n parse.Node, inner bool) error {
	switch n := n.(type) {
	case *parse.IdentifierNode:
		if slices.Contains(builtins, n.Ident) || slices.Contains(functions, n.Ident) {
			return nil
		}
		return fmt.Errorf("must not call %s; there are %s", n.Ident, strings.Join(slices.Concat(functions, builtins), ", "))
	case *parse.FieldNode:
		if inner {
			return fmt.Errorf("write $%s inside of range and with, where the dot is something else", n)
		}
		return w.name(n.Ident)
	case *parse.VariableNode:
		if n.Ident[0] != "$" && len(n.Ident) == 1 {
			return nil
		}
		return w.name(n.Ident[1:])
	case *parse.DotNode:
		if !inner {
			return errors.New("must not write the dot alone; write what you mean, such as .ClientID")
		}
		return nil
	case *parse.PipeNode:
		return w.pipe(n, inner)
	case *parse.StringNode, *parse.NumberNode, *parse.BoolNode, *parse.NilNode:
		return nil
	}
	return fmt.Errorf("must not have %s", n)
}

// name checks a name of the data, as in .ClientID.
func (w *walker) name(ident []string) error {
	if len(ident) == 1 && (slices.Contains(textNames, ident[0]) || slices.Contains(listNames, ident[0])) {
		w.template.cookie = w.template.cookie || ident[0] == "CookieSecret"
		return nil
	}
	return fmt.Errorf(".%s is not there; there are .%s", strings.Join(ident, "."), strings.Join(slices.Concat(textNames, listNames), ", ."))
}

// listOf is the name of the list that a range is over, empty when it is over anything else.
func listOf(p *parse.PipeNode) string {
	if p == nil || len(p.Cmds) != 1 || len(p.Cmds[0].Args) != 1 {
		return ""
	}
	var ident []string
	switch n := p.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		ident = n.Ident
	case *parse.VariableNode:
		if n.Ident[0] == "$" {
			ident = n.Ident[1:]
		}
	}
	if len(ident) == 1 && slices.Contains(listNames, ident[0]) {
		return ident[0]
	}
	return ""
}

// steps counts the steps that a list of nodes takes at most, up to just above maxSteps.
func steps(l *parse.ListNode, lengths map[string]int) int {
	if l == nil {
		return 0
	}
	n := 0
	for _, node := range l.Nodes {
		n++
		switch x := node.(type) {
		case *parse.ActionNode:
			n += stepsOf(x.Pipe)
		case *parse.IfNode:
			n += stepsOf(x.Pipe) + steps(x.List, lengths) + steps(x.ElseList, lengths)
		case *parse.WithNode:
			n += stepsOf(x.Pipe) + steps(x.List, lengths) + steps(x.ElseList, lengths)
		case *parse.RangeNode:
			n += lengths[listOf(x.Pipe)]*(1+steps(x.List, lengths)) + steps(x.ElseList, lengths)
		}
		if n > maxSteps {
			return maxSteps + 1
		}
	}
	return n
}

func stepsOf(p *parse.PipeNode) int {
	if p == nil {
		return 0
	}
	n := 0
	for _, c := range p.Cmds {
		n++
		for _, a := range c.Args {
			n++
			if inner, ok := a.(*parse.PipeNode); ok {
				n += stepsOf(inner)
			}
		}
	}
	return n
}

// budget is what the templates of one Secret may use up together.
type budget struct {
	data    templateData
	lengths map[string]int
	written int
	work    int
}

func newBudget(in Input) *budget {
	return &budget{
		data: templateData{
			Namespace: in.Namespace, Name: in.Name, ClientID: in.ClientID, ClientSecret: in.ClientSecret, Issuer: in.Issuer,
			AuthorizationEndpoint: in.authorizationEndpoint(), TokenEndpoint: in.tokenEndpoint(),
			UserinfoEndpoint: in.userinfoEndpoint(), JWKSURI: in.jwksURI(), CookieSecret: in.CookieSecret,
			RedirectURIs: in.RedirectURIs, Scopes: in.Scopes, GrantTypes: in.GrantTypes,
		},
		lengths: map[string]int{"RedirectURIs": len(in.RedirectURIs), "Scopes": len(in.Scopes), "GrantTypes": len(in.GrantTypes)},
	}
}

var (
	errOutput = fmt.Errorf("must not write more than %d bytes, all templates together", MaxOutput)
	errWork   = errors.New("must not do so much: shorten the loops and the texts that functions return")
)

// render runs a template.
func (b *budget) render(source string) ([]byte, error) {
	p, err := parseTemplate(source)
	if err != nil || p.Tree == nil {
		return nil, err
	}
	if steps(p.Root, b.lengths) > maxSteps {
		return nil, errWork
	}
	var out bytes.Buffer
	if err := p.Funcs(b.functions()).Execute(&limited{&out, b}, b.data); err != nil {
		for _, own := range []error{errOutput, errWork} {
			if errors.Is(err, own) {
				return nil, own
			}
		}
		return nil, errors.New(b.redacted(plain(err)))
	}
	return out.Bytes(), nil
}

// limited ends a template that writes too much.
type limited struct {
	out *bytes.Buffer
	b   *budget
}

func (l *limited) Write(p []byte) (int, error) {
	if l.b.written+len(p) > MaxOutput {
		return 0, errOutput
	}
	l.b.written += len(p)
	return l.out.Write(p)
}

// plain is what package text/template says, without what it says first: a name and a place that nobody gave.
func plain(err error) string {
	s := strings.TrimPrefix(err.Error(), "template: ")
	if place, rest, ok := strings.Cut(strings.TrimPrefix(s, ":"), ": "); ok && strings.Trim(place, "0123456789:") == "" {
		line, _, _ := strings.Cut(place, ":")
		s = "line " + line + ": " + rest
	}
	return strings.ReplaceAll(s, `executing "" at`, "at")
}

// redacted hides what is secret in a text.
func (b *budget) redacted(s string) string {
	for _, secret := range []string{b.data.ClientSecret, b.data.CookieSecret} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "REDACTED")
		}
	}
	return s
}

// spend takes the length of what a function is about to return.
func (b *budget) spend(n int) error {
	if n > MaxOutput {
		return errOutput
	}
	if b.work += n; b.work > maxWork {
		return errWork
	}
	return nil
}

// functions are what templates may call. Each says how long its result is before it makes it.
func (b *budget) functions() template.FuncMap {
	text := func(longest int, f func(string) string) func(string) (string, error) {
		return func(s string) (string, error) {
			if err := b.spend(longest * len(s)); err != nil {
				return "", err
			}
			return f(s), nil
		}
	}
	return template.FuncMap{
		"upper":    text(2, strings.ToUpper),
		"lower":    text(2, strings.ToLower),
		"b64enc":   text(2, func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }),
		"quote":    text(6, func(s string) string { return toJSON(s) }),
		"urlquery": text(3, url.QueryEscape),
		"toJson":   b.toJSON,
		"join":     b.join,
		"replace":  b.replace,
	}
}

func (b *budget) toJSON(v any) (string, error) {
	switch v := v.(type) {
	case string:
		if err := b.spend(6 * len(v)); err != nil {
			return "", err
		}
		return toJSON(v), nil
	case []string:
		n := 0
		for _, s := range v {
			n += 6*len(s) + 3
		}
		if err := b.spend(n); err != nil {
			return "", err
		}
		if v == nil {
			v = []string{}
		}
		return toJSON(v), nil
	}
	return "", errors.New("is for a text or a list")
}

// toJSON writes JSON as people would: & and < as they are.
func toJSON(v any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(v) // text and lists of text always encode
	return strings.TrimSuffix(out.String(), "\n")
}

// join is as in Helm: the separator first, so that a list can be piped in.
func (b *budget) join(separator string, list []string) (string, error) {
	n := len(separator) * len(list)
	for _, s := range list {
		n += len(s)
	}
	if err := b.spend(n); err != nil {
		return "", err
	}
	return strings.Join(list, separator), nil
}

// replace is as in Helm: the text last, so that it can be piped in.
func (b *budget) replace(from, to, s string) (string, error) {
	if from == "" {
		return "", errors.New("must replace something")
	}
	if err := b.spend(len(s) + strings.Count(s, from)*len(to)); err != nil {
		return "", err
	}
	return strings.ReplaceAll(s, from, to), nil
}
