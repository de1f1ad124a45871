// openid-client 6 as an app uses it: discovery, client credentials with either way to authenticate, device login, ID token,
// userinfo, refresh, introspection, revocation. Plain http is what its allowInsecureRequests is for.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { ISSUER, DEVICE_ID, DEVICE_SECRET, SERVICE_ID, SERVICE_SECRET, WEB_ID, WEB_SECRET, WEB_REDIRECT, NATIVE_ID, SIGNED_ID, signedKey, tell, browse, done } from './common.mjs'

const discover = (id, authentication, algorithm = 'oidc') =>
  client.discovery(new URL(ISSUER), id, undefined, authentication, { algorithm, execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] })

const signed = client.PrivateKeyJwt(await signedKey())
for (const [name, id, authentication] of [
  ['basic', SERVICE_ID, client.ClientSecretBasic(SERVICE_SECRET)], ['post', SERVICE_ID, client.ClientSecretPost(SERVICE_SECRET)], ['key', SIGNED_ID, signed],
]) {
  for (const algorithm of ['oidc', 'oauth2']) {
    const config = await discover(id, authentication, algorithm)
    assert.equal(config.serverMetadata().issuer, ISSUER, `${name}, ${algorithm}`)
    const tokens = await client.clientCredentialsGrant(config, { scope: 'orders.read' })
    tell(tokens)
    assert.equal(tokens.token_type, 'bearer')
    assert.equal(tokens.scope, 'orders.read')
    assert.equal(tokens.refresh_token, undefined)
    const before = await client.tokenIntrospection(config, tokens.access_token)
    assert.equal(before.active, true)
    assert.equal(before.client_id, id)
    await client.tokenRevocation(config, tokens.access_token)
    assert.deepEqual(await client.tokenIntrospection(config, tokens.access_token), { active: false })
  }
}

const wrong = await discover(SERVICE_ID, client.ClientSecretBasic(SERVICE_SECRET.slice(0, -4) + 'AAAA'))
await assert.rejects(client.clientCredentialsGrant(wrong), (e) => e.error === 'invalid_client' || e.cause?.error === 'invalid_client' || e.status === 401)

const config = await discover(DEVICE_ID, client.ClientSecretPost(DEVICE_SECRET))
const started = await client.initiateDeviceAuthorization(config, { scope: 'openid email offline_access orders.read' })
tell(started)
const tokens = await client.pollDeviceAuthorizationGrant(config, started)
tell(tokens)
const claims = tokens.claims()
assert.equal(claims.aud, DEVICE_ID)
assert.equal(claims.email_verified, true)
const me = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
assert.equal(me.email, 'demo@example.com')
const next = await client.refreshTokenGrant(config, tokens.refresh_token)
tell(next)
assert.notEqual(next.refresh_token, tokens.refresh_token)
assert.equal(next.claims().sub, claims.sub)
assert.equal((await client.tokenIntrospection(config, next.refresh_token)).active, true)
await client.tokenRevocation(config, next.refresh_token, { token_type_hint: 'refresh_token' })
assert.deepEqual(await client.tokenIntrospection(config, next.access_token), { active: false })
await assert.rejects(client.refreshTokenGrant(config, next.refresh_token), { error: 'invalid_grant' })

const stranger = await discover(DEVICE_ID, client.None())
const another = await client.initiateDeviceAuthorization(stranger, {})
tell({ ...another, decision: 'deny' })
await assert.rejects(client.pollDeviceAuthorizationGrant(stranger, another), { error: 'access_denied' })

// Authorization code with PKCE, state, nonce and max_age, by a confidential client and a public one on a loopback port, with
// the answer in the query and in a form.
for (const [id, authentication, redirect_uri] of [
  [WEB_ID, client.ClientSecretBasic(WEB_SECRET), WEB_REDIRECT], [WEB_ID, client.ClientSecretPost(WEB_SECRET), WEB_REDIRECT],
  [SIGNED_ID, signed, WEB_REDIRECT],
  [NATIVE_ID, client.None(), 'http://127.0.0.1:51234/callback'], [NATIVE_ID, client.None(), 'http://127.0.0.1:60001/callback'],
]) {
  for (const response_mode of ['query', 'form_post']) {
    const app = await discover(id, authentication)
    const pkceCodeVerifier = client.randomPKCECodeVerifier()
    const expectedState = client.randomState()
    const expectedNonce = client.randomNonce()
    const back = await browse(client.buildAuthorizationUrl(app, {
      redirect_uri, response_mode, scope: 'openid profile email offline_access', state: expectedState, nonce: expectedNonce, max_age: '3600',
      code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256',
    }))
    const got = await client.authorizationCodeGrant(app, back, { pkceCodeVerifier, expectedState, expectedNonce, maxAge: 3600, idTokenExpected: true })
    tell(got)
    assert.equal(got.claims().aud, id)
    const who = await client.fetchUserInfo(app, got.access_token, got.claims().sub)
    assert.equal(who.email, 'demo@example.com')
    const fresh = await client.refreshTokenGrant(app, got.refresh_token)
    tell(fresh)
    assert.equal(fresh.claims().sub, got.claims().sub)
    assert.ok(client.buildEndSessionUrl(app, { id_token_hint: fresh.id_token }).href.startsWith(ISSUER))
  }
}
done()
