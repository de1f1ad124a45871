// What all scripts share: the clients that the test made, and one JSON object per line for the test to read.
import { createInterface } from 'node:readline'

export const {
  ISSUER, DEVICE_ID, DEVICE_SECRET, SERVICE_ID, SERVICE_SECRET, WEB_ID, WEB_SECRET, WEB_REDIRECT, NATIVE_ID, SIGNED_ID,
} = process.env
// signedKey is the key of the client that has no secret.
export const signedKey = async () => {
  const jwk = JSON.parse(process.env.SIGNED_KEY)
  return { kid: jwk.kid, key: await crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']) }
}
export const AUDIENCE = 'https://api.example.com'

// tell hands the test tokens and codes that were seen, or asks it to decide on a device login.
export const tell = (object) => console.log(JSON.stringify(object))

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

// browse lets the test's person go to an authorization endpoint, and gives what comes back at the redirect URI: a GET, or the
// POST of a form (Form Post Response Mode).
export const browse = async (url) => {
  tell({ authorize: String(url) })
  const { callback, form } = JSON.parse((await lines.next()).value)
  if (!form) return new Request(callback)
  return new Request(callback, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: form })
}

// done says that all went well.
export const done = () => {
  tell({ done: true })
  process.stdin.destroy()
}
