package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/grantkeeper/grantkeeper/test/demo"
)

// consumer is an app that asks for tokens all the time and reads its Secret now and then, when it is told to.
type consumer struct {
	mu     sync.Mutex
	with   credentials
	asked  map[string]int // by secret
	failed []string
}

// use has the consumer go on with other credentials.
func (c *consumer) use(with credentials) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.with = with
}

// asks is how often the consumer got a token with a secret.
func (c *consumer) asks(secret string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.asked[secret]
}

// failures are the first few of what went wrong.
func (c *consumer) failures() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.failed[:min(3, len(c.failed))])
}

// ask asks once and notes what it got.
func (c *consumer) ask(ctx context.Context) {
	c.mu.Lock()
	with := c.with
	c.mu.Unlock()
	a, err := post(ctx, world.Demo, "/v1/token", &with, clientCredentials)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case ctx.Err() != nil:
	case err != nil:
		c.failed = append(c.failed, err.Error())
	case a.Status != 200:
		c.failed = append(c.failed, fmt.Sprintf("%d %s", a.Status, a.Error))
	default:
		c.asked[with.secret]++
	}
}

// consume starts a consumer; stop ends it and returns what went wrong.
func consume(t *testing.T, with credentials) (c *consumer, stop func() []string) {
	t.Helper()
	c = &consumer{with: with, asked: map[string]int{}}
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		tick := time.NewTicker(100 * time.Millisecond) // every token is looked for everywhere at the end
		defer tick.Stop()
		for ctx.Err() == nil {
			c.ask(ctx)
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
	stop = func() []string {
		cancel()
		wait.Wait()
		return c.failed
	}
	t.Cleanup(func() { stop() })
	return c, stop
}

// boundary writes the policy of the story.
func (dom domain) boundary(t *testing.T, hosts string) {
	t.Helper()
	world.Apply(t, object("OAuthGrantPolicy", "oauth-system", dom.name, "", fmt.Sprintf(`
clients: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}
allow: {grantTypes: [authorization_code, refresh_token, client_credentials], scopes: [openid, %s.read], redirectHosts: [%s]}`,
		dom.namespace, dom.name, hosts)))
}

// TestPartnersStory is what a partner team lives through with one app: refused, fixed, accepted, two new secrets, a policy that is
// tightened and loosened, and an edit that goes wrong, all while the app is in use.
func TestPartnersStory(t *testing.T) {
	t.Parallel()
	d := world.Demo
	dom := newDomain(t, "freight")
	dom.boundary(t, `"*.freight.example"`)
	app := func(redirect string) string {
		return dom.client(fmt.Sprintf(`
type: Web
grantTypes: [authorization_code, refresh_token, client_credentials]
scopes: [openid, freight.read]
redirectURIs: [%s]
secret: {rotation: {interval: 2160h, overlap: 24h}}`, redirect))
	}

	// Refused, with a message that names the policy and the fix.
	d.Apply(t, app("https://freight.partner.example/cb"))
	saysNot(t, dom.namespace, "app", "Accepted", "PolicyRefused",
		`spec\.redirectURIs\[0\] https://freight\.partner\.example/cb: policy freight allows hosts \*\.freight\.example \(spec\.allow\.redirectHosts\); use one of these.* or ask the platform team`)
	if out, err := d.TryKubectl(t.Context(), "", "get", "secret", "-n", dom.namespace, "app-oauth"); err == nil {
		t.Errorf("a client that is refused has a Secret: %s", out)
	}

	// Fixed, accepted, used.
	d.Apply(t, app("https://reports.freight.example/cb"))
	d.Await(t, dom.namespace, "app", "Ready")
	first := credentialsOf(t, d, dom.namespace, "app-oauth")
	slow, stop := consume(t, first)
	used := func(what string, c credentials) {
		t.Helper()
		from := slow.asks(c.secret)
		demo.Eventually(t, soon, "the app gets tokens with "+what, func() error {
			if slow.asks(c.secret) < from+5 {
				return fmt.Errorf("not yet; what failed: %q", slow.failures())
			}
			return nil
		})
	}
	used("the first secret", first)

	// Two rotations. The app reads its Secret long after each of them.
	rotate := func(request string, before credentials) credentials {
		t.Helper()
		d.Kubectl(t, "annotate", "oauthclient", "-n", dom.namespace, "app", "--overwrite", "grantkeeper.dev/rotate="+request)
		now := anotherSecret(t, dom.namespace, "app-oauth", before, soon)
		gets(t, d, now) // whoever reads the new one at once can use it at once
		used("the secret before", before)
		return now
	}
	second := rotate("1", first)
	saysLate(t, dom.namespace, 2)
	slow.use(second)
	used("the second secret", second)
	third := rotate("2", second)
	gets(t, d, first) // the overlap of the first goes on
	slow.use(third)
	used("the third secret", third)
	if failed := stop(); len(failed) > 0 {
		t.Errorf("%d requests failed, the first with %s", len(failed), failed[0])
	}

	// A leaked secret ends at once.
	d.Kubectl(t, "annotate", "oauthclient", "-n", dom.namespace, "app", "--overwrite", "grantkeeper.dev/rotate=3", "grantkeeper.dev/rotate-overlap=0s")
	fourth := anotherSecret(t, dom.namespace, "app-oauth", third, soon)
	refused(t, d, cutOff, third)
	gets(t, d, fourth)

	// The policy is tightened: cut off within 2 s, and back when it is loosened.
	dom.boundary(t, "other.freight.example")
	refused(t, d, cutOff, fourth)
	saysNot(t, dom.namespace, "app", "Accepted", "PolicyRefused", `reports\.freight\.example.*policy freight`)
	dom.boundary(t, `"*.freight.example"`)
	demo.Eventually(t, cutOff, "the client gets tokens again", func() error {
		a, err := post(t.Context(), d, "/v1/token", &fourth, clientCredentials)
		if err == nil && a.Status != 200 {
			err = errors.New(a.Body)
		}
		return err
	})
	d.Await(t, dom.namespace, "app", "Ready")

	// A bad edit while it is in use: what was accepted last goes on being served.
	busy, stop := consume(t, fourth)
	slow = busy
	d.Apply(t, app("https://freight.partner.example/cb"))
	saysNot(t, dom.namespace, "app", "Accepted", "PolicyRefused", `freight\.partner\.example`)
	saysNot(t, dom.namespace, "app", "Programmed", "ServingLastAccepted", `generation [0-9]+.* is still served`)
	used("the last accepted registration", fourth)
	if failed := stop(); len(failed) > 0 {
		t.Errorf("%d requests failed during the bad edit, the first with %s", len(failed), failed[0])
	}
}

// saysLate waits until the status says that the secret before is still in use, and by when it ends.
func saysLate(t *testing.T, namespace string, secrets int) {
	t.Helper()
	took := demo.Eventually(t, demo.Patience(90*time.Second), "the status says who is late", func() error {
		s := world.Client(t, namespace, "app").Status.Secrets
		if len(s) != secrets || s[1].RetiresAt == nil || s[1].LastUsed == nil || time.Until(s[1].RetiresAt.Time) < 23*time.Hour {
			return errors.New("it says " + strconv.Quote(fmt.Sprintf("%+v", s)))
		}
		return nil
	})
	t.Logf("the use of the secret before is in the status after %v", took.Round(time.Second))
}
