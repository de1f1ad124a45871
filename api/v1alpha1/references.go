package v1alpha1

// LocalServerReference names an OAuthServer of the same namespace.
type LocalServerReference struct {
	// name of the OAuthServer.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="serverRef.name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name"`
}

// SecretReference names a Secret of the same namespace.
type SecretReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name"`
}

// SecretKeyReference names a key of a Secret of the same namespace.
type SecretKeyReference struct {
	// name of the Secret.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="name must be the name of an object: lower-case letters, digits, - and ."
	Name string `json:"name"`
	// key of the Secret that holds the client secret.
	// +optional
	// +kubebuilder:default="client-secret"
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[-._a-zA-Z0-9]+$')`,message="key must be a key of a Secret: letters, digits and - _ ."
	Key string `json:"key,omitempty"`
}

// LabelReferenced, with the value "true", opts a Secret in to being read by the operator because a manifest names it.
const LabelReferenced = "grantkeeper.dev/referenced"

// ResourceReference names an OAuthResource of the same namespace.
type ResourceReference struct {
	// name of the OAuthResource.
	// +required
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=63
	// +kubebuilder:validation:XValidation:rule=`self.matches(r'^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')`,message="resources: name must be the name of an OAuthResource: lower-case letters, digits, - and ."
	Name string `json:"name"`
}
