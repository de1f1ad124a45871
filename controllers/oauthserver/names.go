package oauthserver

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/grantkeeper/grantkeeper/api/v1alpha1"
	"github.com/grantkeeper/grantkeeper/controllers/internal/owned"
)

// The labels of what belongs to one server, as Kubernetes recommends them.
const (
	labelName      = "app.kubernetes.io/name"
	labelInstance  = "app.kubernetes.io/instance"
	labelComponent = "app.kubernetes.io/component"
)

// Ports of the server's container.
const (
	httpPort       = 8080
	operationsPort = 8081
)

// maxName is how long the name of a Service may be (RFC 1035).
const maxName = 63

// workloadName is the name of every object of a server's workload: "oauth-" and the server's name where that makes a
// name that every kind takes, else a readable part of it and a hash.
func workloadName(server string) string {
	name := "oauth-" + server
	if len(name) <= maxName && !strings.Contains(name, ".") {
		return name
	}
	sum := sha256.Sum256([]byte(server))
	suffix := "-" + hex.EncodeToString(sum[:5])
	name = strings.ReplaceAll(name, ".", "-")
	if len(name) > maxName-len(suffix) {
		name = name[:maxName-len(suffix)]
	}
	return strings.TrimRight(name, "-") + suffix
}

// selector is the labels by which the workload finds its Pods.
func selector(s *v1alpha1.OAuthServer) map[string]string {
	return map[string]string{labelName: "grantkeeper-server", labelInstance: s.Name}
}

// labels is what every object of the workload carries.
func labels(s *v1alpha1.OAuthServer) map[string]string {
	l := selector(s)
	l[labelComponent] = "authorization-server"
	l[owned.LabelManagedBy] = owned.ManagedBy
	return l
}

func owner(s *v1alpha1.OAuthServer) *metav1ac.OwnerReferenceApplyConfiguration {
	return owned.ApplyReference(s, owned.KindServer)
}
