package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPictures keeps docs/pages whole and small: every picture is shown, in three looks each. Links to pictures that are not
// there are found by TestLinksLeadSomewhere.
func TestPictures(t *testing.T) {
	const most = 3 << 20 // bytes of all of them
	shown := named(t, "docs/pages/README.md").text
	files, err := filepath.Glob(filepath.Join(root, "docs", "pages", "*.png"))
	if err != nil {
		t.Fatal(err)
	}
	var size int64
	looks := map[string]int{}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			t.Fatal(err)
		}
		size += info.Size()
		if !strings.Contains(shown, "("+info.Name()+")") {
			t.Errorf("%s is not shown", info.Name())
		}
		name := strings.TrimSuffix(info.Name(), ".png")
		looks[name[:strings.LastIndex(name, "-")]]++
	}
	for name, n := range looks {
		if n != 3 {
			t.Errorf("%s is there in %d looks, want light, dark and 320px", name, n)
		}
	}
	if len(looks) < 40 || size > most {
		t.Errorf("%d pages, %d bytes; want at least 40 and at most %d bytes", len(looks), size, most)
	}
}
