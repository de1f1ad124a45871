package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AnnotationDefaultServer, with the value "true" on an OAuthServer, makes it the server of clients that name none.
const AnnotationDefaultServer = "grantkeeper.dev/is-default"

// OAuthServerSpec is one issuer.
//
// +kubebuilder:validation:XValidation:rule=`!has(self.expose) || !has(self.expose.ingress) || self.issuer.matches(r'^https://([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?([:/]|$)')`,message="expose.ingress needs an issuer that is https with a host name; change issuer or remove expose.ingress",fieldPath=".expose"
type OAuthServerSpec struct {
	// issuer is the issuer identifier (RFC 8414 section 2): https, or http on loopback; no trailing slash, query or fragment.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^(https://|http://([^/?#]*@)?(127\.0\.0\.1|\[::1\]|localhost)([:/?#]|$))')`,message="issuer must begin with https://; http:// is for 127.0.0.1, [::1] and localhost only"
	// +kubebuilder:validation:XValidation:rule=`!self.endsWith('/')`,message="issuer must not end with a slash; remove it"
	// +kubebuilder:validation:XValidation:rule=`!self.contains('?') && !self.contains('#')`,message="issuer must not have a query or a fragment; remove everything from ? or # on"
	// +kubebuilder:validation:XValidation:rule=`!self.contains('@')`,message="issuer must not have userinfo; remove the part up to @"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z]+://([^/?#]*@)?(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])([:/?#]|$)')`,message="issuer must name a host in lower case, an international name as xn--…, or an address in its canonical form"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[^/]*//[^/?#]*(/[A-Za-z0-9._~-]+)*/?([?#].*)?$') && !self.matches(r'/\.\.?(/|$)')`,message="issuer must have a path of plain segments: letters, digits and . _ ~ -, neither . nor .."
	// +kubebuilder:validation:XValidation:rule=`(!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')) && !self.matches(r'^(https://[^/]*:443|http://[^/]*:80)(/|$)')`,message="issuer must have a port from 1 to 65535; leave out 443 of https and 80 of http, as clients do"
	Issuer string `json:"issuer"`
	// displayName is what pages call the service; the issuer's host when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="displayName must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	DisplayName string `json:"displayName,omitempty"`
	// storage is where grants and tokens are kept; SQLite on a volume of 1Gi when absent.
	// +optional
	// +kubebuilder:default={sqlite: {}}
	Storage *ServerStorage `json:"storage,omitempty"`
	// expose says how the server is reached from outside; not at all when absent.
	// +optional
	Expose *ServerExposure `json:"expose,omitempty"`
	// clients says which namespaces may attach clients; all of them when absent, each bounded by the policies.
	// +optional
	Clients *ServerClients `json:"clients,omitempty"`
	// signingKeys configures the rotation of signing keys.
	// +optional
	// +kubebuilder:default={}
	SigningKeys *ServerSigningKeys `json:"signingKeys,omitempty"`
	// device configures the device authorization grant (RFC 8628).
	// +optional
	// +kubebuilder:default={}
	Device *ServerDevice `json:"device,omitempty"`
	// compatibility loosens the standards for clients that need it.
	// +optional
	// +kubebuilder:default={}
	Compatibility *ServerCompatibility `json:"compatibility,omitempty"`
	// backChannelLogout says where apps may be told of logouts (OpenID Connect Back-Channel Logout).
	// +optional
	// +kubebuilder:default={}
	BackChannelLogout *ServerBackChannelLogout `json:"backChannelLogout,omitempty"`
	// branding is how pages look; the look of the project when absent.
	// +optional
	Branding *ServerBranding `json:"branding,omitempty"`
}

// ServerBranding is how pages look.
type ServerBranding struct {
	// logo is a picture of at most 32 KiB as a data URI in base64, image/svg+xml or image/png.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=43720
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^data:image/(svg[+]xml|png);base64,[A-Za-z0-9+/]+={0,2}$')`,message="logo must be a data URI of at most 32 KiB: data:image/svg+xml;base64, or data:image/png;base64, and the picture in base64"
	Logo string `json:"logo,omitempty"`
	// accent is the colour of buttons and links in light mode, such as "#175e54". Text has to be readable on it and in it: the
	// contrast with white is at least 4.5:1 (WCAG 2.2).
	// +optional
	// +kubebuilder:validation:MaxLength=7
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^#[0-9a-fA-F]{6}$')`,message="accent must be a colour of six hexadecimal digits, such as #175e54"
	Accent string `json:"accent,omitempty"`
	// accentDark is the same in dark mode, such as "#5cc9b5"; the contrast with the dark background is at least 4.5:1.
	// +optional
	// +kubebuilder:validation:MaxLength=7
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^#[0-9a-fA-F]{6}$')`,message="accentDark must be a colour of six hexadecimal digits, such as #5cc9b5"
	AccentDark string `json:"accentDark,omitempty"`
}

// ServerStorage is where a server keeps its data; SQLite on a volume.
//
// +kubebuilder:validation:XValidation:rule=`has(self.sqlite)`,message="storage needs exactly one engine; set sqlite, or remove storage for the default"
type ServerStorage struct {
	// sqlite keeps the data in one file on a volume, for one replica.
	// +optional
	SQLite *SQLiteStorage `json:"sqlite,omitempty"`
}

// SQLiteStorage configures the volume.
//
// +kubebuilder:validation:XValidation:rule=`has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)`,message="storageClassName is immutable, adding and removing it included; delete the OAuthServer and create it again",fieldPath=".storageClassName"
type SQLiteStorage struct {
	// size of the volume; 1Gi when absent. It may grow, if the storage class lets it, and never shrink.
	// +optional
	// +kubebuilder:default="1Gi"
	// +kubebuilder:validation:XValidation:rule=`isQuantity(string(self)) && quantity(string(self)).isGreaterThan(quantity('0'))`,message="size must be a quantity above zero, such as 1Gi"
	// +kubebuilder:validation:XValidation:rule=`!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity(string(oldSelf))) >= 0`,message="size must not shrink, because a volume cannot; restore the old size or choose a larger one"
	Size *resource.Quantity `json:"size,omitempty"`
	// storageClassName of the volume; the cluster's default when absent. Immutable.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="storageClassName must be the name of an object: lower-case letters, digits, - and ."
	StorageClassName *string `json:"storageClassName,omitempty"`
}

// ServerExposure is how a server is reached.
type ServerExposure struct {
	// ingress makes an Ingress for the issuer's host; the issuer has to be https with a host name.
	// +optional
	Ingress *IngressExposure `json:"ingress,omitempty"`
	// trustedProxies are the networks, in CIDR form, of the proxies whose X-Forwarded-For is believed, for limits and for
	// what people are shown of where a request came from. It never changes the issuer.
	// +optional
	// +kubebuilder:validation:MaxItems=64
	// +listType=set
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=43
	// +kubebuilder:validation:items:XValidation:rule=`isCIDR(self) && cidr(self).masked() == cidr(self)`,message="trustedProxies: must be a network such as 10.0.0.0/8 or fd00::/8 with no bits behind the prefix; a single address is 192.0.2.1/32"
	// +kubebuilder:validation:items:XValidation:rule=`!isCIDR(self) || cidr(self).prefixLength() > 0`,message="trustedProxies: must not be every address there is; name the networks of the proxies"
	TrustedProxies []string `json:"trustedProxies,omitempty"`
}

// IngressExposure configures the Ingress.
type IngressExposure struct {
	// className of the Ingress; the cluster's default when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="className must be the name of an object: lower-case letters, digits, - and ."
	ClassName *string `json:"className,omitempty"`
	// annotations of the Ingress.
	// +optional
	// +kubebuilder:validation:MaxProperties=64
	Annotations map[string]string `json:"annotations,omitempty"`
	// tlsSecretName is a Secret with a certificate for the issuer's host; the Ingress controller's default certificate when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="tlsSecretName must be the name of an object: lower-case letters, digits, - and ."
	TLSSecretName string `json:"tlsSecretName,omitempty"`
}

// ServerClients says who may attach clients.
type ServerClients struct {
	// namespaceSelector selects the namespaces by their labels.
	// +optional
	// +kubebuilder:validation:XValidation:rule=`!has(self.matchExpressions) || self.matchExpressions.all(e, e.operator in ['In', 'NotIn'] ? has(e.values) && e.values.size() > 0 : e.operator in ['Exists', 'DoesNotExist'] && (!has(e.values) || e.values.size() == 0))`,message="namespaceSelector.matchExpressions: operator must be In or NotIn with values, or Exists or DoesNotExist without"
	NamespaceSelector *metav1.LabelSelector `json:"namespaceSelector,omitempty"`
}

// ServerSigningKeys configures rotation.
type ServerSigningKeys struct {
	// rotateEvery is how long a key signs before the next one does, from 1h to 8760h; 720h when absent.
	// +optional
	// +kubebuilder:default="720h"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('1h') && duration(self) <= duration('8760h')`,message="rotateEvery must be a duration from 1h to 8760h in h, m and s, such as 720h"
	RotateEvery *metav1.Duration `json:"rotateEvery,omitempty"`
}

// ServerDevice configures RFC 8628.
type ServerDevice struct {
	// codeTTL is how long a device code lives, from 1m to 15m, which is the default.
	// +optional
	// +kubebuilder:default="15m"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('1m') && duration(self) <= duration('15m')`,message="codeTTL must be a duration from 1m to 15m in h, m and s, such as 15m"
	CodeTTL *metav1.Duration `json:"codeTTL,omitempty"`
	// interval is the least time between two polls, from 1s to 60s; 5s when absent.
	// +optional
	// +kubebuilder:default="5s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=20
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^([0-9]{1,6}[hms])+$') && duration(self) >= duration('1s') && duration(self) <= duration('60s')`,message="interval must be a duration from 1s to 60s in h, m and s, such as 5s"
	Interval *metav1.Duration `json:"interval,omitempty"`
}

// ServerCompatibility holds departures from the standards that some clients need.
type ServerCompatibility struct {
	// jsonRequestBodies accepts JSON objects where RFC 6749 has form-encoded bodies.
	// +optional
	// +kubebuilder:default=false
	JSONRequestBodies bool `json:"jsonRequestBodies,omitempty"`
}

// ServerBackChannelLogout bounds where the server tells apps of logouts.
type ServerBackChannelLogout struct {
	// allowPrivateAddresses lets the server call addresses of private networks, such as those of Services of the cluster. Where
	// it calls is the word of app teams: set it only where the network lets the server reach nothing that they cannot reach.
	// Addresses of the machine itself and of metadata services are never called.
	// +optional
	// +kubebuilder:default=false
	AllowPrivateAddresses bool `json:"allowPrivateAddresses,omitempty"`
}

// OAuthServerStatus is what became of the server.
type OAuthServerStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// replicas is how many replicas are ready.
	// +optional
	Replicas int32 `json:"replicas,omitempty"`
	// clients is how many clients are registered.
	// +optional
	Clients int32 `json:"clients,omitempty"`
	// storage is the storage engine in use.
	// +optional
	Storage string `json:"storage,omitempty"`
	// signingKeys lists the published keys by id.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MaxItems=64
	SigningKeys []SigningKeyStatus `json:"signingKeys,omitempty"`
	// activeKeySince is when the active signing key began to sign.
	// +optional
	ActiveKeySince *metav1.Time `json:"activeKeySince,omitempty"`
	// conditions are Ready, Accepted, KeysReady, Deployed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// SigningKeyStatus describes one signing key.
type SigningKeyStatus struct {
	// id is the key's kid.
	// +required
	ID string `json:"id"`
	// algorithm is ES256 or RS256.
	// +required
	// +kubebuilder:validation:Enum=ES256;RS256
	Algorithm string `json:"algorithm"`
	// state is Next, Active or Retired.
	// +required
	// +kubebuilder:validation:Enum=Next;Active;Retired
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
// +kubebuilder:selectablefield:JSONPath=`.spec.issuer`
// +kubebuilder:printcolumn:name="Issuer",type=string,description="The issuer identifier",JSONPath=`.spec.issuer`
// +kubebuilder:printcolumn:name="Ready",type=string,description="Whether it does its work now",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Replicas",type=integer,description="Replicas that are ready",JSONPath=`.status.replicas`
// +kubebuilder:printcolumn:name="Clients",type=integer,description="Clients that are registered",JSONPath=`.status.clients`
// +kubebuilder:printcolumn:name="Storage",type=string,description="Where grants and tokens are kept",JSONPath=`.status.storage`
// +kubebuilder:printcolumn:name="Key-Age",type=date,description="How long the active signing key has signed",JSONPath=`.status.activeKeySince`
// +kubebuilder:printcolumn:name="Age",type=date,description="How long it has been there",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Reason",type=string,priority=1,description="Why it is, or is not, ready",JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,description="The same in words",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule=`self.metadata.name.matches(r'^[a-z]([-a-z0-9]{0,38}[a-z0-9])?$')`,message="metadata.name must begin with a letter, have lower-case letters, digits and - only, and at most 40 of them, because a Service and other objects are named after it"
type OAuthServer struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is what the platform team declares.
	// +required
	Spec OAuthServerSpec `json:"spec"`
	// status is what became of it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Accepted", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "KeysReady", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Deployed", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status OAuthServerStatus `json:"status,omitempty"`
}

// OAuthServerList is a list of OAuthServers.
// +kubebuilder:object:root=true
type OAuthServerList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthServer `json:"items"`
}
