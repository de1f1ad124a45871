package accountdata_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/accountdata"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, accountdata.New, map[string]accountdata.Data{
		"data":     {Export: "TOKEN", Erase: "TOKEN"},
		"unticked": {Export: "TOKEN", Erase: "TOKEN", Problem: accountdata.Unticked},
	})
}
