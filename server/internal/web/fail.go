package web

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
)

// PageError is an error that has a page of its own. The cause is for the log alone.
type PageError struct {
	Status     int
	Kind       failure.Kind
	Cause      error
	RetryAfter time.Duration
	// Owner is whose app it is about, "namespace/name".
	Owner string
}

// Error is for the log.
func (f *PageError) Error() string {
	if f.Cause == nil {
		return string(f.Kind)
	}
	return string(f.Kind) + ": " + f.Cause.Error()
}

// Unwrap is the cause.
func (f *PageError) Unwrap() error { return f.Cause }

// Forbidden is a form that was not sent from our page in this browser.
func Forbidden(cause error) error {
	return &PageError{Status: http.StatusForbidden, Kind: failure.Forbidden, Cause: cause}
}

// BadRequest is a request that cannot be read.
func BadRequest(cause error) error {
	return &PageError{Status: http.StatusBadRequest, Kind: failure.BadRequest, Cause: cause}
}

// Unavailable is storage, settings or keys out of reach.
func Unavailable(cause error) error {
	return &PageError{Status: http.StatusServiceUnavailable, Kind: failure.Unavailable, Cause: cause, RetryAfter: 2 * time.Second}
}

// Throttled is too many tries.
func Throttled(wait time.Duration) error {
	return &PageError{Status: http.StatusTooManyRequests, Kind: failure.Throttled, RetryAfter: max(wait, time.Second)}
}

// NoSignIn is a server without identity providers.
func NoSignIn() error {
	return &PageError{Status: http.StatusServiceUnavailable, Kind: failure.NoSignIn, RetryAfter: time.Minute}
}

// ClientGone is a client that was deleted, suspended, cut off or changed.
func ClientGone(owner string) error {
	return &PageError{Status: http.StatusBadRequest, Kind: failure.ClientGone, Owner: owner}
}

// Answered is a request that was decided before, or has expired.
func Answered() error { return &PageError{Status: http.StatusConflict, Kind: failure.Answered} }

// NotFound is something that is not there, or is somebody else's.
func NotFound() error { return &PageError{Status: http.StatusNotFound, Kind: failure.NotFound} }

// APIAway is an API that does not say what there is to choose; nothing was decided.
func APIAway(cause error) error {
	return &PageError{Status: http.StatusServiceUnavailable, Kind: failure.APIAway, Cause: cause, RetryAfter: 10 * time.Second}
}

// fail writes the page of an error. What was not foreseen is an internal error, and nobody but the log is told its cause.
func (w *Web) fail(v *Visit, err error) {
	f := asPageError(err)
	ctx := v.R.Context()
	id := w.RequestID(ctx)
	if f.Status >= http.StatusInternalServerError && ctx.Err() == nil {
		w.Log.LogAttrs(ctx, slog.LevelError, "a page could not be served",
			slog.String("request", id), slog.String("kind", string(f.Kind)), slog.Any("cause", f.Cause))
	}
	data := failure.Data{Kind: f.Kind, RequestID: id, Owner: f.Owner, Again: v.Again}
	if f.RetryAfter > 0 {
		seconds := int((f.RetryAfter + time.Second - 1) / time.Second)
		v.W.Header().Set("Retry-After", strconv.Itoa(seconds))
		if f.Kind == failure.Throttled {
			data.Minutes = (seconds + 59) / 60
		}
	}
	if err := w.failure.Render(v.W, f.Status, v.Shell(), data); err != nil {
		w.Log.LogAttrs(ctx, slog.LevelError, "a page could not be made", slog.String("request", id), slog.Any("cause", err))
		http.Error(v.W, "Something went wrong. Request: "+id, http.StatusInternalServerError)
	}
}

func asPageError(err error) *PageError {
	var f *PageError
	switch {
	case errors.As(err, &f):
		return f
	case errors.Is(err, seal.ErrNoKey):
		return &PageError{Status: http.StatusServiceUnavailable, Kind: failure.Unavailable, Cause: err, RetryAfter: 2 * time.Second}
	default:
		return &PageError{Status: http.StatusInternalServerError, Kind: failure.Internal, Cause: err}
	}
}
