// Package token is the token endpoint (RFC 6749 section 3.2): it reads the request, hands it to the grant pipeline and
// writes what comes back. It decides nothing.
package token

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"github.com/grantkeeper/grantkeeper/server/internal/audit"
	"github.com/grantkeeper/grantkeeper/server/internal/dpop"
	"github.com/grantkeeper/grantkeeper/server/internal/endpoint/wire"
	"github.com/grantkeeper/grantkeeper/server/internal/grant"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// Metrics counts outcomes.
type Metrics interface {
	TokenIssued(grantType string)
	Refused(code string)
}

// Endpoint is the token endpoint.
type Endpoint struct {
	Registry *registry.Registry
	Pipeline *grant.Pipeline
	Audit    *audit.Log
	Metrics  Metrics
	Now      func() time.Time
	Address  func(*http.Request) netip.Addr
}

// ServeHTTP answers a POST.
func (e *Endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := e.Registry.Current()
	address := e.Address(r)
	params, fail := wire.Read(w, r, s.Server() != nil && s.Server().JSONRequestBodies)
	if fail != nil {
		e.Metrics.Refused(fail.Code)
		e.Audit.Write(r.Context(), audit.Event{Action: audit.TokenRefused, Address: address, Error: fail.Code})
		wire.AllowError(w, r, s)
		wire.Error(w, fail)
		return
	}
	authorization := r.Header["Authorization"]
	in := grant.Input{Proofs: r.Header[dpop.Header], Params: params, Address: address, Now: e.Now()}
	if len(authorization) > 0 {
		in.Authorization = authorization[0]
	}
	response, event, err := e.Pipeline.Serve(r.Context(), in)
	e.record(r, address, event, err)
	if event.Client != nil {
		wire.AllowOrigin(w, r, event.Client.Client)
	} else if err != nil {
		wire.AllowError(w, r, s)
	}
	if err != nil {
		wire.Error(w, err)
		return
	}
	if response.Nonce != "" {
		w.Header().Set(dpop.NonceHeader, response.Nonce)
	}
	wire.Bytes(w, http.StatusOK, appendResponse(make([]byte, 0, 1536), response))
}

func (e *Endpoint) record(r *http.Request, address netip.Addr, event grant.Event, err error) {
	out := audit.Event{
		Action: audit.TokenIssued, Address: address, GrantType: event.GrantType, User: event.Subject,
		GrantID: event.GrantID, TokenID: event.TokenID, Scope: event.Scope, Retried: event.Retried,
	}
	if event.Client != nil {
		out.Client, out.Namespace = event.Client.ClientID, event.Client.Namespace
	}
	if err != nil {
		fail := wire.AsError(err)
		e.Metrics.Refused(fail.Code)
		if fail.Code == "authorization_pending" || fail.Code == "slow_down" {
			return // polls are not events; what they end in is
		}
		out.Action, out.Error, out.Cause = audit.TokenRefused, fail.Code, fail.Unwrap()
		if event.Replayed {
			out.Action = audit.TokenReplayed
		}
	} else {
		e.Metrics.TokenIssued(event.GrantType)
	}
	e.Audit.Write(r.Context(), out)
}

// appendResponse writes the answer (RFC 6749 section 5.1) without reflection. Tokens have nothing to escape; the scope may.
func appendResponse(b []byte, r *grant.Response) []byte {
	b = append(b, `{"access_token":"`...)
	b = append(b, r.AccessToken...)
	if r.Bound {
		b = append(b, `","token_type":"DPoP","expires_in":`...)
	} else {
		b = append(b, `","token_type":"Bearer","expires_in":`...)
	}
	b = strconv.AppendInt(b, r.ExpiresIn, 10)
	if r.RefreshToken != "" {
		b = append(b, `,"refresh_token":"`...)
		b = append(b, r.RefreshToken...)
		b = append(b, '"')
	}
	if r.IDToken != "" {
		b = append(b, `,"id_token":"`...)
		b = append(b, r.IDToken...)
		b = append(b, '"')
	}
	if len(r.AuthorizationDetails) > 0 { // RFC 9396 section 7
		b = append(b, `,"authorization_details":`...)
		b = append(b, r.AuthorizationDetails...)
	}
	if r.Scope != "" {
		if quoted, err := json.Marshal(r.Scope); err == nil { // strings always marshal
			b = append(b, `,"scope":`...)
			b = append(b, quoted...)
		}
	}
	return append(b, '}')
}
