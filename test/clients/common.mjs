// What both scripts share: the clients that the test made, and one JSON object per line for the test to read.
export const { ISSUER, DEVICE_ID, DEVICE_SECRET, SERVICE_ID, SERVICE_SECRET } = process.env
export const AUDIENCE = 'https://api.example.com'

// tell hands the test tokens and codes that were seen, or asks it to decide on a device login.
export const tell = (object) => console.log(JSON.stringify(object))
