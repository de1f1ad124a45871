// @auth/core (Auth.js) as a web app uses it: its own handler starts the sign-in, and takes the callback. All that it is told of
// the server is the issuer.
import assert from 'node:assert/strict'
import { Auth, skipCSRFCheck } from '@auth/core'
import { ISSUER, WEB_ID, WEB_SECRET, WEB_REDIRECT, SIGNED_ID, signedKey, tell, browse, done } from './common.mjs'

const redirect = new URL(WEB_REDIRECT)
const [basePath, id] = [redirect.pathname.split('/callback/')[0], redirect.pathname.split('/callback/')[1]]
assert.ok(id, 'the redirect URI has the form of Auth.js')

for (const token_endpoint_auth_method of ['client_secret_basic', 'client_secret_post', 'private_key_jwt']) {
  let seen
  const credentials = token_endpoint_auth_method === 'private_key_jwt'
    ? { clientId: SIGNED_ID, token: { clientPrivateKey: await signedKey() } } : { clientId: WEB_ID, clientSecret: WEB_SECRET }
  const config = {
    basePath, trustHost: true, secret: 'only-for-this-test', skipCSRFCheck,
    providers: [{
      id, name: 'Grantkeeper', type: 'oidc', issuer: ISSUER, ...credentials,
      client: { token_endpoint_auth_method }, checks: ['pkce', 'state', 'nonce'],
      authorization: { params: { scope: 'openid profile email' } },
    }],
    callbacks: { jwt: ({ token, account, profile }) => { if (account) seen = { account, profile }; return token } },
    logger: { error: (e) => { throw e } },
  }
  const cookies = new Map()
  const visit = async (path, init = {}) => {
    const answer = await Auth(new Request(path, { redirect: 'manual', ...init, headers: { ...init.headers, cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join('; ') } }), config)
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line)
      cookies.set(name, value)
    }
    return answer
  }
  const started = await visit(`${redirect.origin}${basePath}/signin/${id}`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  const back = await browse(started.headers.get('location'))
  const finished = await visit(back.url)
  assert.equal(finished.status, 302)
  assert.doesNotMatch(finished.headers.get('location'), /error/)
  assert.equal(seen.profile.email, 'demo@example.com')
  assert.equal(seen.account.provider, id)
  tell(seen.account)
  const session = await (await visit(`${redirect.origin}${basePath}/session`)).json()
  assert.equal(session.user.email, 'demo@example.com')
}
done()
