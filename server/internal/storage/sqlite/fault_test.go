package sqlite

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/storage/storagetest"
)

// What a victim acknowledges, one line each, after the engine has answered and before it goes on.
const (
	ready     = "ready"     // the database is open
	rotated   = "rotated"   // family generation: this generation is consumed, the next was issued
	redeemed  = "redeemed"  // family 0: the device code is consumed, generation 0 was issued
	coded     = "coded"     // family 0: an authorization code was issued
	exchanged = "exchanged" // family 0: that code is consumed, a family of its own was issued
	revoking  = "revoking"  // family 0: about to revoke; from now on both outcomes are right
	revoked   = "revoked"   // family 0: the grant is revoked
)

// victim works until it is killed, or until something fails, which it returns.
func victim(ctx context.Context, path, run string) error {
	db, err := Open(ctx, Config{Path: path})
	if err != nil {
		return err
	}
	say(ready, "-", 0)
	failed := make(chan error)
	for worker := range 8 {
		go func() {
			for n := 0; ; n++ {
				if err := toil(ctx, db, fmt.Sprintf("%s.%d.%d", run, worker, n), n%3 == 0); err != nil {
					failed <- err
					return
				}
			}
		}()
	}
	return <-failed
}

// say writes one acknowledgement with one system call, so that none is cut or lost in a buffer.
func say(what, family string, generation int64) {
	_, _ = fmt.Fprintf(os.Stdout, "%s %s %d\n", what, family, generation) // a parent that is gone kills us anyway
}

// toil is the life of one family.
func toil(ctx context.Context, db *DB, name string, revoke bool) error {
	if err := plant(ctx, db, name); err != nil {
		return err
	}
	say(redeemed, name, 0)
	if err := plantCode(ctx, db, name); err != nil {
		return err
	}
	say(coded, name, 0)
	if err := exchangeCode(ctx, db, name); err != nil {
		return err
	}
	say(exchanged, name, 0)
	for generation := range int64(4) {
		if _, err := db.Rotate(ctx, familyToken(name, generation), benchClient, time.Now(), time.Hour, benchNext, nil); err != nil {
			return err
		}
		say(rotated, name, generation)
	}
	if !revoke {
		return nil
	}
	say(revoking, name, 0)
	if err := db.RevokeGrant(ctx, "g"+name, time.Now()); err != nil {
		return err
	}
	say(revoked, name, 0)
	return nil
}

// familyToken is the token that benchNext derives.
func familyToken(family string, generation int64) storage.Hash {
	return sha256.Sum256(binary.BigEndian.AppendUint64([]byte(family), uint64(generation)))
}

// plant makes a user, a redeemed device request and its family, all named alike.
func plant(ctx context.Context, db *DB, name string) error {
	now, code := time.Now(), storage.Hash(sha256.Sum256([]byte(name)))
	_, err := db.SignedIn(ctx, storage.User{ID: "u" + name, Provider: "p", Subject: name})
	if err != nil {
		return err
	}
	err = db.CreateDevice(ctx, storage.DeviceRequest{
		Code: code, UserCode: code, Client: benchClient, CreatedAt: now, ExpiresAt: now.Add(time.Hour), Interval: 5 * time.Second,
	}, 1_000_000)
	if err != nil {
		return err
	}
	if err := db.ApproveDevice(ctx, code, storage.Grant{ID: "g" + name, UserID: "u" + name, Client: benchClient}, now, nil); err != nil {
		return err
	}
	_, err = db.RedeemDevice(ctx, code, benchClient, now, func(storage.Grant, storage.User) (*storage.RefreshToken, error) {
		return &storage.RefreshToken{Token: familyToken(name, 0), Family: name, KeyID: "k", ExpiresAt: now.Add(24 * time.Hour)}, nil
	})
	return err
}

// promise is what was acknowledged of one family.
type promise struct {
	coded     bool
	exchanged bool
	consumed  int64 // the highest generation that was acknowledged as consumed; -1 when none
	mayRevoke bool
	revoked   bool
}

// promises collects acknowledgements by family.
type promises map[string]*promise

func (p promises) hear(line string) error {
	var what, family string
	var generation int64
	if _, err := fmt.Sscanf(line, "%s %s %d", &what, &family, &generation); err != nil || what == "error" {
		return fmt.Errorf("the victim said %q", line)
	}
	if what == ready {
		return nil
	}
	if p[family] == nil {
		p[family] = &promise{consumed: -1}
	}
	switch what {
	case coded:
		p[family].coded = true
	case exchanged:
		p[family].exchanged = true
	case rotated:
		p[family].consumed = generation
	case revoking:
		p[family].mayRevoke = true
	case revoked:
		p[family].revoked = true
	}
	return nil
}

// kept checks every promise against the database, and that what a client holds can be used.
func (p promises) kept(t *testing.T, db *DB) {
	t.Helper()
	for family, promise := range p {
		for generation := range promise.consumed + 1 {
			r, _, err := db.RefreshToken(t.Context(), familyToken(family, generation))
			if (err != nil && !errors.Is(err, storage.ErrRevoked)) || r.ConsumedAt.IsZero() {
				t.Errorf("LOST: the consumption of %s/%d: %+v %v", family, generation, r, err)
			}
		}
		code := storage.Hash(sha256.Sum256([]byte(family)))
		if _, err := db.RedeemDevice(t.Context(), code, benchClient, time.Now(), nil); !errors.Is(err, storage.ErrConsumed) {
			t.Errorf("LOST: the consumption of the device code of %s: %v", family, err)
		}
		promise.codeKept(t, db, family)
		_, _, err := db.Grant(t.Context(), "g"+family)
		switch {
		case promise.revoked && !errors.Is(err, storage.ErrRevoked):
			t.Errorf("LOST: the revocation of %s: %v", family, err)
		case err != nil && (!promise.mayRevoke || !errors.Is(err, storage.ErrRevoked)):
			t.Errorf("grant of %s: %v", family, err)
		case err == nil:
			_, err := db.Rotate(t.Context(), familyToken(family, promise.consumed+1), benchClient, time.Now(), time.Hour, benchNext, nil)
			if err != nil {
				t.Errorf("the client's token %s/%d: %v", family, promise.consumed+1, err)
			}
		}
	}
}

// sound checks the file itself, and that no family has forked and no code has yielded two.
func sound(t *testing.T, db *DB) {
	t.Helper()
	var verdict string
	noError(t, db.reader.pool.QueryRow("PRAGMA integrity_check").Scan(&verdict))
	if verdict != "ok" {
		t.Errorf("integrity check: %s", verdict)
	}
	for complaint, q := range map[string]string{
		"references to nothing":                         `SELECT count(*) FROM pragma_foreign_key_check`,
		"families without exactly one live head":        `SELECT count(*) FROM (SELECT 1 FROM refresh_tokens GROUP BY family HAVING sum(consumed_at IS NULL) <> 1)`,
		"grants with two families":                      `SELECT count(*) FROM (SELECT 1 FROM refresh_families GROUP BY grant_id HAVING count(*) > 1)`,
		"redeemed codes without a grant":                `SELECT count(*) FROM device_requests d WHERE d.state = 'approved' AND NOT EXISTS (SELECT 1 FROM grants WHERE id = d.grant_id)`,
		"consumed authorization codes without a family": `SELECT count(*) FROM codes c WHERE c.consumed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM refresh_families WHERE grant_id = c.grant_id)`,
		"consumed codes without a family":               `SELECT count(*) FROM device_requests d WHERE d.consumed_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM refresh_families WHERE grant_id = d.grant_id)`,
	} {
		var n int
		noError(t, db.reader.pool.QueryRow(q).Scan(&n))
		if n != 0 {
			t.Errorf("%d %s", n, complaint)
		}
	}
}

// TestKill is row 2 of the faults: a process that is killed at a random moment has lost nothing that it acknowledged.
func TestKill(t *testing.T) {
	path := newPath(t)
	total := 0
	for run := range storagetest.Rounds(4, 20, 500) {
		acknowledged := promises{}
		total += kill(t, path, run, acknowledged)
		db, err := Open(t.Context(), Config{Path: path})
		noError(t, err)
		acknowledged.kept(t, db)
		sound(t, db)
		noError(t, db.Close())
		if t.Failed() {
			t.Fatalf("after %d kills", run+1)
		}
	}
	t.Logf("%d acknowledgements, none lost", total)
}

// kill starts a victim, kills it at a random moment, and returns how much it acknowledged. One in four is killed while it
// opens the database, the others at work.
func kill(t *testing.T, path string, run int, heard promises) (count int) {
	t.Helper()
	cmd := child(t, "victim", path, strconv.Itoa(run))
	out, err := cmd.StdoutPipe()
	noError(t, err)
	noError(t, cmd.Start())
	strike := func(within time.Duration) {
		time.AfterFunc(rand.N(within), func() { _ = cmd.Process.Kill() })
	}
	if run%4 == 3 {
		strike(20 * time.Millisecond)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		noError(t, heard.hear(lines.Text()))
		if strings.HasPrefix(lines.Text(), ready) && run%4 != 3 {
			strike(100 * time.Millisecond)
		}
		count++
	}
	if err := cmd.Wait(); cmd.ProcessState.Exited() {
		t.Fatalf("the victim ended by itself: %v", err)
	}
	return count
}

// TestPowerCut is row 7 of the faults. The model: at every acknowledgement the log up to its length then was synced; of what
// was written later, any page may be on disk or not. Whatever the rest holds, all that was acknowledged is there.
func TestPowerCut(t *testing.T) {
	path := newPath(t)
	db := openTest(t, path)
	_, err := db.writer.conn.ExecContext(t.Context(), "PRAGMA wal_autocheckpoint = 0") // nobody writes yet
	noError(t, err)

	type moment struct {
		synced int64
		done   promises
	}
	var moments []moment
	for n := range 40 {
		name := strconv.Itoa(n)
		noError(t, plant(t.Context(), db, name))
		noError(t, plantCode(t.Context(), db, name))
		noError(t, exchangeCode(t.Context(), db, name))
		for generation := range int64(3) {
			_, err := db.Rotate(t.Context(), familyToken(name, generation), benchClient, time.Now(), time.Hour, benchNext, nil)
			noError(t, err)
			info, err := os.Stat(path + "-wal")
			noError(t, err)
			moments = append(moments, moment{info.Size(), promises{name: {coded: true, exchanged: true, consumed: generation}}})
		}
		noError(t, db.RevokeGrant(t.Context(), "g"+name, time.Now()))
		info, err := os.Stat(path + "-wal")
		noError(t, err)
		moments = append(moments, moment{info.Size(), promises{name: {coded: true, exchanged: true, consumed: 2, mayRevoke: true, revoked: true}}})
	}
	file, err := os.ReadFile(path)
	noError(t, err)
	log, err := os.ReadFile(path + "-wal")
	noError(t, err)

	for range storagetest.Rounds(10, 40, 200) {
		last := rand.N(len(moments) - 1)
		acknowledged := promises{}
		for _, m := range moments[:last+1] {
			for family, p := range m.done {
				acknowledged[family] = &promise{coded: p.coded, exchanged: p.exchanged, consumed: p.consumed, mayRevoke: true, revoked: p.revoked}
			}
		}
		after := newPath(t)
		noError(t, os.WriteFile(after, file, 0o600))
		noError(t, os.WriteFile(after+"-wal", cut(log, moments[last].synced, moments[last+1].synced), 0o600))
		reopened, err := Open(t.Context(), Config{Path: after})
		noError(t, err)
		acknowledged.kept(t, reopened)
		sound(t, reopened)
		noError(t, reopened.Close())
	}
}

// cut returns the log as a power cut may leave it: whole up to synced, then pages of what was under way that are there or
// not, and somewhere an end.
func cut(log []byte, synced, written int64) []byte {
	const page = 4096
	end := synced + rand.N(written-synced+1)
	left := append([]byte(nil), log[:end]...)
	for at := synced; at < end; at = (at/page + 1) * page {
		if rand.N(2) == 0 {
			clear(left[at:min((at/page+1)*page, end)])
		}
	}
	return left
}

// TestFullDisk is row 8 of the faults: writes fail and say why, reads go on, nothing is damaged, and it heals by itself.
func TestFullDisk(t *testing.T) {
	db := openTest(t, newPath(t))
	token := seedFamily(t, db, 0)
	limit := func(pages int) {
		t.Helper()
		noError(t, db.write(t.Context(), func(x *tx) error {
			_, err := x.w.conn.ExecContext(t.Context(), fmt.Sprintf("PRAGMA max_page_count = %d", pages))
			return err
		}))
	}
	limit(1) // SQLite takes the present size when that is more
	long := strings.Repeat("x", 20_000)
	var (
		mu       sync.Mutex
		accepted = map[string]bool{}
		full     int
		wg       sync.WaitGroup
	)
	for i := range 32 {
		wg.Go(func() {
			jti := fmt.Sprint(i, long[:rand.N(len(long))])
			err := db.RevokeToken(context.Background(), jti, time.Now())
			mu.Lock()
			defer mu.Unlock()
			accepted[jti] = err == nil
			if err != nil {
				full++
				if code(err) != sqlite3.SQLITE_FULL || !strings.Contains(err.Error(), "the disk is full") {
					t.Errorf("error is %v", err)
				}
			}
		})
	}
	wg.Wait()
	if full == 0 {
		t.Fatal("the disk was never full")
	}
	for jti, want := range accepted {
		if got := isRevoked(t, db, jti); got != want {
			t.Errorf("a write that was told %v is there: %v", want, got)
		}
	}
	if _, _, err := db.RefreshToken(t.Context(), token); err != nil {
		t.Errorf("a read while the disk is full: %v", err)
	}

	limit(1_000_000)
	_, err := db.Rotate(t.Context(), token, benchClient, time.Now(), time.Minute, benchNext, nil)
	noError(t, err)
	for jti := range accepted {
		noError(t, db.RevokeToken(t.Context(), jti, time.Now()))
	}
	sound(t, db)
}
