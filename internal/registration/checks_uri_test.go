package registration

import "testing"

func TestOnLoopback(t *testing.T) {
	for uri, want := range map[string]bool{
		"http://127.0.0.1:9080": true, "http://localhost:9080/tenant": true, "https://[::1]": true,
		"https://login.example.com": false, "https://127.0.0.1.example.com": false, "https://localhost.example": false,
		"https://127.0.0.1@example.com": false, "https://10.0.0.1": false, "": false, "%": false,
	} {
		t.Run("K14 whether this machine is meant by "+uri, func(t *testing.T) {
			if got := OnLoopback(uri); got != want {
				t.Errorf("%v", got)
			}
		})
	}
}
