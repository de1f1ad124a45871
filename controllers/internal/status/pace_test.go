package status

import (
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"
)

func TestANumberIsWrittenAtOnceAndThenNowAndThen(t *testing.T) {
	var p Pace
	now := time.Unix(1000, 0)
	one, other := types.NamespacedName{Name: "one"}, types.NamespacedName{Name: "other"}
	if _, due := p.Due(one, now); !due {
		t.Error("the first has to wait")
	}
	wait, due := p.Due(one, now.Add(time.Millisecond))
	if due || !wait.Equal(now.Add(CountEvery)) {
		t.Errorf("the second may be written: %v, until %v", due, wait)
	}
	if _, due := p.Due(other, now); !due {
		t.Error("another object waits for it")
	}
	if _, due := p.Due(one, wait); !due {
		t.Error("it waits for longer than it was told")
	}
	if next, due := p.Due(one, wait); due || !next.Equal(wait.Add(2*CountEvery)) {
		t.Errorf("it went on changing and is written again %v after, %v", next.Sub(wait), due)
	}
	rested := wait.Add(CountAtLeast)
	if _, due := p.Due(one, rested); !due {
		t.Error("it waits although it had come to rest")
	}
	if next, _ := p.Due(one, rested); !next.Equal(rested.Add(CountEvery)) {
		t.Errorf("it waits %v after it had come to rest", next.Sub(rested))
	}
	p.Gone(one)
	if _, due := p.Due(one, rested); !due {
		t.Error("what is gone is remembered")
	}
}
