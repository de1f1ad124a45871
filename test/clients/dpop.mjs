// Proofs of possession (RFC 9449) by openid-client 6 and oauth4webapi 3: bound tokens of a service, of a web app and of a native one,
// whose nonces openid-client fetches by itself; userinfo, refresh with the same key, and what another key is refused.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import * as oauth from 'oauth4webapi'
import { ISSUER, AUDIENCE, DEVICE_ID, DEVICE_SECRET, SERVICE_ID, SERVICE_SECRET, WEB_ID, WEB_SECRET, WEB_REDIRECT, NATIVE_ID, tell, browse, done } from './common.mjs'

const discover = (id, authentication) => client.discovery(new URL(ISSUER), id, undefined, authentication, { execute: [client.allowInsecureRequests] })
const http = { [oauth.allowInsecureRequests]: true }

// A service, with every algorithm that the metadata names and the library has.
const service = await discover(SERVICE_ID, client.ClientSecretBasic(SERVICE_SECRET))
const algorithms = service.serverMetadata().dpop_signing_alg_values_supported
assert.deepEqual(algorithms, ['ES256', 'EdDSA', 'PS256', 'RS256'])
for (const algorithm of ['ES256', 'PS256', 'RS256']) {
  const DPoP = client.getDPoPHandle(service, await client.randomDPoPKeyPair(algorithm))
  const tokens = await client.clientCredentialsGrant(service, { scope: 'orders.read' }, { DPoP })
  tell(tokens)
  assert.equal(tokens.token_type, 'dpop')
  const asked = await client.tokenIntrospection(service, tokens.access_token)
  assert.equal(asked.token_type, 'DPoP')
  assert.equal(asked.cnf.jkt, await DPoP.calculateThumbprint())
}

// An API that checks token and proof by itself.
const as = await oauth.processDiscoveryResponse(new URL(ISSUER), await oauth.discoveryRequest(new URL(ISSUER), http))
const reports = { client_id: SERVICE_ID }
const pair = await oauth.generateKeyPair('ES256')
const DPoP = oauth.DPoP(reports, pair)
const tokens = await oauth.processClientCredentialsResponse(as, reports,
  await oauth.clientCredentialsGrantRequest(as, reports, oauth.ClientSecretPost(SERVICE_SECRET), { scope: 'orders.read' }, { DPoP, ...http }))
tell(tokens)
let request
await oauth.protectedResourceRequest(tokens.access_token, 'GET', new URL('https://api.example.com/orders'), new Headers(), null, {
  DPoP, [oauth.customFetch]: (url, options) => { request = new Request(url, options); return new Response() },
})
const claims = await oauth.validateJwtAccessToken(as, request, AUDIENCE, { requireDPoP: true, ...http })
assert.equal(claims.client_id, SERVICE_ID)
const bearer = new Request('https://api.example.com/orders', { headers: { authorization: `Bearer ${tokens.access_token}` } })
await assert.rejects(oauth.validateJwtAccessToken(as, bearer, AUDIENCE, http))

// People: a web app with a secret, and a native one without, which needs nonces.
for (const [id, authentication, redirect_uri] of [
  [WEB_ID, client.ClientSecretBasic(WEB_SECRET), WEB_REDIRECT], [NATIVE_ID, client.None(), 'http://127.0.0.1:53999/callback'],
]) {
  const app = await discover(id, authentication)
  const DPoP = client.getDPoPHandle(app, await client.randomDPoPKeyPair('ES256'))
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const expectedState = client.randomState()
  const back = await browse(client.buildAuthorizationUrl(app, {
    redirect_uri, scope: 'openid email offline_access', state: expectedState, dpop_jkt: await DPoP.calculateThumbprint(),
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
  }))
  const got = await client.authorizationCodeGrant(app, back, { pkceCodeVerifier, expectedState }, undefined, { DPoP })
  tell(got)
  assert.equal(got.token_type, 'dpop')
  const me = await client.fetchUserInfo(app, got.access_token, got.claims().sub, { DPoP })
  assert.equal(me.email, 'demo@example.com')
  await assert.rejects(client.fetchUserInfo(app, got.access_token, got.claims().sub))
  const next = await client.refreshTokenGrant(app, got.refresh_token, undefined, { DPoP })
  tell(next)
  assert.equal(next.token_type, 'dpop')
  if (id !== NATIVE_ID) continue
  const other = client.getDPoPHandle(app, await client.randomDPoPKeyPair('ES256'))
  await assert.rejects(client.refreshTokenGrant(app, next.refresh_token, undefined, { DPoP: other }), { error: 'invalid_grant' })
  await assert.rejects(client.refreshTokenGrant(app, next.refresh_token), { error: 'invalid_dpop_proof' })
  tell(await client.refreshTokenGrant(app, next.refresh_token, undefined, { DPoP }))
}

// A device, whose polls carry the proof.
const tool = await discover(DEVICE_ID, client.ClientSecretPost(DEVICE_SECRET))
const started = await client.initiateDeviceAuthorization(tool, { scope: 'openid orders.read' })
tell(started)
const device = await client.pollDeviceAuthorizationGrant(tool, started, undefined, { DPoP: client.getDPoPHandle(tool, await client.randomDPoPKeyPair('ES256')) })
tell(device)
assert.equal(device.token_type, 'dpop')
done()
