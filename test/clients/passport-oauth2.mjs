// passport-oauth2 as an app uses it: OAuth 2.0 without OpenID Connect, with state and PKCE kept in the app's session, and without
// PKCE as most apps of its age are set up.
import assert from 'node:assert/strict'
import { Passport } from 'passport'
import OAuth2Strategy from 'passport-oauth2'
import { ISSUER, WEB_ID, WEB_SECRET, WEB_REDIRECT, tell, browse, done } from './common.mjs'

const as = await (await fetch(`${ISSUER}/.well-known/oauth-authorization-server`)).json()

// run lets the strategy handle one request of the app, in its session.
const run = (passport, session, url) => new Promise((resolve, reject) => {
  const target = new URL(url)
  const request = {
    url: target.pathname + target.search, query: Object.fromEntries(target.searchParams), headers: { host: target.host }, connection: {}, session, app: { get: () => false },
  }
  const response = { setHeader: (_, value) => resolve({ location: value }), end: () => {} }
  passport.authenticate('oauth2', { session: false }, (error, user, info) => error ? reject(error) : resolve({ user, info }))(request, response, reject)
})

for (const pkce of [true, false]) {
  const passport = new Passport()
  passport.use(new OAuth2Strategy({
    authorizationURL: as.authorization_endpoint, tokenURL: as.token_endpoint, clientID: WEB_ID, clientSecret: WEB_SECRET, callbackURL: WEB_REDIRECT,
    state: true, pkce, scope: ['openid', 'email'],
  }, (accessToken, refreshToken, params, profile, verified) => verified(null, { accessToken, refreshToken, params })))
  const session = {}
  const { location } = await run(passport, session, new URL('/login', WEB_REDIRECT))
  const { user, info } = await run(passport, session, (await browse(location)).url)
  assert.ok(user, JSON.stringify(info))
  tell({ access_token: user.accessToken, refresh_token: user.refreshToken })
  assert.equal(user.params.token_type, 'Bearer')
  const me = await (await fetch(as.userinfo_endpoint, { headers: { authorization: `Bearer ${user.accessToken}` } })).json()
  assert.equal(me.email, 'demo@example.com')
}
done()
