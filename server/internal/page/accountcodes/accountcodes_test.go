package accountcodes_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/accountcodes"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	codes := []string{"0123-4567-89AB-CDEF", "GHJK-MNPQ-RSTV-WXYZ"}
	pagetest.Golden(t, accountcodes.New, map[string]accountcodes.Data{
		"codes":     {Codes: codes},
		"in a flow": {Codes: codes, Flow: "abc"},
	})
}
