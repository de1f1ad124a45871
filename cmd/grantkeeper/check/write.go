package check

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// writers are the forms of a report.
func writers() map[string]func(io.Writer, *Report) error {
	return map[string]func(io.Writer, *Report) error{"table": writeTable, "json": writeJSON, "github": writeGitHub}
}

func writeJSON(w io.Writer, r *Report) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// writeTable prints the clients with what is wrong with each, then what else is refused, and a line that sums it up.
func writeTable(w io.Writer, r *Report) error {
	var clients, others []Object
	for _, o := range r.Objects {
		if o.Kind == "OAuthClient" {
			clients = append(clients, o)
		} else {
			others = append(others, o)
		}
	}
	p := &printer{w: w}
	rows := rowsOf(clients)
	for i, row := range rows {
		p.line("%s", row)
		if i > 0 {
			p.details("  ", clients[i-1])
		}
	}
	if len(rows) > 0 {
		p.line("")
	}
	for _, o := range others {
		if o.Verdict == Refused || len(o.Notes) > 0 {
			p.line("%s %s/%s: %s", o.Kind, o.Namespace, o.Name, strings.ToLower(string(o.Verdict)))
			p.details("  ", o)
		}
	}
	for _, problem := range r.Problems {
		p.line("%s", problem.String())
	}
	p.line("%s", r.summary())
	return p.err
}

// rowsOf are the lines of a table, the first of them its head.
func rowsOf(clients []Object) []string {
	if len(clients) == 0 {
		return nil
	}
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	p := &printer{w: t}
	p.line("NAMESPACE\tNAME\tCLIENT ID\tPOLICY\tVERDICT")
	for _, o := range clients {
		p.line("%s\t%s\t%s\t%s\t%s", o.Namespace, o.Name, orDash(o.ClientID), orDash(o.Policy), strings.ToLower(string(o.Verdict)))
	}
	_ = t.Flush() // b takes everything
	return strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
}

// printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = printable(s)
		}
	}
	if _, err := fmt.Fprintf(p.w, format+"\n", args...); err != nil && p.err == nil {
		p.err = err
	}
}

func (p *printer) details(indent string, o Object) {
	for _, f := range o.Findings {
		p.line("%s%s: %s: %s", indent, place(f.File, f.Line), f.Reason, f.Message)
	}
	for _, n := range o.Notes {
		p.line("%s%s: note: %s", indent, place(o.File, o.Line), n)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func place(file string, line int) string {
	if line == 0 {
		return file
	}
	return file + ":" + strconv.Itoa(line)
}

// String is the problem in one line.
func (p Problem) String() string {
	s := place(p.File, p.Line) + ": "
	if p.Object != "" {
		s += p.Object + ": "
	}
	return s + p.Message
}

// printable shows characters that a terminal would obey as what they are: a manifest of somebody else's pull request must not rewrite
// what the reader sees.
func printable(s string) string {
	clean := strings.Builder{}
	for _, r := range s {
		if strconv.IsPrint(r) {
			clean.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		clean.WriteString(quoted[1 : len(quoted)-1])
	}
	return clean.String()
}

// summary counts.
func (r *Report) summary() string {
	counts := map[string]int{}
	for _, o := range r.Objects {
		what := "other"
		if o.Kind == "OAuthClient" {
			what = "client"
		}
		counts[what+string(o.Verdict)]++
	}
	s := fmt.Sprintf("%s accepted, %d refused", plural(counts["client"+string(Accepted)], "client"), counts["client"+string(Refused)])
	if accepted, refused := counts["other"+string(Accepted)], counts["other"+string(Refused)]; accepted+refused > 0 {
		s += fmt.Sprintf("; %s accepted, %d refused", plural(accepted, "other object"), refused)
	}
	if len(r.Problems) > 0 {
		s += "; " + plural(len(r.Problems), "problem")
	}
	return s
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// writeGitHub prints one workflow command per finding, which GitHub shows beside the line.
func writeGitHub(w io.Writer, r *Report) error {
	p := &printer{w: w}
	command := func(kind, file string, line int, title, message string) {
		properties := "file=" + escape(file, true)
		if line > 0 {
			properties += fmt.Sprintf(",line=%d", line)
		}
		p.line("%s", "::"+kind+" "+properties+",title="+escape(title, true)+"::"+escape(message, false))
	}
	for _, problem := range r.Problems {
		command("error", problem.File, problem.Line, "grantkeeper check", problem.Message)
	}
	for _, o := range r.Objects {
		for _, f := range o.Findings {
			command("error", f.File, f.Line, fmt.Sprintf("%s %s/%s: %s", o.Kind, o.Namespace, o.Name, f.Reason), f.Message)
		}
		for _, n := range o.Notes {
			command("notice", o.File, o.Line, fmt.Sprintf("%s %s/%s", o.Kind, o.Namespace, o.Name), n)
		}
	}
	p.line("%s", r.summary())
	return p.err
}

// escape keeps what a manifest says from being read as a command of its own.
func escape(s string, property bool) string {
	s = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
	if property {
		s = strings.NewReplacer(":", "%3A", ",", "%2C").Replace(s)
	}
	return s
}
