package accountpasskey_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/accountpasskey"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, accountpasskey.New, map[string]accountpasskey.Data{
		"new":   {Token: "TOKEN", Options: `{"publicKey":{"challenge":"AAAA","user":{"id":"AAAA","name":"</script>\"'"}}}`},
		"known": {Token: "TOKEN", Options: `{}`, Flow: "abc", Problem: accountpasskey.Known},
	})
}
