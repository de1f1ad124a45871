package attacks

// manifests are what the platform and the victim's team have declared. The verbs are the issuer.
const manifests = `
apiVersion: v1
kind: Namespace
metadata: {name: oauth-system}
---
apiVersion: v1
kind: Namespace
metadata: {name: internal, labels: {tier: platform}}
---
apiVersion: v1
kind: Namespace
metadata: {name: mallory, labels: {tier: partner, team: mallory}}
---
apiVersion: v1
kind: Namespace
metadata: {name: victim, labels: {tier: partner, team: victim}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: main, namespace: oauth-system, annotations: {grantkeeper.dev/is-default: "true"}}
spec: {issuer: "%s"}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthServer
metadata: {name: staff, namespace: internal}
spec: {issuer: "https://login.platform.example", clients: {namespaceSelector: {matchLabels: {tier: platform}}}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthResource
metadata: {name: orders-api, namespace: oauth-system}
spec:
  identifier: https://orders.platform.example
  title: Orders
  scopes: [{name: orders.read, title: Read orders}, {name: orders.admin, title: Change the orders of everybody}]
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthResource
metadata: {name: payroll-api, namespace: oauth-system}
spec:
  identifier: https://payroll.platform.example
  title: Payroll
  scopes: [{name: payroll.read, title: Read salaries}]
---
apiVersion: v1
kind: Secret
metadata: {name: staff-accounts, namespace: oauth-system, labels: {grantkeeper.dev/referenced: "true"}}
stringData:
  ada: |
    passwordHash: $argon2id$v=19$m=19456,t=2,p=1$MkIyWTUvNFp1MWdhS1BNbg$P9lqIhfssGn/xRbnCYNfVuyCiw23pCK8emKhNa1u/BU
    name: Ada Lovelace
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthIdentityProvider
metadata: {name: staff, namespace: oauth-system}
spec: {displayName: Staff, local: {accountsSecretRef: {name: staff-accounts}}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthGrantPolicy
metadata: {name: partner-mallory, namespace: oauth-system}
spec:
  clients: {namespaceSelector: {matchLabels: {team: mallory}}}
  allow:
    grantTypes: [authorization_code, refresh_token, client_credentials]
    scopes: [openid, offline_access, orders.read]
    resources: [{name: orders-api}]
    redirectHosts: ["*.mallory.example"]
    authentication: [ClientSecret, PrivateKeyJWT, KubernetesServiceAccount]
  limits: {accessTokenTTL: 15m, refreshTokenTTL: 24h, clients: 4, grantsPerUser: 2}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthGrantPolicy
metadata: {name: partner-salaries, namespace: oauth-system}
spec:
  priority: 10
  clients: {namespaceSelector: {matchLabels: {team: mallory}}, selector: {matchLabels: {reads: salaries}}}
  allow: {grantTypes: [client_credentials], scopes: [payroll.read], authentication: [KubernetesServiceAccount]}
  limits: {accessTokenTTL: 5m}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthGrantPolicy
metadata: {name: partner-victim, namespace: oauth-system}
spec:
  clients: {namespaceSelector: {matchLabels: {team: victim}}}
  allow:
    grantTypes: [authorization_code, refresh_token, client_credentials]
    scopes: [openid, offline_access, orders.read, payroll.read]
    redirectHosts: [shop.victim.example]
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthGrantPolicy
metadata: {name: platform-apps, namespace: oauth-system}
spec:
  priority: 100
  clients: {namespaceSelector: {matchLabels: {tier: platform}}, selector: {matchLabels: {trusted: "true"}}}
  allow:
    grantTypes: [authorization_code, refresh_token, client_credentials]
    scopes: [openid, offline_access, orders.read, orders.admin, payroll.read]
    redirectHosts: [console.platform.example]
    skipConsent: true
    withoutPKCE: true
---
apiVersion: v1
kind: Secret
metadata: {name: brought, namespace: victim, labels: {grantkeeper.dev/referenced: "true"}}
stringData: {client-secret: Vict1m-brings-this-0123456789-abcdefgh}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: nightly, namespace: victim}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthClient
metadata: {name: shop, namespace: victim}
spec:
  grantTypes: [authorization_code, refresh_token, client_credentials]
  redirectURIs: [https://shop.victim.example/cb]
  scopes: [openid, offline_access, orders.read, payroll.read]
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthClient
metadata: {name: billing, namespace: victim}
spec: {type: Service, scopes: [orders.read], authentication: {clientSecret: {secretRef: {name: brought}}}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthClient
metadata: {name: nightly, namespace: victim}
spec: {type: Service, scopes: [orders.read], authentication: {kubernetesServiceAccount: {name: nightly}}}
---
apiVersion: grantkeeper.dev/v1alpha1
kind: OAuthClient
metadata: {name: app, namespace: mallory}
spec:
  grantTypes: [authorization_code, refresh_token, client_credentials]
  redirectURIs: [https://app.mallory.example/cb]
  scopes: [openid, offline_access, orders.read]
`
