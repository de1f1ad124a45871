package bench

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// floor answers client credentials requests with the least that any server has to do: parse the same request, look up a
// map, compare one SHA-256, sign a JWT of the same claims with ES256.
type floor struct {
	clients map[string][sha256.Size]byte
	key     *ecdsa.PrivateKey
	header  string
}

type floorClaims struct {
	Issuer    string   `json:"iss"`
	Subject   string   `json:"sub"`
	Audience  []string `json:"aud"`
	ClientID  string   `json:"client_id"`
	ClientUID string   `json:"client_uid"`
	Scope     string   `json:"scope"`
	ID        string   `json:"jti"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
}

func (f *floor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		http.Error(w, "body", http.StatusBadRequest)
		return
	}
	form, err := url.ParseQuery(string(body))
	id, secret, ok := r.BasicAuth()
	if err != nil || !ok || form.Get("grant_type") != "client_credentials" {
		http.Error(w, "request", http.StatusBadRequest)
		return
	}
	want, known := f.clients[id]
	got := sha256.Sum256([]byte(secret))
	if subtle.ConstantTimeCompare(got[:], want[:]) != 1 || !known {
		http.Error(w, "client", http.StatusUnauthorized)
		return
	}
	token, err := f.sign(id, form.Get("scope"))
	if err != nil {
		http.Error(w, "sign", http.StatusInternalServerError)
		return
	}
	out := `{"access_token":"` + token + `","token_type":"Bearer","expires_in":600,"scope":"orders.read"}`
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(out)))
	_, _ = io.WriteString(w, out)
}

func (f *floor) sign(id, scope string) (string, error) {
	var jti [16]byte
	_, _ = rand.Read(jti[:])
	now := time.Now().Unix()
	payload, err := json.Marshal(floorClaims{
		Issuer: "http://127.0.0.1:9080", Subject: "client:apps/" + id, Audience: []string{"https://api.example.com"}, ClientID: id,
		ClientUID: "2f1f3c1e-5a6b-4a52-9f5e-3f3f0a9f5a10", Scope: scope, ID: base64.RawURLEncoding.EncodeToString(jti[:]), IssuedAt: now, ExpiresAt: now + 600,
	})
	if err != nil {
		return "", err
	}
	signed := f.header + base64.RawURLEncoding.EncodeToString(payload)
	digest := sha256.Sum256([]byte(signed))
	a, b, err := ecdsa.Sign(rand.Reader, f.key, digest[:])
	if err != nil {
		return "", err
	}
	var sig [64]byte
	a.FillBytes(sig[:32])
	b.FillBytes(sig[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(sig[:]), nil
}

// runFloor serves the floor until standard input closes, and says where.
func runFloor(clients int) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	f := &floor{clients: map[string][sha256.Size]byte{}, key: key,
		header: base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"floor","typ":"at+jwt"}`)) + "."}
	for n := range clients {
		f.clients[clientID(n)] = sha256.Sum256([]byte(secret))
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: f, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(l) }()
	fmt.Println(strings.TrimSpace(l.Addr().String()))
	_, _ = io.Copy(io.Discard, stdin())
	return server.Close()
}
