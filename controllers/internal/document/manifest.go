package document

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// Compiled is what became of a manifest that is one document of one server of its namespace.
type Compiled struct {
	// Server it belongs to.
	Server *v1alpha1.OAuthServer
	// Document is nil when the manifest is refused.
	Document registration.Document
	// Findings say why.
	Findings []compile.Finding
	// Note, a sentence, is what to say of a manifest that is accepted; empty for nothing.
	Note string
}

// served reports whether there is a document to serve. What is wrong with a part of a Secret is said, and the rest served.
func (c Compiled) served() bool {
	return c.Server != nil && c.Document != nil && !slices.ContainsFunc(c.Findings, func(f compile.Finding) bool { return !AboutSecret(f) })
}

// Settle marks Accepted, and publishes the document or withdraws it. A manifest that is refused is not served as it was
// before: these are the platform's own rules, and what they do not allow any more has to end.
func (p Publisher) Settle(ctx context.Context, marks *status.Conditions, kind registration.Kind, owner types.NamespacedName, c Compiled) error {
	found, err := p.Store.Find(ctx, kind, owner, owner.Namespace)
	if err != nil {
		return err
	}
	accept(marks, kind, c)
	if !c.served() {
		return p.Withdraw(ctx, marks, owner, found)
	}
	return p.Publish(ctx, marks, c.Server, c.Document, owner, found)
}

// accept marks Accepted by the findings. Those about a Secret that the manifest names are marked at SecretReady by the
// reconciler of the one kind that has it.
func accept(marks *status.Conditions, kind registration.Kind, c Compiled) {
	for _, f := range c.Findings {
		if !AboutSecret(f) {
			marks.False(v1alpha1.ConditionAccepted, f.Reason, "%s", Join(c.Findings))
			return
		}
	}
	if c.Server == nil {
		// Nothing compiles without a server, and what says so is a finding; a status must not claim more than is known.
		marks.False(v1alpha1.ConditionAccepted, v1alpha1.ReasonServerNotFound, "The %s has no OAuthServer.", kind)
		return
	}
	message := fmt.Sprintf("Accepted for OAuthServer %s/%s.", c.Server.Namespace, c.Server.Name)
	if c.Note != "" {
		message += " " + c.Note
	}
	marks.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "%s", message)
}

// AboutSecret reports whether a finding is about a Secret that the manifest names.
func AboutSecret(f compile.Finding) bool {
	return f.Reason == v1alpha1.ReasonSecretNotFound || f.Reason == v1alpha1.ReasonSecretInvalid
}

// Join writes findings as one message.
func Join(findings []compile.Finding) string {
	messages := make([]string, len(findings))
	for i, f := range findings {
		messages[i] = f.Message
	}
	return strings.Join(messages, ". Also: ")
}
