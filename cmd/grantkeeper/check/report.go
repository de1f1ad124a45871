package check

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
	"github.com/grantkeeper/grantkeeper/internal/offline"
)

// ReportVersion is the version of the form of a Report. Fields may be added within a version; none changes its meaning.
const ReportVersion = 1

// Verdict is what a cluster would make of something.
type Verdict string

// The verdicts.
const (
	// Accepted is what a cluster takes and serves.
	Accepted Verdict = "Accepted"
	// Refused is what the API server does not take, or the operator does not accept.
	Refused Verdict = "Refused"
	// Unreadable is the verdict on a report with problems: something could not be judged.
	Unreadable Verdict = "Unreadable"
)

// Report is what `grantkeeper check` finds.
type Report struct {
	// Version is ReportVersion.
	Version int `json:"version"`
	// Verdict is Unreadable when there are Problems, else Refused when an object is, else Accepted.
	Verdict Verdict `json:"verdict"`
	// Objects are the objects of our kinds that were checked, by kind, file and line. What was given for reference is not among
	// them.
	Objects []Object `json:"objects"`
	// Problems are what could not be read.
	Problems []Problem `json:"problems"`
}

// Object is what becomes of one object.
type Object struct {
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// File and Line say where it stands; Line is 0 when that is not known.
	File    string  `json:"file"`
	Line    int     `json:"line,omitempty"`
	Verdict Verdict `json:"verdict"`
	// Server is the OAuthServer that it belongs to, as namespace/name; empty when there is none.
	Server string `json:"server,omitempty"`
	// ClientID is the client identifier of an OAuthClient.
	ClientID string `json:"clientID,omitempty"`
	// Policy is the OAuthGrantPolicy that governs an OAuthClient that is accepted.
	Policy string `json:"policy,omitempty"`
	// Findings are why it is refused.
	Findings []Finding `json:"findings"`
	// Notes are what else is worth knowing, such as what is not known here.
	Notes []string `json:"notes"`
}

// Finding is one reason to refuse an object.
type Finding struct {
	// By is who refuses: APIServer, when the object is applied, or Operator, in the condition Accepted.
	By By `json:"by"`
	// Reason is the condition's, or Invalid.
	Reason string `json:"reason"`
	// Message names field, value, rule and fix, as it would stand in the API server's answer or in the condition.
	Message string `json:"message"`
	// File and Line are where the field stands.
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
}

// By is who refuses.
type By string

// The two.
const (
	APIServer By = "APIServer"
	Operator  By = "Operator"
)

// Problem is something that could not be read.
type Problem struct {
	File string `json:"file"`
	Line int    `json:"line,omitempty"`
	// Object is the object that it is about, as "OAuthClient partners/acme"; empty when that is not known.
	Object  string `json:"object,omitempty"`
	Message string `json:"message"`
}

// kinds is the order of kinds in a report.
func kinds() []string {
	return []string{"OAuthServer", "OAuthGrantPolicy", "OAuthResource", "OAuthIdentityProvider", "OAuthClient"}
}

// reporter puts a report together.
type reporter struct {
	set      *manifest.Set
	found    []Object
	byKey    map[manifest.ObjectKey]int
	problems []Problem
	// holders are the oldest clients that write each Secret, found when they are first asked for.
	holders map[types.NamespacedName]*v1alpha1.OAuthClient
}

// problem adds what the loader has found: a refusal by the API server, or something that cannot be read.
func (r *reporter) problem(p manifest.Problem) {
	message := p.Message
	if strings.HasPrefix(message, "not valid YAML") && isTemplate(p.File) {
		message += " (it is a template, which has to be rendered first: helm template … | grantkeeper check -)"
	}
	if bareBoolean.MatchString(message) {
		message += `; YAML takes a bare y or n for a boolean: write "y" and "n" in quotes`
	}
	if !p.Refused || p.InContext || !slices.Contains(kinds(), p.Object.Kind) {
		object := ""
		if p.Object.Kind != "" {
			object = p.Object.String()
		}
		r.problems = append(r.problems, Problem{File: p.File, Line: p.Line, Object: object, Message: message})
		return
	}
	o := r.object(p.Object, p.Origin)
	o.Verdict = Refused
	o.Findings = append(o.Findings, Finding{By: APIServer, Reason: string(v1alpha1.ReasonInvalid), Message: message, File: p.File, Line: p.Line})
}

// bareBoolean is what becomes of the members y and n of a key that are written without quotes.
var bareBoolean = regexp.MustCompile(`^unknown field ".*\.keys\[\d+\]\.(true|false)"$`)

// object finds or adds an object.
func (r *reporter) object(key manifest.ObjectKey, at manifest.Origin) *Object {
	if i, ok := r.byKey[key]; ok {
		return &r.found[i]
	}
	if r.byKey == nil {
		r.byKey = map[manifest.ObjectKey]int{}
	}
	r.byKey[key] = len(r.found)
	r.found = append(r.found, Object{
		Kind: key.Kind, Namespace: key.Namespace, Name: key.Name, File: at.File, Line: at.Line, Verdict: Accepted,
		Findings: []Finding{}, Notes: []string{},
	})
	return &r.found[len(r.found)-1]
}

// objects adds what the operator makes of everything that the API server takes.
func (r *reporter) objects(result offline.Result) {
	for _, o := range result.Objects {
		if r.set.InContext(o.Key) {
			continue
		}
		to := r.object(o.Key, r.set.Locate(o.Key, ""))
		to.Server = serverName(o.Server)
		if name, ok := notKnownSecret(r.set, o); ok {
			to.Notes = append(to.Notes, "Secret "+name+` is not known here: the cluster needs it, with the label `+v1alpha1.LabelReferenced+`: "true"`)
			continue
		}
		r.findings(to, o.Key, o.Findings)
		to.Notes = append(to.Notes, r.policyNotes(o)...)
	}
	for i := range result.Clients {
		c := &result.Clients[i]
		if r.set.InContext(c.Key()) {
			continue
		}
		to := r.object(c.Key(), r.set.Locate(c.Key(), ""))
		to.ClientID, to.Server = c.ClientID, serverName(c.Server)
		r.findings(to, c.Key(), c.Findings)
		if to.Verdict == Accepted {
			to.Policy = c.Policy
		}
		to.Notes = append(to.Notes, r.clientNotes(c)...)
	}
}

func serverName(s *v1alpha1.OAuthServer) string {
	if s == nil {
		return ""
	}
	return s.Namespace + "/" + s.Name
}

func (r *reporter) findings(to *Object, key manifest.ObjectKey, findings []compile.Finding) {
	for _, f := range findings {
		to.Verdict = Refused
		at := r.set.Locate(key, field.FindString(f.Message))
		to.Findings = append(to.Findings, Finding{By: Operator, Reason: string(f.Reason), Message: f.Message, File: at.File, Line: at.Line})
	}
}

// field is the field that a finding begins with.
var field = regexp.MustCompile(`^(spec|metadata)[A-Za-z0-9.\[\]]*`)

// report sorts what was found and decides the verdict.
func (r *reporter) report() *Report {
	out := &Report{Version: ReportVersion, Verdict: Accepted, Objects: r.found, Problems: r.problems}
	if out.Objects == nil {
		out.Objects = []Object{}
	}
	if out.Problems == nil {
		out.Problems = []Problem{}
	}
	slices.SortStableFunc(out.Objects, func(a, b Object) int {
		return cmp.Or(cmp.Compare(slices.Index(kinds(), a.Kind), slices.Index(kinds(), b.Kind)), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	if slices.ContainsFunc(out.Objects, func(o Object) bool { return o.Verdict == Refused }) {
		out.Verdict = Refused
	}
	if len(out.Problems) > 0 {
		out.Verdict = Unreadable
	}
	return out
}
