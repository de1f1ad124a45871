package sqlite

import "slices"

// Every statement is listed here and prepared when its connection opens, so that a mistake in one shows at start and so that
// a test can ask for the plan of each.

// readStatements run in the pool of readers.
func readStatements() []string {
	return []string{
		selectPulse,
		selectUser,
		selectSession,
		selectGrant,
		selectDeviceByUserCode,
		selectRefreshToken,
		selectRevokedToken,
		selectCounter,
		selectConsent, selectNextApp, selectAppGrants, selectAppTimes,
		selectUserSessions, selectAllSessions,
		selectPasskeys, selectPasskey, selectTOTP, countRecoveryCodes,
		selectLogoutDue,
	}
}

// writeStatements run in the writer's transactions; some of them read there.
func writeStatements() []string {
	return slices.Concat(collectStatements(), eraseStatements(), []string{
		updatePulse,
		upsertUser, selectUserDisabled, disableUser, revokeUserGrants, endUserSessions,
		insertSession, deleteSession,
		insertGrant, selectGrant, selectLiveGrants, revokeGrant, touchGrant, revokeClientGrants,
		insertDevice, selectUserCodeTaken, selectDevice, decideDevice, pollDevice, consumeDevice,
		insertPushed, consumePushed, emptyPushed, selectPushed,
		selectRefreshToken, insertFamily, bindFamily, extendGrant, insertRefreshToken, consumeRefreshToken, selectSuccessor,
		upsertRevokedToken,
		upsertCounter,
		insertReplay,
		insertCode, selectRequestTaken, selectCode, consumeCode, redeemGrant,
		selectConsent, upsertConsent, narrowConsent, deleteConsent, deleteClientConsents, revokeAppGrants, selectAppScopes, narrowGrant,
		deleteNamedSession, selectSessionClients, selectUserClients, revokeSessionGrants, revokeSessionsGrants,
		insertPasskey, selectPasskeyTaken, usePasskey, selectPasskeyOwned, deletePasskey,
		selectTOTP, upsertTOTP, useTOTP, insertRecoveryCode, deleteRecoveryCode,
		insertLogout, claimLogouts, retryLogout, deleteLogout,
		updateClaims, deleteUser,
	})
}

// The row that Ping rewrites.
const (
	updatePulse = `UPDATE pulse SET beat_at = ? WHERE id = 1`
	selectPulse = `SELECT beat_at FROM pulse WHERE id = 1`
)
