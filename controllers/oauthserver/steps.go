package oauthserver

import (
	"context"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/document"
	"github.com/grantkeeper/grantkeeper/controllers/internal/replica"
	"github.com/grantkeeper/grantkeeper/controllers/internal/status"
	"github.com/grantkeeper/grantkeeper/internal/compile"
	"github.com/grantkeeper/grantkeeper/internal/registration"
)

// takenRetry is how often a name that somebody else uses is tried again, since no event says when it is free.
const takenRetry = 30 * time.Second

// run is one reconciliation of one server.
type run struct {
	*Reconciler
	server *v1alpha1.OAuthServer
	marks  *status.Conditions
	now    time.Time

	accepted bool
	document *registration.Server
	// clusterAway is true when the cluster's keys could not be read.
	clusterAway bool
	// version is what a replica must have loaded to serve the settings as they are; empty when there are none.
	version    string
	deployment appsv1.Deployment
	nameTaken  string
	wake       time.Time
}

func (r *Reconciler) begin(s *v1alpha1.OAuthServer, marks *status.Conditions) status.Run {
	x := &run{Reconciler: r, server: s, marks: marks, now: r.clock()}
	return status.Run{
		Steps: []status.Step{x.accept, x.keys, x.publish, x.rollOut, x.replicas, x.count},
		Wake:  func() time.Time { return x.wake },
	}
}

// accept has the server compiled, and marks Accepted. When an edit is refused, what was accepted before goes on: taking
// every client down is never what somebody meant who made a mistake in one field.
func (x *run) accept(ctx context.Context) error {
	var servers v1alpha1.OAuthServerList
	if err := x.List(ctx, &servers); err != nil {
		return status.Failed(err, "list OAuthServers")
	}
	d, findings := compile.Server(x.server, servers.Items)
	if len(findings) > 0 {
		x.marks.False(v1alpha1.ConditionAccepted, findings[0].Reason, "%s", document.Join(findings))
		return nil
	}
	x.accepted, x.document = true, d
	x.marks.True(v1alpha1.ConditionAccepted, v1alpha1.ReasonAccepted, "Issuer %s is accepted.%s%s", x.server.Spec.Issuer, advice(x.server),
		x.serviceAccounts(ctx))
	return nil
}

// advice is what is allowed and yet seldom meant: behind an Ingress every request comes from its address, so that limits per
// address would be limits for everybody together.
func advice(s *v1alpha1.OAuthServer) string {
	e := s.Spec.Expose
	if e == nil || e.Ingress == nil || len(e.TrustedProxies) > 0 {
		return ""
	}
	return " Set spec.expose.trustedProxies to the network of the Ingress controller: without it all callers share one address in limits and on the pages."
}

// publish writes the settings, once there are keys to serve them with.
func (x *run) publish(ctx context.Context) error {
	if !x.accepted || !x.marks.IsTrue(v1alpha1.ConditionKeysReady) {
		return nil
	}
	owner := client.ObjectKeyFromObject(x.server)
	found, err := x.store.Find(ctx, registration.KindServer, owner, owner.Namespace)
	if err != nil {
		return err
	}
	x.keepAccounts(found)
	x.version, err = x.store.Put(ctx, x.server, x.document, owner, found)
	if err == nil {
		// Before the Leases are read, so that one that moves in between is not missed.
		x.waiting.Add(owner, owner, x.version, x.now)
	}
	return err
}

// replicas reads who is alive, and marks Deployed. Leases tell, not the Deployment: a Pod that runs and does not load
// anything is no server, and where replicas run without a Deployment they are servers all the same.
func (x *run) replicas(ctx context.Context) error {
	live, err := replica.Of(ctx, x.Client, client.ObjectKeyFromObject(x.server), x.now)
	if err != nil {
		return status.Failed(err, "read the Leases of OAuthServer %s/%s", x.server.Namespace, x.server.Name)
	}
	x.server.Status.Replicas = int32(min(len(live.Loaded), 1<<20)) //nolint:gosec // bounded
	x.wake = status.Earliest(x.wake, live.Until)
	switch {
	case x.nameTaken != "":
		x.wake = status.Earliest(x.wake, x.now.Add(takenRetry))
		x.marks.False(v1alpha1.ConditionDeployed, v1alpha1.ReasonInvalid,
			"An object named %s exists that the operator did not make; delete or rename it, or give the OAuthServer another name.", x.nameTaken)
	case len(live.Loaded) == 0 && x.deploy && x.accepted:
		x.marks.False(v1alpha1.ConditionDeployed, v1alpha1.ReasonDeploying,
			"Deployment %s has %d Pods, %d of them available; none reports as a replica yet.",
			workloadName(x.server.Name), x.deployment.Status.Replicas, x.deployment.Status.AvailableReplicas)
	case len(live.Loaded) == 0:
		x.marks.False(v1alpha1.ConditionDeployed, v1alpha1.ReasonNoReplica, "No replica is running.")
	case !rolledOut(&x.deployment):
		x.marks.False(v1alpha1.ConditionDeployed, v1alpha1.ReasonDeploying, "Deployment %s is being rolled out.", workloadName(x.server.Name))
	default:
		x.marks.True(v1alpha1.ConditionDeployed, v1alpha1.ReasonDeployed, "%d of 1 replicas are running.", len(live.Loaded))
	}
	if behind := live.Behind(x.version); x.version != "" && behind > 0 {
		x.marks.Hold(v1alpha1.ReasonNotServed, "%d of %d replicas have not loaded the settings yet.", behind, len(live.Loaded))
	} else if len(live.Loaded) > 0 {
		x.waiting.Done(client.ObjectKeyFromObject(x.server))
	}
	return nil
}

// count fills in the rest of the status.
func (x *run) count(ctx context.Context) error {
	x.server.Status.Storage = "SQLite"
	name := client.ObjectKeyFromObject(x.server)
	n, err := x.store.Count(ctx, registration.KindClient, name)
	clients := int32(min(n, 1<<30)) //nolint:gosec // bounded
	if err != nil || clients == x.server.Status.Clients {
		return err
	}
	wait, due := x.counted.Due(name, x.now)
	if due {
		x.server.Status.Clients = clients
	}
	x.wake = status.Earliest(x.wake, wait)
	return nil
}
