package bench

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/grantkeeper/grantkeeper/internal/freeport"
	"github.com/grantkeeper/grantkeeper/internal/keyring"
	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server"
)

const secret = "gkcs_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

func clientID(n int) string { return fmt.Sprintf("apps.client-%05d", n) }

func stdin() io.Reader { return os.Stdin }

// runServer serves the real server with so many clients until standard input closes, and says where. Audit events are
// written to a file, as they are in production.
func runServer(clients int) error {
	dir, err := os.MkdirTemp("", "grantkeeper-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	folder := filepath.Join(dir, "registrations")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	if err := writeDocuments(folder, "http://"+address, clients); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	server.TuneProcess(ctx) // as cmd/server does
	s, err := server.New(ctx, server.Config{Listen: address, Folder: folder, SQLite: filepath.Join(dir, "data.db")},
		server.Deps{Log: slog.New(slog.NewJSONHandler(log, nil))})
	if err != nil {
		cancel()
		return err
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Ready()
	fmt.Println(address)
	_, _ = io.Copy(io.Discard, stdin())
	cancel()
	return <-done
}

func freeAddress() (string, error) {
	return freeport.Address()
}

func writeDocuments(folder, issuer string, clients int) error {
	keys, _, _, err := keyring.Next(nil, types.NamespacedName{Namespace: "oauth", Name: "main"}, keyring.Settings{}, time.Now(), rand.Reader)
	if err != nil {
		return err
	}
	documents := []registration.Document{
		keys,
		&registration.Server{Namespace: "oauth", Name: "main", Issuer: issuer,
			Device: registration.Device{CodeTTL: registration.Duration(15 * time.Minute), Interval: registration.Duration(5 * time.Second)}},
		&registration.Policy{Namespace: "oauth", Name: "all", Allow: registration.Allow{GrantTypes: []string{"client_credentials"}, Scopes: []string{"orders.read"},
			Authentication: []registration.AuthenticationMethod{registration.AuthenticationClientSecret}}},
		&registration.Resource{Namespace: "oauth", Name: "orders", Identifier: "https://api.example.com", Scopes: []registration.Scope{{Name: "orders.read", Title: "Read"}}},
	}
	sum := sha256.Sum256([]byte(secret))
	for n := range clients {
		documents = append(documents, &registration.Client{
			Namespace: "apps", Name: fmt.Sprintf("client-%05d", n), UID: fmt.Sprintf("2f1f3c1e-5a6b-4a52-9f5e-%012d", n), Generation: 1, ClientID: clientID(n),
			Type: "Service", Display: registration.Display{Name: "Client"}, GrantTypes: []string{"client_credentials"}, Scopes: []string{"orders.read"}, Policy: "all",
			Authentication: registration.Authentication{Methods: []registration.AuthenticationMethod{registration.AuthenticationClientSecret},
				Secrets: []registration.SecretHash{{ID: "s1", SHA256: hex.EncodeToString(sum[:])}}},
			Tokens: registration.Tokens{AccessTokenTTL: registration.Duration(10 * time.Minute), RefreshTokenTTL: registration.Duration(720 * time.Hour),
				RefreshTokenIdle: registration.Duration(168 * time.Hour)},
			CreatedAt: time.Now(),
		})
	}
	for n, d := range documents {
		b, err := registration.Encode(d)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprintf("%05d.json", n)), b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
