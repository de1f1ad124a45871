package guards

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// request is what is read of one entry of the audit log.
type request struct {
	User struct {
		Username string `json:"username"`
	} `json:"user"`
	Agent     string `json:"userAgent"`
	Verb      string `json:"verb"`
	URI       string `json:"requestURI"`
	ObjectRef struct {
		Resource  string `json:"resource"`
		Namespace string `json:"namespace"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	} `json:"responseStatus"`
}

// requests reads what a program has asked the API server as a ServiceAccount; what tests ask with its token is not in it.
func (k *Cluster) requests(t *testing.T, program, namespace, account string) []request {
	t.Helper()
	b, err := os.ReadFile(k.auditLog())
	if err != nil {
		t.Fatal(err)
	}
	var out []request
	for line := range strings.Lines(string(b)) {
		var r request
		if !strings.HasSuffix(line, "\n") {
			break // being written
		}
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		if r.User.Username == "system:serviceaccount:"+namespace+":"+account && strings.HasPrefix(r.Agent, program+"/") {
			out = append(out, r)
		}
	}
	return out
}
