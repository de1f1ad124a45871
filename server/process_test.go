package server

import "testing"

func TestTheHeapGrowsByAPartOrByTheHeadroom(t *testing.T) {
	for name, c := range map[string]struct {
		live uint64
		want int
	}{
		"nothing was collected yet":             {0, 300},
		"few clients: four times what is live":  {4 << 20, 300},
		"ten thousand: by the headroom":         {32 << 20, 150},
		"far more: by half, or it never stops":  {1 << 30, 50},
		"just as much as the headroom is large": {48 << 20, 100},
	} {
		t.Run(name, func(t *testing.T) {
			if got := gcPercent(c.live); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
