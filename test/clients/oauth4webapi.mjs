// oauth4webapi 3, which checks answers most strictly and form-encodes Basic credentials to the last character: discovery,
// client credentials, an API that verifies the access token by itself, device login, refresh, introspection, revocation.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import { ISSUER, AUDIENCE, DEVICE_ID, DEVICE_SECRET, SERVICE_ID, SERVICE_SECRET, tell } from './common.mjs'

const http = { [oauth.allowInsecureRequests]: true }
const issuer = new URL(ISSUER)
let as
for (const algorithm of ['oauth2', 'oidc']) {
  as = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...http }))
}

// An API that is called with the token, and decides alone (RFC 9068).
const accepts = (token) => oauth.validateJwtAccessToken(as, new Request('https://api.example.com/orders', { headers: { authorization: `Bearer ${token}` } }), AUDIENCE, http)

const service = { client_id: SERVICE_ID }
for (const authentication of [oauth.ClientSecretBasic(SERVICE_SECRET), oauth.ClientSecretPost(SERVICE_SECRET)]) {
  const answer = await oauth.clientCredentialsGrantRequest(as, service, authentication, { scope: 'orders.read', resource: AUDIENCE }, http)
  const tokens = await oauth.processClientCredentialsResponse(as, service, answer)
  tell(tokens)
  const claims = await accepts(tokens.access_token)
  assert.equal(claims.client_id, SERVICE_ID)
  assert.equal(claims.scope, 'orders.read')
  const asked = await oauth.processIntrospectionResponse(as, service, await oauth.introspectionRequest(as, service, authentication, tokens.access_token, http))
  assert.equal(asked.active, true)
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, service, authentication, tokens.access_token, http))
  const again = await oauth.processIntrospectionResponse(as, service, await oauth.introspectionRequest(as, service, authentication, tokens.access_token, http))
  assert.deepEqual(again, { active: false })
}
await assert.rejects(
  oauth.clientCredentialsGrantRequest(as, service, oauth.ClientSecretBasic(SERVICE_SECRET), { resource: 'https://elsewhere.example' }, http)
    .then((answer) => oauth.processClientCredentialsResponse(as, service, answer)), { error: 'invalid_target' })

const tool = { client_id: DEVICE_ID }
const authentication = oauth.ClientSecretBasic(DEVICE_SECRET)
const started = await oauth.processDeviceAuthorizationResponse(as, tool,
  await oauth.deviceAuthorizationRequest(as, tool, authentication, { scope: 'openid profile email offline_access orders.read' }, http))
tell(started)
let tokens
while (!tokens) {
  await new Promise((done) => setTimeout(done, started.interval * 1000))
  const answer = await oauth.deviceCodeGrantRequest(as, tool, authentication, started.device_code, http)
  try {
    tokens = await oauth.processDeviceCodeResponse(as, tool, answer)
    tell(tokens)
    await oauth.validateApplicationLevelSignature(as, answer, http)
  } catch (e) {
    if (e.error !== 'authorization_pending') throw e
  }
}
const { sub } = oauth.getValidatedIdTokenClaims(tokens)
assert.equal((await accepts(tokens.access_token)).sub, sub)
const me = await oauth.processUserInfoResponse(as, tool, sub, await oauth.userInfoRequest(as, tool, tokens.access_token, http))
assert.equal(me.email, 'demo@example.com')
const refreshed = await oauth.refreshTokenGrantRequest(as, tool, authentication, tokens.refresh_token, http)
const next = await oauth.processRefreshTokenResponse(as, tool, refreshed)
tell(next)
await oauth.processRevocationResponse(await oauth.revocationRequest(as, tool, authentication, next.access_token, http))
await assert.rejects(
  oauth.refreshTokenGrantRequest(as, tool, authentication, next.refresh_token, http).then((answer) => oauth.processRefreshTokenResponse(as, tool, answer)),
  { error: 'invalid_grant' })
await assert.rejects(
  oauth.userInfoRequest(as, tool, next.access_token, http).then((answer) => oauth.processUserInfoResponse(as, tool, sub, answer)),
  (e) => e.cause?.[0]?.parameters?.error === 'invalid_token')
tell({ done: true })
