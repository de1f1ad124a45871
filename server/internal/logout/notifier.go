package logout

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/outbound"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
	"github.com/grantkeeper/grantkeeper/server/internal/signer"
	"github.com/grantkeeper/grantkeeper/server/internal/storage"
	"github.com/grantkeeper/grantkeeper/server/internal/token"
)

const (
	// GiveUpAfter is how long a client is tried to be told of a logout.
	GiveUpAfter = time.Hour

	// pollEvery is how often the queue is looked at.
	pollEvery = time.Second
	// roundMax bounds one round, so that clients that answer slowly keep the others waiting for no longer. What there was no
	// time for is due again when the lease ends.
	roundMax = 20 * time.Second
	lease    = time.Minute
	batch    = 128
	// atOnce is how many clients are told at once; each one hears one thing after the other.
	atOnce = 16

	firstRetry = 5 * time.Second
	lastRetry  = 10 * time.Minute
)

// Results of an attempt, for metrics.
const (
	resultDelivered = "delivered"
	resultRetried   = "retried"
	resultRefused   = "refused"
	resultDropped   = "dropped"
)

// NotifierDeps is what the notifier works with; all of it is required, but Private.
type NotifierDeps struct {
	Storage  storage.Logouts
	Registry interface{ Current() *registry.Snapshot }
	// Tokens signs logout tokens.
	Tokens interface {
		Logout(t *token.Logout) (string, error)
	}
	Metrics interface{ LogoutTold(result string) }
	Now     func() time.Time
	Log     *slog.Logger
	// Private lets clients be told at addresses of private networks. The addresses are the app teams' word, so that it is for
	// platforms whose networks let this server reach nothing that those teams could not reach themselves.
	Private bool
}

// Notifier tells clients of logouts (OpenID Connect Back-Channel Logout section 2.5). Any number of them may work on one queue.
type Notifier struct {
	NotifierDeps
	// clients by whether they may reach this machine.
	clients map[bool]*outbound.Client
}

// NewNotifier makes a Notifier. Its error means that the program was built wrong.
func NewNotifier(d NotifierDeps) (*Notifier, error) {
	n := &Notifier{NotifierDeps: d, clients: map[bool]*outbound.Client{}}
	for _, loopback := range []bool{false, true} {
		c, err := outbound.New(outbound.Options{Loopback: loopback, Private: d.Private})
		if err != nil {
			return nil, err
		}
		n.clients[loopback] = c
	}
	return n, nil
}

// Run works on the queue until ctx ends.
func (n *Notifier) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	defer func() {
		for _, c := range n.clients {
			c.Close()
		}
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			for more := true; more && ctx.Err() == nil; {
				claimed, err := n.Round(ctx)
				if err != nil && ctx.Err() == nil {
					n.Log.WarnContext(ctx, "the queue of logouts could not be worked on; trying again", "error", err)
				}
				more = err == nil && claimed == batch
			}
		}
	}
}

// Round tells clients of what is due now and returns how many deliveries that was. Errors are storage's; what could not be
// settled is due again later.
func (n *Notifier) Round(ctx context.Context) (int, error) {
	if !n.Registry.Current().Complete() {
		return 0, nil // nobody is known yet
	}
	claimed, err := n.Storage.ClaimLogouts(ctx, n.Now(), lease, batch)
	if err != nil || len(claimed) == 0 {
		return 0, err
	}
	byClient := map[string][]storage.LogoutDelivery{}
	for _, d := range claimed {
		byClient[d.Client.UID] = append(byClient[d.Client.UID], d)
	}
	ctx, cancel := context.WithTimeout(ctx, roundMax)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, deliveries := range byClient {
		group.Go(func() error { return n.tellClient(ctx, deliveries) })
	}
	return len(claimed), group.Wait()
}

// tellClient works through what one client is to be told. Once it does not answer, the rest is put off untried.
func (n *Notifier) tellClient(ctx context.Context, deliveries []storage.LogoutDelivery) error {
	var away error
	for _, d := range deliveries {
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the lease ends, and they are due again
		}
		client, uri := n.clientOf(d)
		var err error
		switch {
		case uri == "": // it is gone, or does not want to be told any more
			err = n.Storage.LogoutDone(ctx, d.ID)
		case away != nil:
			err = n.settle(ctx, d, false, away)
		default:
			refused, problem := n.deliver(ctx, d, client)
			if problem != nil && ctx.Err() != nil {
				return nil //nolint:nilerr // as above: it was not given the time
			}
			if problem != nil && !refused {
				away = problem
			}
			err = n.settle(ctx, d, refused, problem)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// clientOf finds who is to be told, and where; "" for nobody.
func (n *Notifier) clientOf(d storage.LogoutDelivery) (*registry.Client, string) {
	s := n.Registry.Current()
	if !Tell(s)(d.Client) {
		return nil, ""
	}
	client, _ := s.ClientByUID(d.Client.UID)
	return client, client.BackChannelLogoutURI
}

// settle notes what became of a delivery, also when the time of the round has run out meanwhile.
func (n *Notifier) settle(ctx context.Context, d storage.LogoutDelivery, refused bool, problem error) error {
	ctx = context.WithoutCancel(ctx)
	log := n.Log.With("client", d.Client.ID, "attempts", d.Attempts+1)
	result := resultDelivered
	switch wait := retryAfter(d.Attempts); {
	case refused:
		result = resultRefused
		log.WarnContext(ctx, "a client refused to hear of a logout; sessions there may go on", "error", problem)
	case problem == nil:
	case n.Now().Add(wait).Sub(d.CreatedAt) > GiveUpAfter:
		result = resultDropped
		log.WarnContext(ctx, "a client could not be told of a logout and is not tried again; sessions there may go on", "error", problem)
	default:
		n.Metrics.LogoutTold(resultRetried)
		log.DebugContext(ctx, "a client could not be told of a logout; trying again", "in", wait, "error", problem)
		return n.Storage.RetryLogout(ctx, d.ID, n.Now().Add(wait))
	}
	n.Metrics.LogoutTold(result)
	return n.Storage.LogoutDone(ctx, d.ID)
}

// retryAfter doubles from firstRetry to lastRetry.
func retryAfter(attempts int) time.Duration {
	if attempts > 7 { // the next one would be past lastRetry
		return lastRetry
	}
	return min(firstRetry<<max(attempts, 0), lastRetry)
}

// deliver sends one logout token. refused is true when the client said that it is wrong (section 2.8); otherwise an error means
// that it may be heard another time.
func (n *Notifier) deliver(ctx context.Context, d storage.LogoutDelivery, client *registry.Client) (refused bool, err error) {
	issuer := n.Registry.Current().Server().Issuer
	signed, err := n.Tokens.Logout(&token.Logout{
		Issuer: issuer, Subject: d.UserID, ClientID: client.ClientID, SID: d.SID, IssuedAt: n.Now(),
		Algorithm: signer.Algorithm(client.IDTokenAlgorithm),
	})
	if err != nil {
		return false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, client.BackChannelLogoutURI, strings.NewReader(url.Values{"logout_token": {signed}}.Encode()))
	if err != nil {
		return true, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := n.clients[registration.OnLoopback(issuer)].HTTP().Do(r)
	if err != nil {
		return false, err
	}
	_ = answer.Body.Close() // only the status counts
	switch {
	case answer.StatusCode >= 200 && answer.StatusCode < 300:
		return false, nil
	case answer.StatusCode == http.StatusBadRequest:
		return true, fmt.Errorf("the client answers %s", answer.Status)
	default:
		return false, fmt.Errorf("the client answers %s", answer.Status)
	}
}
