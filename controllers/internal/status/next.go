package status

import (
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
)

// Next is what happens after a condition was found not to be met.
type Next int

const (
	// Waiting: something under way elsewhere has to end first; a watch or a timer continues from there.
	Waiting Next = iota
	// Stalled: nothing will change until a manifest, or a Secret that one names, does.
	Stalled
)

// NextOf says what happens next by the reason of a condition that is False.
func NextOf(reason v1alpha1.ConditionReason) Next {
	switch reason {
	case v1alpha1.ReasonInvalid,
		v1alpha1.ReasonServerNotFound,
		v1alpha1.ReasonServerRefused,
		v1alpha1.ReasonNoPolicy,
		v1alpha1.ReasonPolicyRefused,
		v1alpha1.ReasonScopeUnknown,
		v1alpha1.ReasonClientIDConflict,
		v1alpha1.ReasonIdentifierConflict,
		v1alpha1.ReasonSuspended,
		v1alpha1.ReasonSecretNotFound,
		v1alpha1.ReasonSecretInvalid,
		v1alpha1.ReasonSecretTooWeak,
		v1alpha1.ReasonSecretNameTaken,
		v1alpha1.ReasonKeysInvalid:
		return Stalled
	}
	return Waiting
}

// failure is an error whose first half may be shown: what could not be done, in words of ours and names of objects.
type failure struct {
	doing string
	err   error
}

// Failed wraps the error of an attempt. doing names the attempt and the objects in words that may be shown in a status
// ("write Secret a/b"); the error itself goes to the log only. A nil error stays nil.
func Failed(err error, doing string, args ...any) error {
	if err == nil {
		return nil
	}
	return &failure{fmt.Sprintf(doing, args...), err}
}

func (f *failure) Error() string { return f.doing + ": " + f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// shown is what a status may say of an error: what was attempted, and the class of an API error, never the text of an
// error that something else wrote.
func shown(err error) string {
	doing := "do its work"
	if f := (*failure)(nil); errors.As(err, &f) {
		doing = f.doing
	}
	why := ""
	if r := apierrors.ReasonForError(err); r != metav1.StatusReasonUnknown {
		why = " (" + string(r) + ")"
	}
	return fmt.Sprintf("the operator could not %s%s and tries again; its log says more", doing, why)
}
