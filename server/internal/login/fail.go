package login

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/page/failure"
	"github.com/grantkeeper/grantkeeper/server/internal/seal"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// failed is an error that has a page of its own. The cause is for the log alone.
type failed struct {
	status     int
	kind       failure.Kind
	cause      error
	retryAfter time.Duration
	owner      string
}

func (f *failed) Error() string {
	if f.cause == nil {
		return string(f.kind)
	}
	return string(f.kind) + ": " + f.cause.Error()
}

func (f *failed) Unwrap() error { return f.cause }

func forbidden(cause error) error {
	return &failed{status: http.StatusForbidden, kind: failure.Forbidden, cause: cause}
}

func badRequest(cause error) error {
	return &failed{status: http.StatusBadRequest, kind: failure.BadRequest, cause: cause}
}

func unavailable(cause error) error {
	return &failed{status: http.StatusServiceUnavailable, kind: failure.Unavailable, cause: cause, retryAfter: 2 * time.Second}
}

func throttled(wait time.Duration) error {
	return &failed{status: http.StatusTooManyRequests, kind: failure.Throttled, retryAfter: max(wait, time.Second)}
}

func clientGone(owner string) error {
	return &failed{status: http.StatusBadRequest, kind: failure.ClientGone, owner: owner}
}

func answered() error { return &failed{status: http.StatusConflict, kind: failure.Answered} }

// decisive reports whether an error of storage says something about what was asked, rather than that it is out of reach.
func decisive(err error) bool {
	return errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrConsumed) || errors.Is(err, storage.ErrExpired)
}

// fail writes the page of an error. What was not foreseen is an internal error, and nobody but the log is told its cause.
func (l *Login) fail(v *visit, err error) {
	var f *failed
	if !errors.As(err, &f) {
		f = &failed{status: http.StatusInternalServerError, kind: failure.Internal, cause: err}
		if errors.Is(err, seal.ErrNoKey) {
			f = &failed{status: http.StatusServiceUnavailable, kind: failure.Unavailable, cause: err, retryAfter: 2 * time.Second}
		}
	}
	ctx := v.r.Context()
	id := l.RequestID(ctx)
	if f.status >= http.StatusInternalServerError && ctx.Err() == nil {
		l.Log.LogAttrs(ctx, slog.LevelError, "a page could not be served",
			slog.String("request", id), slog.String("kind", string(f.kind)), slog.Any("cause", f.cause))
	}
	data := failure.Data{Kind: f.kind, RequestID: id, Owner: f.owner, Again: v.flow.Device}
	if f.retryAfter > 0 {
		seconds := int((f.retryAfter + time.Second - 1) / time.Second)
		v.w.Header().Set("Retry-After", strconv.Itoa(seconds))
		if f.kind == failure.Throttled {
			data.Minutes = (seconds + 59) / 60
		}
	}
	if err := l.pages.failure.Render(v.w, f.status, v.shell(), data); err != nil {
		l.Log.LogAttrs(ctx, slog.LevelError, "a page could not be made", slog.String("request", id), slog.Any("cause", err))
		http.Error(v.w, "Something went wrong. Request: "+id, http.StatusInternalServerError)
	}
}
