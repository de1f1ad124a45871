package sqlite

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// What somebody was expected to be, and where they were going, is nobody's business once they are there.
func TestNothingOfAPushedRequestIsKeptOnceItWasUsed(t *testing.T) {
	db := openTest(t, newPath(t))
	now := time.Now()
	p := storage.PushedRequest{URI: storage.Hash{1}, Client: benchClient, Request: json.RawMessage(`{"l":"ada"}`), CreatedAt: now, ExpiresAt: now.Add(time.Minute)}
	noError(t, db.PushRequest(t.Context(), p, 1))
	got, err := db.UsePushedRequest(t.Context(), p.URI, benchClient, now)
	noError(t, err)
	var kept []string
	noError(t, db.readAll(t, `SELECT request FROM pushed_requests WHERE consumed_at IS NOT NULL`, &kept))
	if string(got.Request) != `{"l":"ada"}` || len(kept) != 1 || kept[0] != "" {
		t.Errorf("got %s, kept %q", got.Request, kept)
	}
}
