package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AnnotationDefaultServer, with the value "true" on an OAuthServer, makes it the server of clients that name none.
const AnnotationDefaultServer = "grantkeeper.dev/is-default"

// OAuthServerSpec is one issuer.
type OAuthServerSpec struct {
	// issuer is the issuer identifier (RFC 8414 section 2): https, or http on loopback; no trailing slash, query or fragment.
	// +required
	Issuer string `json:"issuer"`
	// displayName is what pages call the service; the issuer's host when absent.
	// +optional
	DisplayName string `json:"displayName,omitempty"`
	// storage is where grants and tokens are kept.
	// +optional
	Storage *ServerStorage `json:"storage,omitempty"`
	// expose says how the server is reached from outside; not at all when absent.
	// +optional
	Expose *ServerExposure `json:"expose,omitempty"`
	// clients says which namespaces may attach clients; all of them when absent, each bounded by the policies.
	// +optional
	Clients *ServerClients `json:"clients,omitempty"`
	// signingKeys configures the rotation of signing keys.
	// +optional
	SigningKeys *ServerSigningKeys `json:"signingKeys,omitempty"`
	// device configures the device authorization grant (RFC 8628).
	// +optional
	Device *ServerDevice `json:"device,omitempty"`
	// compatibility loosens the standards for clients that need it.
	// +optional
	Compatibility *ServerCompatibility `json:"compatibility,omitempty"`
}

// ServerStorage is where a server keeps its data; SQLite on a volume.
type ServerStorage struct {
	// sqlite keeps the data in one file on a volume, for one replica.
	// +optional
	SQLite *SQLiteStorage `json:"sqlite,omitempty"`
}

// SQLiteStorage configures the volume.
type SQLiteStorage struct {
	// size of the volume; 1Gi when absent.
	// +optional
	Size *resource.Quantity `json:"size,omitempty"`
	// storageClassName of the volume; the cluster's default when absent.
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`
}

// ServerExposure is how a server is reached.
type ServerExposure struct {
	// ingress makes an Ingress for the issuer's host.
	// +optional
	Ingress *IngressExposure `json:"ingress,omitempty"`
	// trustedProxies are the networks, in CIDR form, of the proxies whose X-Forwarded-For is believed, for limits and for
	// what people are shown of where a request came from. It never changes the issuer.
	// +optional
	TrustedProxies []string `json:"trustedProxies,omitempty"`
}

// IngressExposure configures the Ingress.
type IngressExposure struct {
	// className of the Ingress; the cluster's default when absent.
	// +optional
	ClassName *string `json:"className,omitempty"`
	// annotations of the Ingress.
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
	// tlsSecretName is a Secret with a certificate for the issuer's host; the Ingress controller's default certificate when absent.
	// +optional
	TLSSecretName string `json:"tlsSecretName,omitempty"`
}

// ServerClients says who may attach clients.
type ServerClients struct {
	// namespaceSelector selects the namespaces by their labels.
	// +optional
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}

// ServerSigningKeys configures rotation.
type ServerSigningKeys struct {
	// rotateEvery is how long a key signs before the next one does; 720h when absent.
	// +optional
	RotateEvery *metav1.Duration `json:"rotateEvery,omitempty"`
}

// ServerDevice configures RFC 8628.
type ServerDevice struct {
	// codeTTL is how long a device code lives, at most 15m, which is the default.
	// +optional
	CodeTTL *metav1.Duration `json:"codeTTL,omitempty"`
	// interval is the least time between two polls; 5s when absent.
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`
}

// ServerCompatibility holds departures from the standards that some clients need.
type ServerCompatibility struct {
	// jsonRequestBodies accepts JSON objects where RFC 6749 has form-encoded bodies.
	// +optional
	JSONRequestBodies bool `json:"jsonRequestBodies,omitempty"`
}

// OAuthServerStatus is what became of the server.
type OAuthServerStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// replicas that are ready.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// clients that are registered.
	// +optional
	Clients int32 `json:"clients,omitempty"`
	// storage engine.
	// +optional
	Storage string `json:"storage,omitempty"`
	// signingKeys lists the published keys by id.
	// +optional
	// +listType=map
	// +listMapKey=id
	SigningKeys []SigningKeyStatus `json:"signingKeys,omitempty"`
	// activeKeySince is when the active signing key began to sign.
	// +optional
	ActiveKeySince *metav1.Time `json:"activeKeySince,omitempty"`
	// conditions are Ready, Accepted, KeysReady, Deployed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// SigningKeyStatus describes one signing key.
type SigningKeyStatus struct {
	// id is the key's kid.
	// +required
	ID string `json:"id"`
	// algorithm is ES256 or RS256.
	// +required
	Algorithm string `json:"algorithm"`
	// state is Next, Active or Retired.
	// +required
	State string `json:"state"`
	// since is when it entered the state.
	// +required
	Since metav1.Time `json:"since"`
}

// OAuthServer is one OAuth 2.0 authorization server and OpenID Provider: an issuer, its deployment and its keys.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oas,categories=oauth
type OAuthServer struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what the platform team declares.
	// +required
	Spec OAuthServerSpec `json:"spec"`
	// status is what became of it.
	// +optional
	Status OAuthServerStatus `json:"status,omitempty"`
}

// OAuthServerList is a list of OAuthServers.
// +kubebuilder:object:root=true
type OAuthServerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthServer `json:"items"`
}
