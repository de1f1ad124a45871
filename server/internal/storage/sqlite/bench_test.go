package sqlite

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
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
	for name, limit := range map[string]int{"32 at once, sharing commits": maxBatch, "32 at once, a commit each": 1} {
		b.Run(name, func(b *testing.B) {
			db := openBench(b, limit)
			heads := make([]storage.Hash, benchWorkers)
			for i := range heads {
				heads[i] = seedFamily(b, db, i)
			}
			benchmark(b, db, func(worker, _ int) error {
				r, err := db.Rotate(context.Background(), heads[worker], benchClient, time.Now(), time.Minute, benchNext, nil)
				heads[worker] = r.Token.Token
				return err
			})
		})
	}
}

// BenchmarkRedeemCode is the same for authorization codes, each of which yields a family.
func BenchmarkRedeemCode(b *testing.B) {
	for name, limit := range map[string]int{"32 at once, sharing commits": maxBatch, "32 at once, a commit each": 1} {
		b.Run(name, func(b *testing.B) {
			db := openBench(b, limit)
			name := func(worker, n int) string { return fmt.Sprintf("%d.%d", worker, n) }
			for worker := range benchWorkers {
				for n := range b.N / benchWorkers {
					_, err := db.SignedIn(b.Context(), storage.User{ID: "u" + name(worker, n), Provider: "p", Subject: name(worker, n)})
					if err := errors.Join(err, plantCode(b.Context(), db, name(worker, n))); err != nil {
						b.Fatal(err)
					}
				}
			}
			benchmark(b, db, func(worker, n int) error { return exchangeCode(context.Background(), db, name(worker, n)) })
		})
	}
}

// benchWorkers is how many work at once.
const benchWorkers = 32

// openBench opens a database whose writer shares a commit among at most limit.
func openBench(b *testing.B, limit int) *DB {
	b.Helper()
	db, err := Open(b.Context(), Config{Path: filepath.Join(b.TempDir(), "bench.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = db.Close() })
	db.writer.limit = limit
	return db
}

// benchmark has work done b.N times altogether.
func benchmark(b *testing.B, db *DB, work func(worker, n int) error) {
	b.Helper()
	before := db.Stats()
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for worker := range benchWorkers {
		wg.Go(func() {
			for n := range b.N / benchWorkers {
				if err := work(worker, n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	after := db.Stats()
	if commits := after.Commits - before.Commits; commits > 0 {
		b.ReportMetric(float64(after.Writes-before.Writes)/float64(commits), "writes/commit")
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
	must(db.ApproveDevice(ctx, code, storage.Grant{ID: "g" + id, UserID: "u" + id, Client: benchClient, Scopes: []string{"openid", "read"}}, now, nil))
	_, err = db.RedeemDevice(ctx, code, benchClient, now, func(storage.Grant, storage.User) (*storage.RefreshToken, error) {
		return &storage.RefreshToken{Token: token, Family: "f" + id, KeyID: "k", ExpiresAt: now.Add(24 * time.Hour)}, nil
	})
	must(err)
	return token
}
