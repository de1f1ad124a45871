package accounttotp_test

import (
	"regexp"
	"strconv"
	"testing"

	"rsc.io/qr"

	"github.com/grantkeeper/grantkeeper/server/internal/page/accounttotp"
	"github.com/grantkeeper/grantkeeper/server/internal/page/pagetest"
)

const uri = "otpauth://totp/Example%20Login:ada@example.com?algorithm=SHA1&digits=6&issuer=Example%20Login&period=30&secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"

func TestGolden(t *testing.T) {
	pagetest.Golden(t, accounttotp.New, map[string]accounttotp.Data{
		"new":   {Token: "TOKEN", Pending: "PENDING", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", URI: uri},
		"wrong": {Token: "TOKEN", Pending: "PENDING", Secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", URI: uri, Flow: "abc", Problem: accounttotp.Wrong},
	})
}

// TestQR reads the path back, module by module.
func TestQR(t *testing.T) {
	code, err := qr.Encode(uri, qr.L)
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := accounttotp.Data{URI: uri}.QR()
	if err != nil {
		t.Fatal(err)
	}
	black := map[[2]int]bool{}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(string(drawn.Path), -1) {
		var n [3]int
		for i := range n {
			n[i], _ = strconv.Atoi(m[i+1]) // digits, as the pattern says
		}
		for x := range n[2] {
			black[[2]int{n[0] + x - 4, n[1] - 4}] = true
		}
	}
	for y := range code.Size {
		for x := range code.Size {
			if black[[2]int{x, y}] != code.Black(x, y) {
				t.Fatalf("module %d,%d is drawn %v", x, y, black[[2]int{x, y}])
			}
		}
	}
	if drawn.Size != code.Size+8 {
		t.Errorf("the code of %d has a canvas of %d: the quiet zone is 4 on each side", code.Size, drawn.Size)
	}
}
