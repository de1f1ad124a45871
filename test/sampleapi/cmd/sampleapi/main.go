// Command sampleapi runs the sample API beside `grantkeeper dev` or `make demo`:
//
//	go run ./test/sampleapi/cmd/sampleapi
//
// To have it ask the server about tokens, give it the credentials of its own OAuthClient: -client-id, and the secret in the
// environment variable CLIENT_SECRET.
package main

import (
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/grantkeeper/grantkeeper/test/sampleapi"
)

func main() {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(log); err != nil {
		log.Error("the sample API ended", "cause", err)
		os.Exit(1)
	}
}

func run(log *slog.Logger) error {
	listen := flag.String("listen", "127.0.0.1:9090", "where to listen")
	identifier := flag.String("identifier", "http://127.0.0.1:9090", "the identifier of the OAuthResource, under which the API is reached")
	issuer := flag.String("issuer", "http://127.0.0.1:9080", "the issuer of the authorization server")
	clientID := flag.String("client-id", "", "the client id of the API itself, to ask about tokens; empty to judge them alone")
	flag.Parse()
	api, err := sampleapi.New(sampleapi.Config{
		Issuer: *issuer, Identifier: *identifier, ClientID: *clientID, ClientSecret: os.Getenv("CLIENT_SECRET"),
		Data: sampleapi.Sample(), Now: time.Now, Client: &http.Client{Timeout: 5 * time.Second}, Log: log,
	})
	if err != nil {
		return err
	}
	log.Info("the sample API listens", "at", *identifier, "issuer", *issuer)
	s := &http.Server{Addr: *listen, Handler: api.Handler(), ReadHeaderTimeout: 5 * time.Second}
	if err := s.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
