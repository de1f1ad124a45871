package argocd

import (
	_ "embed"
)

// HealthLua is the health check of Argo CD for every kind of grantkeeper.dev.
//
//go:embed health.lua
var HealthLua string
