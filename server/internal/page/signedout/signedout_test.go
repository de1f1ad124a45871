package signedout_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedout"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, signedout.New, map[string]signedout.Data{
		"signed out":                   {},
		"signed out with the way back": {Return: "https://app.example/bye?state=s", App: "Acme Reports"},
	})
}
