package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
)

// BenchmarkRotate compares 32 concurrent rotations that share commits with the same rotations, each with a commit of its
// own. Only the ratio of the two means anything: it depends on what an fsync costs on the machine.
func BenchmarkRotate(b *testing.B) {
	b.Run("32 at once, sharing commits", func(b *testing.B) { benchmarkRotate(b, maxBatch) })
	b.Run("32 at once, a commit each", func(b *testing.B) { benchmarkRotate(b, 1) })
}

func benchmarkRotate(b *testing.B, limit int) {
	const workers = 32
	db, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "bench.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.writer.limit = limit
	heads := make([]storage.Hash, workers)
	for i := range heads {
		heads[i] = seedFamily(b, db, i)
	}
	before := db.Stats()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() {
			for range b.N / workers {
				r, err := db.Rotate(context.Background(), heads[i], benchClient, time.Now(), time.Minute, benchNext, nil)
				if err != nil {
					b.Error(err)
					return
				}
				heads[i] = r.Token.Token
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	after := db.Stats()
	if commits := after.Commits - before.Commits; commits > 0 {
		b.ReportMetric(float64(after.Writes-before.Writes)/float64(commits), "rotations/commit")
	}
}

var benchClient = storage.ClientRef{ID: "bench", UID: "bench-uid"}

func benchNext(c storage.RefreshToken) (storage.RefreshToken, error) {
	c.Generation++
	c.Token = sha256.Sum256(binary.BigEndian.AppendUint64([]byte(c.Family), uint64(c.Generation)))
	return c, nil
}

// seedFamily makes a user, a grant and the first refresh token.
func seedFamily(tb testing.TB, db *DB, i int) storage.Hash {
	tb.Helper()
	ctx, now, id := tb.Context(), time.Now(), strconv.Itoa(i)
	token := storage.Hash(sha256.Sum256([]byte("first" + id)))
	must := func(err error) {
		if err != nil {
			tb.Fatal(err)
		}
	}
	_, err := db.SignedIn(ctx, storage.User{ID: "u" + id, Provider: "p", Subject: id})
	must(err)
	code := storage.Hash(sha256.Sum256([]byte("code" + id)))
	must(db.CreateDevice(ctx, storage.DeviceRequest{
		Code: code, UserCode: code, Client: benchClient, CreatedAt: now, ExpiresAt: now.Add(time.Minute), Interval: 5 * time.Second,
	}, 1000))
	must(db.ApproveDevice(ctx, code, storage.Grant{ID: "g" + id, UserID: "u" + id, Client: benchClient, Scopes: []string{"openid", "read"}}, now))
	_, err = db.RedeemDevice(ctx, code, benchClient, now, func(storage.Grant) (*storage.RefreshToken, error) {
		return &storage.RefreshToken{Token: token, Family: "f" + id, KeyID: "k", ExpiresAt: now.Add(24 * time.Hour)}, nil
	})
	must(err)
	return token
}
