package accounterased_test

import (
	"testing"

	"github.com/grantkeeper/grantkeeper/server/internal/page/accounterased"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

func TestGolden(t *testing.T) {
	pagetest.Golden(t, accounterased.New, map[string]accounterased.Data{"erased": {}})
}
