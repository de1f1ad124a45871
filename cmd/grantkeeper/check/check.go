package check

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/config/crd"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/manifest"
	"github.com/grantkeeper/grantkeeper/internal/offline"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Options are the arguments and flags of `grantkeeper check`.
type Options struct {
	// Paths are the folders and files to check; "-" is In.
	Paths []string
	// Policies are folders and files with what the manifests refer to: servers, policies, resources, namespaces. Nothing is said about them.
	Policies []string
	// Against is the folder as it was before, for rules about changes and for who came first; none when empty.
	Against string
	// Namespace is that of objects that name none; "default" when empty.
	Namespace string
	// Output is the form of the report: "table", "json" or "github".
	Output string
	// In is read for "-".
	In io.Reader
	// Out takes the report.
	Out io.Writer
}

// OutcomeError is the error of a check that did not find everything accepted. It has been reported.
type OutcomeError struct{ Verdict Verdict }

func (o *OutcomeError) Error() string {
	if o.Verdict == Refused {
		return "some manifests are refused; the report says why"
	}
	return "some manifests could not be read; the report says which"
}

// ExitStatus is 1 when something was refused and 2 when something could not be read.
func (o *OutcomeError) ExitStatus() int {
	if o.Verdict == Refused {
		return 1
	}
	return 2
}

// Run checks manifests and prints the report. It returns an *OutcomeError unless everything was accepted.
func Run(ctx context.Context, o Options) error {
	write, ok := writers()[cmp.Or(o.Output, "table")]
	if !ok {
		return fmt.Errorf("--output %s: must be table, json or github", o.Output)
	}
	report, err := Check(ctx, o)
	if err != nil {
		return err
	}
	if err := write(o.Out, report); err != nil {
		return err
	}
	if report.Verdict != Accepted {
		return &OutcomeError{report.Verdict}
	}
	return nil
}

// Check is the report on manifests. Its error is about the options; what is wrong with manifests is in the report.
func Check(ctx context.Context, o Options) (*Report, error) {
	if len(o.Paths) == 0 {
		return nil, errors.New("name the folder with the manifests, or - to read them from a pipe")
	}
	crds, err := crd.CRDs()
	if err != nil {
		return nil, err
	}
	return check(ctx, manifest.NewLoader(crds), o)
}

func check(ctx context.Context, loader *manifest.Loader, o Options) (*Report, error) {
	g := gatherer{in: o.In}
	options := manifest.Options{Namespace: o.Namespace, Context: g.sources(o.Policies)}
	subjects := g.sources(o.Paths)
	var before manifest.Set
	if o.Against != "" {
		var problems []manifest.Problem
		before, problems = loader.Read(ctx, g.sources([]string{o.Against}), options)
		// What was refused before is no edit of anything: it is judged as new.
		g.problems = append(g.problems, slices.DeleteFunc(problems, func(p manifest.Problem) bool { return p.Refused || p.InContext })...)
		options.Before = &before
	}
	set, problems := loader.Read(ctx, subjects, options)
	r := &reporter{set: &set}
	for _, p := range append(g.problems, problems...) {
		r.problem(p)
	}
	r.objects(offline.Compile(inputs(&set, &before)))
	return r.report(), nil
}

// inputs are what an operator would have that serves what was accepted before.
func inputs(set, before *manifest.Set) offline.Inputs {
	in := offline.Inputs{Set: set, Secrets: placeholders(set), Previous: map[types.NamespacedName]*registration.Client{}}
	for _, c := range offline.Compile(offline.Inputs{Set: before, Secrets: placeholders(before)}).Clients {
		if c.Current {
			in.Previous[types.NamespacedName{Namespace: c.Manifest.Namespace, Name: c.Manifest.Name}] = c.Registration
		}
	}
	return in
}

// placeholders stand for the secrets that the operator makes or finds: whether they are there is nothing that manifests decide.
func placeholders(set *manifest.Set) map[types.NamespacedName][]registration.SecretHash {
	out := map[types.NamespacedName][]registration.SecretHash{}
	for i := range set.Clients {
		if c := &set.Clients[i]; compile.NeedsSecret(c) {
			out[types.NamespacedName{Namespace: c.Namespace, Name: c.Name}] = []registration.SecretHash{{ID: "offline", SHA256: strings.Repeat("0", 64)}}
		}
	}
	return out
}

// notKnownSecret reports whether a provider was refused only because its Secret is not among the manifests: it may be in the cluster.
func notKnownSecret(set *manifest.Set, o offline.Object) (name string, ok bool) {
	for i := range set.IdentityProviders {
		p := &set.IdentityProviders[i]
		if o.Key.Kind != "OAuthIdentityProvider" || p.Namespace != o.Key.Namespace || p.Name != o.Key.Name {
			continue
		}
		name = compile.ReferencedSecret(&p.Spec)
		if name == "" || set.Secret(p.Namespace, name) != nil {
			return "", false
		}
		other := slices.ContainsFunc(o.Findings, func(f compile.Finding) bool { return f.Reason != v1alpha1.ReasonSecretNotFound })
		return name, !other
	}
	return "", false
}
