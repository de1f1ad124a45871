package badinput

import (
	"bytes"
	"fmt"
	"strings"
)

// By is who refuses a manifest.
type By string

const (
	// Apply: the API server does, and kubectl apply fails.
	Apply By = "apply"
	// Status: the operator does, and says so in the object's conditions.
	Status By = "status"
)

// Case is one wrong manifest.
type Case struct {
	// What is wrong with it, as the half of a sentence. It names the case and is unique.
	What string
	// By is who refuses it.
	By By
	// Before is a manifest to apply first, for an edit that is wrong; YAML, empty for most.
	Before string
	// Manifest in YAML, of one object, without a namespace.
	Manifest string
	// Field that the refusal is about, as in "spec.redirectURIs[0]"; for Status it may be empty.
	Field string
	// Reason of the condition Ready, for Status.
	Reason string
	// Message in full for Apply, a part of it for Status, where it may name objects of the suite.
	Message string
}

// Cases are all cases, those of Apply first.
func Cases() []Case { return append(applyCases(), statusCases()...) }

// Of returns the cases that one of the two refuses.
func Of(by By) []Case {
	var cases []Case
	for _, c := range Cases() {
		if c.By == by {
			cases = append(cases, c)
		}
	}
	return cases
}

// Markdown prints cases as the document that people read: a table, and below it the manifests.
func Markdown(cases []Case) []byte {
	var out bytes.Buffer
	fmt.Fprint(&out, `# What a wrong manifest is told

Printed from test/badinput by the tests that apply every one of these manifests to a real API server; do not edit it.
What the API server can decide alone fails on `+"`kubectl apply`"+`. What depends on other objects is in the status, where
`+"`kubectl get oauth`"+` shows the reason and `+"`kubectl describe`"+` the message.

| | what is wrong | refused | the message |
| --- | --- | --- | --- |
`)
	for i, c := range cases {
		message := c.Message
		if c.Field != "" {
			message = "`" + c.Field + "`: " + cell(message)
		} else {
			message = cell(message)
		}
		refused := "by `kubectl apply`"
		if c.By == Status {
			refused = "in the status: `" + c.Reason + "`"
		}
		fmt.Fprintf(&out, "| [%d](#%d) | %s | %s | %s |\n", i+1, i+1, cell(c.What), refused, message)
	}
	for i, c := range cases {
		fmt.Fprintf(&out, "\n## %d\n\n%s%s.\n\n", i+1, strings.ToUpper(c.What[:1]), c.What[1:])
		if c.Before != "" {
			fmt.Fprintf(&out, "Applied first:\n\n```yaml\n%s\n```\n\nand then:\n\n", strings.TrimSpace(c.Before))
		}
		fmt.Fprintf(&out, "```yaml\n%s\n```\n", strings.TrimSpace(c.Manifest))
	}
	return out.Bytes()
}

// cell keeps a text in its cell and its characters as they are.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "*", `\*`, "<", "&lt;", "_", `\_`).Replace(s)
}
