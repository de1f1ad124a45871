package oauth

// ClaimsRequest is the claims parameter of an authorization request (OpenID Connect Core section 5.5).
type ClaimsRequest struct {
	UserInfo map[string]ClaimRequest `json:"userinfo,omitempty"`
	IDToken  map[string]ClaimRequest `json:"id_token,omitempty"`
}

// ClaimRequest is one claim that is asked for: voluntary unless Essential, of one of Values when there are any.
type ClaimRequest struct {
	Essential bool  `json:"essential,omitempty"`
	Values    []any `json:"values,omitempty"`
}
