// openid-client 6 as an app uses it: discovery, client credentials with either way to authenticate, device login, ID token,
// userinfo, refresh, introspection, revocation. Plain http is what its allowInsecureRequests is for.
import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { ISSUER, DEVICE_ID, DEVICE_SECRET, SERVICE_ID, SERVICE_SECRET, tell } from './common.mjs'

const discover = (id, authentication, algorithm = 'oidc') =>
  client.discovery(new URL(ISSUER), id, undefined, authentication, { algorithm, execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] })

for (const [name, authentication] of [['basic', client.ClientSecretBasic(SERVICE_SECRET)], ['post', client.ClientSecretPost(SERVICE_SECRET)]]) {
  for (const algorithm of ['oidc', 'oauth2']) {
    const config = await discover(SERVICE_ID, authentication, algorithm)
    assert.equal(config.serverMetadata().issuer, ISSUER, `${name}, ${algorithm}`)
    const tokens = await client.clientCredentialsGrant(config, { scope: 'orders.read' })
    tell(tokens)
    assert.equal(tokens.token_type, 'bearer')
    assert.equal(tokens.scope, 'orders.read')
    assert.equal(tokens.refresh_token, undefined)
    const before = await client.tokenIntrospection(config, tokens.access_token)
    assert.equal(before.active, true)
    assert.equal(before.client_id, SERVICE_ID)
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
tell({ done: true })
