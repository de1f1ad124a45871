package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// OAuthResourceSpec is an API that tokens are for.
type OAuthResourceSpec struct {
	// serverRef names the OAuthServer, in the resource's namespace; the only one there when absent.
	// +optional
	ServerRef *LocalServerReference `json:"serverRef,omitempty"`
	// identifier is the resource indicator (RFC 8707) and the audience of tokens: an absolute URI without query or
	// fragment, unique per server. Immutable.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self == oldSelf`,message="identifier is immutable, because tokens carry it; delete the OAuthResource and create it again"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="identifier must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z][a-z0-9+.-]*:(/|%2[Ff])*[^/%]')`,message="identifier must be absolute and begin with a scheme in lower case, such as https://api.example.com or urn:example:api"
	// +kubebuilder:validation:XValidation:rule=`!self.contains('?') && !self.contains('#')`,message="identifier must not have a query or a fragment (RFC 8707 section 2); remove everything from ? or # on"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?:') || self.matches(r'^https?://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])(:[^/?#@]*)?([/?#].*)?$')`,message="identifier with http or https must name a host in lower case, without userinfo"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)') && !self.matches(r'^[^/?#]*//[^/?#]*@')`,message="identifier must have neither . nor .. as a path segment, and no userinfo"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="identifier must have a port from 1 to 65535, or none"
	Identifier string `json:"identifier"`
	// title of the API, shown to people; the identifier when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="title must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Title string `json:"title,omitempty"`
	// scopes of the API. A name belongs to one OAuthResource of a server only.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=200
	Scopes []ResourceScope `json:"scopes,omitempty"`
	// resourceServers are the OAuthClients that serve the API: they may ask whether a token for it is good (RFC 7662).
	// They need a client secret.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	ResourceServers []ClientReference `json:"resourceServers,omitempty"`
	// choices is what people choose among when they let an app in, such as their projects. What they chose is in the
	// token, as authorization_details (RFC 9396). Nothing when absent.
	// +optional
	Choices *ResourceChoices `json:"choices,omitempty"`
}

// ResourceChoices is what people choose among.
type ResourceChoices struct {
	// type of the authorization details (RFC 9396 section 2), such as project.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[A-Za-z0-9_.:/-]+$')`,message="type must have letters, digits and - _ . : / only"
	Type string `json:"type"`
	// title is what the choices are called, such as Projects.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="title must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Title string `json:"title"`
	// source says where the choices come from; exactly one member.
	// +required
	Source ChoicesSource `json:"source"`
}

// ChoicesSource is where choices come from.
//
// +kubebuilder:validation:XValidation:rule=`has(self.url) != has(self.static)`,message="source takes exactly one of url and static"
type ChoicesSource struct {
	// url is where the API lists what a user may choose. The server asks there with a short-lived token of the user.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule=`self.matches(r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%([2-689A-Fa-f][0-9A-Fa-f]|7[0-9A-Ea-e]))+$") && isURL(self)`,message="url must be a URI: percent-encode spaces and other alphabets, write the host as xn--…"
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^(https://(([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)*[a-z]([-a-z0-9]{0,61}[a-z0-9])?|(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(\.(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])){3}|\[[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}\])|http://(127\.0\.0\.1|\[::1\]|localhost))(:[^/?#@]*)?([/?][^#]*)?$')`,message="url must begin with https:// and a host name in lower case (http:// is for 127.0.0.1, [::1] and localhost only), without userinfo or fragment"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'(?i)(/|%2f)(\.|%2e){1,2}([/?#;]|%2f|$)')`,message="url must not have . or .. as a path segment; write the path that it leads to"
	// +kubebuilder:validation:XValidation:rule=`!self.matches(r'^https?://') || self.matches(r'^https?://([^/?#]*@)?(\[[^/?#\]]*\]|[^:/?#]*)(:([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?([/?#]|$)')`,message="url must have a port from 1 to 65535, or none"
	URL string `json:"url,omitempty"`
	// static is the list itself, the same for everybody.
	// +optional
	// +listType=map
	// +listMapKey=id
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=200
	// +kubebuilder:validation:XValidation:rule=`self.all(c, !has(c.parent) || self.exists(p, p.id == c.parent && !has(p.parent)))`,message="static: a parent must be the id of an entry that has no parent itself: there are two levels"
	Static []ResourceChoice `json:"static,omitempty"`
}

// ResourceChoice is one thing to choose.
type ResourceChoice struct {
	// id is what the API calls it.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!-~]+$')`,message="id must have visible ASCII characters only, without spaces"
	ID string `json:"id"`
	// title is what people are shown.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="title must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Title string `json:"title"`
	// parent is the id of the entry that this one belongs to, as a project does to an organization. Who chooses the parent
	// chooses all of its children.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	Parent string `json:"parent,omitempty"`
}

// ClientReference names an OAuthClient.
type ClientReference struct {
	// name of the OAuthClient.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="resourceServers: name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name"`
	// namespace of the OAuthClient; the resource's own when absent.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')`,message="resourceServers: namespace must be the name of a namespace: lower-case letters, digits and -"
	Namespace string `json:"namespace,omitempty"`
}

// ResourceScope is one scope, in words.
type ResourceScope struct {
	// name is the scope token (RFC 6749 section 3.3), such as orders.read; not one of OpenID Connect.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=128
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[!#-\[\]-~]+$')`,message="name: a scope has visible ASCII characters only, without space, double quote or backslash (RFC 6749 section 3.3)"
	// +kubebuilder:validation:XValidation:rule=`!(self in ['openid', 'profile', 'email', 'address', 'phone', 'groups', 'offline_access'])`,message="name must not be a scope of OpenID Connect (openid, profile, email, address, phone, groups, offline_access), which belongs to no resource"
	Name string `json:"name"`
	// title says what it allows, as shown to people ("Read your orders").
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="title must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Title string `json:"title"`
	// description says more.
	// +optional
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=500
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[\p{L}\p{M}\p{N}\p{P}\p{S} ]+$') && !self.matches(r'[\x{034F}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180B}-\x{180F}\x{2065}\x{2800}\x{3164}\x{FE00}-\x{FE0F}\x{FFA0}\x{FFF0}-\x{FFF8}\x{E0000}-\x{E0FFF}]') && self == self.trim()`,message="description must be one line of visible text: no control, zero-width or direction-changing characters, no space at either end"
	Description string `json:"description,omitempty"`
	// sensitive scopes are not ticked until people tick them.
	// +optional
	// +kubebuilder:default=false
	Sensitive bool `json:"sensitive,omitempty"`
}

// OAuthResourceStatus is what became of the resource.
type OAuthResourceStatus struct {
	// observedGeneration is the generation that the status speaks of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions are Ready, Accepted, Programmed; Reconciling and Stalled when true.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// OAuthResource is an API that tokens are for: its identifier and its scopes.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=oar,categories=oauth
// +kubebuilder:selectablefield:JSONPath=`.spec.serverRef.name`
// +kubebuilder:selectablefield:JSONPath=`.spec.identifier`
// +kubebuilder:printcolumn:name="Identifier",type=string,description="The audience of tokens",JSONPath=`.spec.identifier`
// +kubebuilder:printcolumn:name="Ready",type=string,description="Whether it does its work now",JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,description="Why it is, or is not, ready",JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,description="How long it has been there",JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:printcolumn:name="Server",type=string,priority=1,description="The OAuthServer that it names",JSONPath=`.spec.serverRef.name`
// +kubebuilder:printcolumn:name="Title",type=string,priority=1,description="What people are shown",JSONPath=`.spec.title`
// +kubebuilder:printcolumn:name="Message",type=string,priority=1,description="The same in words",JSONPath=`.status.conditions[?(@.type=="Ready")].message`
// +kubebuilder:validation:XValidation:rule=`self.metadata.name.size() <= 63`,message="metadata.name must have at most 63 characters; choose a shorter name"
type OAuthResource struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`
	// spec is the API.
	// +required
	Spec OAuthResourceSpec `json:"spec"`
	// status is what became of it.
	// +optional
	// +kubebuilder:default={conditions: {{type: "Ready", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Accepted", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}, {type: "Programmed", status: "Unknown", reason: "Pending", message: "Waiting for the operator", lastTransitionTime: "1970-01-01T00:00:00Z"}}}
	Status OAuthResourceStatus `json:"status,omitempty"`
}

// OAuthResourceList is a list of OAuthResources.
// +kubebuilder:object:root=true
type OAuthResourceList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []OAuthResource `json:"items"`
}
