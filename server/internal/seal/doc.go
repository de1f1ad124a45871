// Package seal keeps state in the browser: what is sealed can be neither read nor changed there, serves one purpose only,
// and ends at a time that is inside the seal.
//
// It is XChaCha20-Poly1305 with random nonces under the server's sealing keys: the first seals, all open, so that keys
// rotate without ending anybody's flow. It does not protect against replay within the lifetime: what must happen once is
// decided by a conditional write in storage.
package seal
