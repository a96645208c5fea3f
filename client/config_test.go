package client

import (
	"strings"
	"testing"
)

// Whoever mends a configuration wants to hear of all that is wrong with it, and where.
func TestAConfigurationIsToldAllThatIsWrongWithIt(t *testing.T) {
	_, err := New(Config{Addrs: []string{"n1:7300", "n2:99999", "", "ftp://n3"}, Timeout: -1, Linger: -1, Name: "node:n1"})
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, part := range []string{`Addrs[1]: "n2:99999" has no port`, `Addrs[2]: ""`, `Addrs[3]: "ftp://n3"`, "Timeout", "Linger", "node:"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not told of in\n%v", part, err)
		}
	}
	if strings.Contains(err.Error(), "Addrs[0]") {
		t.Errorf("%v", err)
	}
}
