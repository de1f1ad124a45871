// oauth4webapi 3, which checks answers most strictly and form-encodes Basic credentials to the last character: discovery,
// client credentials, an API that verifies the access token by itself, device login, refresh, introspection, revocation.
import assert from 'node:assert/strict'
import * as oauth from 'oauth4webapi'
import { ISSUER, AUDIENCE, DEVICE_ID, DEVICE_SECRET, SERVICE_ID, SERVICE_SECRET, WEB_ID, WEB_SECRET, WEB_REDIRECT, NATIVE_ID, SIGNED_ID, signedKey, tell, browse, done } from './common.mjs'

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

// A key of the client's own (RFC 7523), with the issuer as the audience, and with the token endpoint beside it.
const keyed = { client_id: SIGNED_ID }
for (const change of [undefined, (_, payload) => { payload.aud = [as.issuer, as.token_endpoint] }]) {
  const authentication = oauth.PrivateKeyJwt(await signedKey(), change && { [oauth.modifyAssertion]: change })
  const answer = await oauth.clientCredentialsGrantRequest(as, keyed, authentication, { scope: 'orders.read', resource: AUDIENCE }, http)
  const tokens = await oauth.processClientCredentialsResponse(as, keyed, answer)
  tell(tokens)
  assert.equal((await accepts(tokens.access_token)).client_id, SIGNED_ID)
  await oauth.processRevocationResponse(await oauth.revocationRequest(as, keyed, authentication, tokens.access_token, http))
}
const elsewhere = oauth.PrivateKeyJwt(await signedKey(), { [oauth.modifyAssertion]: (_, payload) => { payload.aud = 'https://elsewhere.example' } })
await assert.rejects(
  oauth.clientCredentialsGrantRequest(as, keyed, elsewhere, {}, http).then((answer) => oauth.processClientCredentialsResponse(as, keyed, answer)),
  (e) => e.error === 'invalid_client' || e.status === 401)

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

// Authorization code: the response's iss (RFC 9207) is checked because the metadata promises it.
assert.equal(as.authorization_response_iss_parameter_supported, true)
for (const [app, authentication, redirect] of [
  [{ client_id: WEB_ID }, oauth.ClientSecretBasic(WEB_SECRET), WEB_REDIRECT], [{ client_id: NATIVE_ID }, oauth.None(), 'http://127.0.0.1:49999/callback'],
]) {
  const verifier = oauth.generateRandomCodeVerifier()
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const url = new URL(as.authorization_endpoint)
  for (const [name, value] of Object.entries({
    client_id: app.client_id, redirect_uri: redirect, response_type: 'code', scope: 'openid email', state, nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
  })) url.searchParams.set(name, value)
  const params = oauth.validateAuthResponse(as, app, new URL((await browse(url)).url), state)
  const answer = await oauth.authorizationCodeGrantRequest(as, app, authentication, params, redirect, verifier, http)
  const got = await oauth.processAuthorizationCodeResponse(as, app, answer, { expectedNonce: nonce, requireIdToken: true })
  tell(got)
  await oauth.validateApplicationLevelSignature(as, answer, http)
  const again = await oauth.authorizationCodeGrantRequest(as, app, authentication, params, redirect, verifier, http)
  await assert.rejects(oauth.processAuthorizationCodeResponse(as, app, again), { error: 'invalid_grant' })
}
done()
