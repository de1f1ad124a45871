package ops

import (
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grantkeeper/grantkeeper/server/internal/oauth"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// other is the label of what has none of its own.
const other = "other"

// MetricsConfig says where the server's metrics are registered and what they look at.
type MetricsConfig struct {
	// Metrics is the one that [Config] has, too.
	Metrics prometheus.Registerer
	// Registry is shown in gauges, and followed for how long changes take.
	Registry *registry.Registry
	// Clock gives the time that ages are counted to; nil means time.Now.
	Clock func() time.Time
}

// Metrics counts what the server does. Every child of a metric is resolved before requests come in, so that counting is
// an atomic addition without look-up of labels, lock or allocation.
type Metrics struct {
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	issued    map[string]prometheus.Counter // by grant type; read only
	refused   map[string]prometheus.Counter // by error code; read only
	logouts   map[string]prometheus.Counter // by result; read only
	lag       prometheus.Histogram
	storage   storageMetrics

	mu        sync.Mutex
	endpoints map[string]*Endpoint
}

// NewMetrics registers the server's metrics. The error is that of a name registered twice.
func NewMetrics(c MetricsConfig) (*Metrics, error) {
	if c.Clock == nil {
		c.Clock = time.Now
	}
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "grantkeeper_http_requests_total", Help: "Requests answered, by endpoint, method and status code.",
		}, []string{"endpoint", "method", "code"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "grantkeeper_http_request_duration_seconds", Help: "How long answering took, by endpoint.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"endpoint"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "grantkeeper_registry_publish_lag_seconds", Help: "How long changes of registrations waited, once received, to be served.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1},
		}),
		storage:   newStorageMetrics(),
		endpoints: make(map[string]*Endpoint),
	}
	issued := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "grantkeeper_tokens_issued_total", Help: "Token responses, by grant type.",
	}, []string{"grant_type"})
	m.issued = children(issued, oauth.GrantTypeClientCredentials, oauth.GrantTypeRefreshToken, oauth.GrantTypeDeviceCode)
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "grantkeeper_oauth_errors_total", Help: "Refused requests of the token, device authorization, revocation and introspection endpoints, by error code.",
	}, []string{"error"})
	m.refused = children(refused, "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type",
		"invalid_scope", "invalid_target", "access_denied", "authorization_pending", "slow_down", "expired_token", "invalid_token",
		"insufficient_scope", "temporarily_unavailable", "server_error")
	logouts := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "grantkeeper_logout_deliveries_total", Help: "Attempts to tell clients of logouts, by result: delivered, retried, refused by the client, or given up.",
	}, []string{"result"})
	m.logouts = children(logouts, "delivered", "retried", "refused", "dropped")
	err := register(c.Metrics, m.requests, m.durations, m.lag, issued, refused, logouts, m.storage.durations, m.storage.failures,
		&registryCollector{registry: c.Registry, now: c.Clock})
	if err != nil {
		return nil, err
	}
	c.Registry.OnChange(func(_, after *registry.Snapshot) {
		if lag := after.Lag(); lag > 0 {
			m.lag.Observe(lag.Seconds())
		}
	})
	return m, nil
}

// children resolves the counters of the values, and that of all others.
func children(v *prometheus.CounterVec, values ...string) map[string]prometheus.Counter {
	m := map[string]prometheus.Counter{other: v.WithLabelValues(other)}
	for _, value := range values {
		m[value] = v.WithLabelValues(value)
	}
	return m
}

func count(m map[string]prometheus.Counter, value string) {
	c, ok := m[value]
	if !ok {
		c = m[other]
	}
	c.Inc()
}

// TokenIssued counts a successful answer of the token endpoint.
func (m *Metrics) TokenIssued(grantType string) { count(m.issued, grantType) }

// Refused counts a protocol error (RFC 6749 section 5.2 and its kin) by its code.
func (m *Metrics) Refused(code string) { count(m.refused, code) }

// LogoutTold counts an attempt to tell a client of a logout (OpenID Connect Back-Channel Logout) by its result.
func (m *Metrics) LogoutTold(result string) { count(m.logouts, result) }

// Endpoint returns the metrics of an endpoint; several routes may share one. Get it when routes are made, not on requests.
func (m *Metrics) Endpoint(name string) *Endpoint {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.endpoints[name]
	if !ok {
		duration := m.durations.WithLabelValues(name)
		e = &Endpoint{duration: duration, resolve: func(method, code string) prometheus.Counter {
			return m.requests.WithLabelValues(name, method, code)
		}}
		m.endpoints[name] = e
	}
	return e
}

// Endpoint counts the requests of one endpoint.
type Endpoint struct {
	duration prometheus.Observer
	resolve  func(method, code string) prometheus.Counter
	counters [methodCount][codeCount]atomic.Pointer[prometheus.Counter]
}

// Observe counts one request. Its signature is that of edge.Observe's observer. A child is resolved the first time that its
// method and status come up, and found by index afterwards.
func (e *Endpoint) Observe(method string, status int, took time.Duration) {
	m, methodLabel := methodIndex(method)
	c, codeLabel := codeIndex(status)
	slot := &e.counters[m][c]
	counter := slot.Load()
	if counter == nil {
		resolved := e.resolve(methodLabel, codeLabel)
		counter = &resolved
		slot.Store(counter)
	}
	(*counter).Inc()
	e.duration.Observe(took.Seconds())
}

// methodCount and codeCount are one more than the highest index that methodIndex and codeIndex give.
const methodCount, codeCount = 5, 17

// methodIndex keeps made-up methods from becoming labels.
func methodIndex(method string) (int, string) {
	switch method {
	case http.MethodGet:
		return 1, method
	case http.MethodHead:
		return 2, method
	case http.MethodPost:
		return 3, method
	case http.MethodOptions:
		return 4, method
	default:
		return 0, other
	}
}

// codeIndex tells the status codes apart that this server gives.
func codeIndex(status int) (int, string) {
	switch status {
	case http.StatusOK:
		return 1, "200"
	case http.StatusNoContent:
		return 2, "204"
	case http.StatusSeeOther:
		return 3, "303"
	case http.StatusNotModified:
		return 4, "304"
	case http.StatusBadRequest:
		return 5, "400"
	case http.StatusUnauthorized:
		return 6, "401"
	case http.StatusForbidden:
		return 7, "403"
	case http.StatusNotFound:
		return 8, "404"
	case http.StatusMethodNotAllowed:
		return 9, "405"
	case http.StatusRequestEntityTooLarge:
		return 10, "413"
	case http.StatusRequestURITooLong:
		return 11, "414"
	case http.StatusUnsupportedMediaType:
		return 12, "415"
	case http.StatusMisdirectedRequest:
		return 13, "421"
	case http.StatusTooManyRequests:
		return 14, "429"
	case http.StatusInternalServerError:
		return 15, "500"
	case http.StatusServiceUnavailable:
		return 16, "503"
	default:
		return 0, other
	}
}
