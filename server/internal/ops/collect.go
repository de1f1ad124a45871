package ops

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grantkeeper/grantkeeper/internal/registration"
	"github.com/grantkeeper/grantkeeper/server/internal/registry"
)

// registryCollector shows the registry as it is when it is asked.
type registryCollector struct {
	registry *registry.Registry
	now      func() time.Time
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// desc are the descriptions of what registryCollector shows.
func desc() (d struct{ clients, refused, documents, rejected, age, version, keyAge *prometheus.Desc }) {
	d.clients = describe("grantkeeper_registry_clients", "Clients that are registered.")
	d.refused = describe("grantkeeper_registry_clients_refused", "Clients that are registered and cut off by their policy.")
	d.documents = describe("grantkeeper_registry_documents", "Documents that were read, by kind.", "kind")
	d.rejected = describe("grantkeeper_registry_documents_rejected", "Documents that are there and cannot be read.")
	d.age = describe("grantkeeper_registry_age_seconds", "How long ago the source of registrations was last heard from.")
	d.version = describe("grantkeeper_registry_version", "The highest resourceVersion that is served.")
	d.keyAge = describe("grantkeeper_signing_key_age_seconds", "How long the active signing key has been active, by algorithm.", "algorithm")
	return d
}

// Describe lists everything that Collect may yield.
func (c *registryCollector) Describe(out chan<- *prometheus.Desc) {
	d := desc()
	for _, one := range []*prometheus.Desc{d.clients, d.refused, d.documents, d.rejected, d.age, d.version, d.keyAge} {
		out <- one
	}
}

// Collect reads one snapshot.
func (c *registryCollector) Collect(out chan<- prometheus.Metric) {
	d, s, now := desc(), c.registry.Current(), c.now()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(d.clients, float64(s.Clients()))
	gauge(d.refused, float64(s.Refused()))
	gauge(d.rejected, float64(len(s.Rejected())))
	documents := s.Documents()
	for _, kind := range []registration.Kind{registration.KindServer, registration.KindClient, registration.KindPolicy,
		registration.KindResource, registration.KindIdentityProvider, registration.KindKeys} {
		gauge(d.documents, float64(documents[kind]), string(kind))
	}
	if !s.PublishedAt().IsZero() {
		gauge(d.age, max(0, now.Sub(s.PublishedAt()).Seconds()))
	}
	if version, err := strconv.ParseFloat(s.Version(), 64); err == nil {
		gauge(d.version, version)
	}
	if keys := s.Keys(); keys != nil {
		seen := make(map[string]bool)
		for _, k := range keys.Signing {
			if k.State == registration.KeyActive && !seen[k.Algorithm] {
				seen[k.Algorithm] = true
				gauge(d.keyAge, max(0, now.Sub(k.ActiveAt).Seconds()), k.Algorithm)
			}
		}
	}
}
