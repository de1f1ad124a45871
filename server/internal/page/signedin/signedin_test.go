package signedin_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
	"github.com/grantkeeper/grantkeeper/server/internal/page/signedin"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, signedin.New, map[string]signedin.Data{
		"signed in": {},
	})
}
