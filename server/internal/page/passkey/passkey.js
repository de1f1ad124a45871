(function () {
  'use strict';
  // A form with data-passkey does nothing without WebAuthn, and stays hidden as it was sent.
  if (!window.PublicKeyCredential || !navigator.credentials) { return; }

  function bytes(text) {
    var raw = atob(text.replace(/-/g, '+').replace(/_/g, '/'));
    var out = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i++) { out[i] = raw.charCodeAt(i); }
    return out;
  }
  function text(buffer) {
    if (!buffer) { return undefined; }
    var raw = '';
    new Uint8Array(buffer).forEach(function (b) { raw += String.fromCharCode(b); });
    return btoa(raw).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  }
  function decoded(options) {
    var o = options.publicKey;
    o.challenge = bytes(o.challenge);
    if (o.user) { o.user.id = bytes(o.user.id); }
    (o.allowCredentials || []).concat(o.excludeCredentials || []).forEach(function (c) { c.id = bytes(c.id); });
    return { publicKey: o };
  }
  function encoded(c) {
    var r = c.response;
    return JSON.stringify({
      id: c.id, rawId: text(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment || undefined,
      response: {
        clientDataJSON: text(r.clientDataJSON), attestationObject: text(r.attestationObject),
        transports: r.getTransports ? r.getTransports() : undefined,
        authenticatorData: r.attestationObject ? undefined : text(r.authenticatorData),
        signature: text(r.signature), userHandle: text(r.userHandle)
      }
    });
  }

  document.querySelectorAll('form[data-passkey]').forEach(function (form) {
    var answer = form.elements.namedItem('passkey');
    var problem = form.querySelector('[role=alert]');
    var busy = false;
    form.hidden = false;
    form.addEventListener('submit', function (event) {
      if (answer.value) { return; }
      event.preventDefault();
      if (busy) { return; }
      busy = true;
      problem.hidden = true;
      var options = decoded(JSON.parse(form.getAttribute('data-passkey')));
      var asked = options.publicKey.user ? navigator.credentials.create(options) : navigator.credentials.get(options);
      asked.then(function (credential) {
        answer.value = encoded(credential);
        form.submit();
      }).catch(function () {
        busy = false;
        problem.hidden = false;
      });
    });
  });
})();
