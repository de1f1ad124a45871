package v1alpha1

// ConditionType is a type of the conditions in a status. All are positive: True is good, except Reconciling and Stalled,
// which follow kstatus and exist only while they are true.
type ConditionType string

// ConditionReason is the reason of a condition, fixed and documented, for machines.
type ConditionReason string

const (
	// ConditionReady is true when the object does its work now; for an OAuthClient: a token can be had.
	ConditionReady ConditionType = "Ready"
	// ConditionAccepted is true when the manifest is valid, belongs to a server and, for a client, a policy accepts it.
	ConditionAccepted ConditionType = "Accepted"
	// ConditionSecretReady is true when the Secret of the object is written, or can be read.
	ConditionSecretReady ConditionType = "SecretReady"
	// ConditionProgrammed is true when every ready replica of the server serves it.
	ConditionProgrammed ConditionType = "Programmed"
	// ConditionKeysReady is true when an OAuthServer has its signing and sealing keys.
	ConditionKeysReady ConditionType = "KeysReady"
	// ConditionDeployed is true when an OAuthServer's workload is rolled out.
	ConditionDeployed ConditionType = "Deployed"
	// ConditionReconciling is true while work is under way (kstatus).
	ConditionReconciling ConditionType = "Reconciling"
	// ConditionStalled is true while nothing will change until the manifest, or one that it depends on, does (kstatus).
	ConditionStalled ConditionType = "Stalled"
)

const (
	// ReasonPending: no controller has looked at the object yet.
	ReasonPending ConditionReason = "Pending"
	// ReasonReady: everything is well.
	ReasonReady ConditionReason = "Ready"
	// ReasonAccepted: the manifest is accepted.
	ReasonAccepted ConditionReason = "Accepted"
	// ReasonInvalid: a field has a value that cannot work; the message names it and the fix.
	ReasonInvalid ConditionReason = "Invalid"
	// ReasonServerNotFound: the OAuthServer does not exist, or none or several are the default.
	ReasonServerNotFound ConditionReason = "ServerNotFound"
	// ReasonServerRefused: the server does not let this namespace attach clients.
	ReasonServerRefused ConditionReason = "ServerRefused"
	// ReasonNoPolicy: no OAuthGrantPolicy selects the client.
	ReasonNoPolicy ConditionReason = "NoPolicy"
	// ReasonPolicyRefused: no OAuthGrantPolicy that selects the client accepts it; the message names policy, field, value and rule.
	ReasonPolicyRefused ConditionReason = "PolicyRefused"
	// ReasonScopeUnknown: a scope is neither one of OpenID Connect nor of an OAuthResource.
	ReasonScopeUnknown ConditionReason = "ScopeUnknown"
	// ReasonClientIDConflict: another OAuthClient of the server has the same client id: one that is registered, or, where
	// none is, an older one that could be.
	ReasonClientIDConflict ConditionReason = "ClientIDConflict"
	// ReasonIdentifierConflict: an older OAuthResource of the server has the same identifier or scope, or an older
	// OAuthServer the same issuer.
	ReasonIdentifierConflict ConditionReason = "IdentifierConflict"
	// ReasonSuspended: the client is suspended.
	ReasonSuspended ConditionReason = "Suspended"
	// ReasonSecretWritten: the Secret holds the credentials.
	ReasonSecretWritten ConditionReason = "SecretWritten"
	// ReasonSecretNotFound: a Secret that the manifest names does not exist, or does not carry the label that opts it in.
	ReasonSecretNotFound ConditionReason = "SecretNotFound"
	// ReasonSecretInvalid: a Secret that the manifest names has a value that cannot be used, or one that it describes cannot be written.
	ReasonSecretInvalid ConditionReason = "SecretInvalid"
	// ReasonSecretTooWeak: a Secret that the manifest names has a client secret that could be guessed.
	ReasonSecretTooWeak ConditionReason = "SecretTooWeak"
	// ReasonSecretNameTaken: a Secret of that name exists that the operator did not make.
	ReasonSecretNameTaken ConditionReason = "SecretNameTaken"
	// ReasonServed: every ready replica serves the object as it is.
	ReasonServed ConditionReason = "Served"
	// ReasonNotServed: not every ready replica serves it yet.
	ReasonNotServed ConditionReason = "NotServed"
	// ReasonNoReplica: no replica of the server is ready.
	ReasonNoReplica ConditionReason = "NoReplica"
	// ReasonNotRegistered: there is no registration, because the object is not accepted.
	ReasonNotRegistered ConditionReason = "NotRegistered"
	// ReasonServingLastAccepted: an edit was refused; what was accepted before is still served.
	ReasonServingLastAccepted ConditionReason = "ServingLastAccepted"
	// ReasonCutOff: no policy accepts the client any more, not even as it was before; it is refused at once, and what users
	// granted it is kept for when a policy accepts it again.
	ReasonCutOff ConditionReason = "CutOff"
	// ReasonKeysReady: the keys are there.
	ReasonKeysReady ConditionReason = "KeysReady"
	// ReasonKeysInvalid: the Secret with the keys cannot be used; it is never overwritten.
	ReasonKeysInvalid ConditionReason = "KeysInvalid"
	// ReasonDeployed: the workload is rolled out.
	ReasonDeployed ConditionReason = "Deployed"
	// ReasonDeploying: the workload is being rolled out.
	ReasonDeploying ConditionReason = "Deploying"
	// ReasonError: the operator could not do its work and tries again.
	ReasonError ConditionReason = "Error"
)
