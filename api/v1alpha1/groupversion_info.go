package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of every kind in this package.
var GroupVersion = schema.GroupVersion{Group: "grantkeeper.dev", Version: "v1alpha1"}

// SchemeGroupVersion is GroupVersion under the name that the generated apply configurations call it by.
var SchemeGroupVersion = GroupVersion

// AddToScheme registers the kinds.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion,
		&OAuthServer{}, &OAuthServerList{},
		&OAuthClient{}, &OAuthClientList{},
		&OAuthGrantPolicy{}, &OAuthGrantPolicyList{},
		&OAuthResource{}, &OAuthResourceList{},
		&OAuthIdentityProvider{}, &OAuthIdentityProviderList{},
	)
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
