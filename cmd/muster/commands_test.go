package main

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

func TestAnInstancesLifeAsAPersonSeesIt(t *testing.T) {
	addr := serveMemory(t)
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"services"}, `
SERVICE  INSTANCES  HEALTHY  TAGS
`},
		{[]string{
			"register", "payments", "--address", "10.0.0.7", "--port", "8080", "--id", "payments-1",
			"--tag", "v2", "--tag", "canary", "--zone", "eu-1a", "--meta", "version=2.3.1", "--meta", "note=a,b=c",
		}, `
registered payments payments-1 at 10.0.0.7:8080: healthy (index 1)
`},
		{[]string{"register", "payments", "--address", "::1", "--port", "80", "--weight", "7", "--ttl", "15s", "--check-tcp"}, `
registered payments ::1:80 at [::1]:80: unknown (index 2)
`},
		{[]string{"services"}, `
SERVICE   INSTANCES  HEALTHY  TAGS
payments  2          1        canary,v2
`},
		{[]string{"services", "--tag", "v9"}, `
SERVICE  INSTANCES  HEALTHY  TAGS
`},
		{[]string{"discover", "payments"}, `
ID          ADDRESS        ZONE   WEIGHT  STATUS   TAGS
payments-1  10.0.0.7:8080  eu-1a  100     healthy  v2,canary
`},
		{[]string{"discover", "payments", "--status", "any", "--consistent"}, `
ID          ADDRESS        ZONE   WEIGHT  STATUS   TAGS
::1:80      [::1]:80       -      7       unknown  -
payments-1  10.0.0.7:8080  eu-1a  100     healthy  v2,canary
`},
		{[]string{"discover", "payments", "--status", "any", "--filter", "weight == 7"}, `
ID      ADDRESS   ZONE  WEIGHT  STATUS   TAGS
::1:80  [::1]:80  -     7       unknown  -
`},
		{[]string{"discover", "payments", "--tag", "v2", "--zone", "eu-1a", "--meta", "note=a,b=c"}, `
ID          ADDRESS        ZONE   WEIGHT  STATUS   TAGS
payments-1  10.0.0.7:8080  eu-1a  100     healthy  v2,canary
`},
		{[]string{"health", "payments", "::1:80", "healthy", "--check", "tcp"}, `
payments ::1:80 is now healthy (index 3)
`},
		{[]string{"health", "payments", "payments-1", "unhealthy", "--output", "out of memory"}, `
payments payments-1 is now unhealthy (index 4)
`},
		{[]string{"maintenance", "payments", "::1:80", "on", "--reason", "deploy"}, `
payments ::1:80 is now healthy,maintenance (index 5)
`},
		{[]string{"discover", "payments"}, `
ID  ADDRESS  ZONE  WEIGHT  STATUS  TAGS
`},
		{[]string{"maintenance", "payments", "::1:80", "off"}, `
payments ::1:80 is now healthy (index 6)
`},
		{[]string{"deregister", "payments", "::1:80"}, `
deregistered payments ::1:80 (index 7)
`},
	} {
		runAt(t, addr, step.args...).want(t, exitDone, step.want)
	}
}

func TestAnEmptyDiscoverySaysWhatWouldShowMore(t *testing.T) {
	addr := serveMemory(t)
	runAt(t, addr, "register", "payments", "--address", "10.0.0.7", "--port", "80", "--check-http", "/health", "--interval", "5s")
	got := runAt(t, addr, "discover", "payments")
	if want := "payments is registered, but no instance fits; '--status any' shows them all\n"; got.stderr != want {
		t.Errorf("stderr %q, want %q", got.stderr, want)
	}
}

func TestTheClusterAsATable(t *testing.T) {
	runAt(t, serveMemory(t), "cluster").want(t, exitDone, `
cluster C1, leader n1, term 3, commit index 42

NODE  STATE     ROLE      GOSSIP  APPLIED  LAST CONTACT  HTTP                  PEER           GOSSIP ADDRESS  ZONE   VERSION
n1    leader    voter     alive   42       0s            http://10.0.0.1:7300  10.0.0.1:7301  10.0.0.1:7302   eu-1a  v1.2.3
n2    follower  voter     alive   41       8ms           http://10.0.0.2:7300  10.0.0.2:7301  10.0.0.2:7302   -      v1.2.3
n3    unknown   nonvoter  dead    0        -             -                     10.0.0.3:7301  -               -      -
`)
}

func TestJSONAndYAMLCarryWhatTheNodeAnswered(t *testing.T) {
	addr := serveMemory(t)
	runAt(t, addr, "register", "payments", "--address", "10.0.0.7", "--port", "8080", "--id", "p1",
		"--tag", "true", "--meta", "build=0123", "--ttl", "15s", "--check-http", "/health")
	for _, c := range []struct{ command, path string }{
		{"services", "/v1/services"},
		{"discover payments --status any", "/v1/services/payments?status=any"},
		{"cluster", "/v1/cluster"},
	} {
		t.Run(c.command, func(t *testing.T) { sameAsContract(t, addr, c.command, get(t, addr+c.path)) })
	}
	instance := "/v1/services/payments/instances/p1"
	for _, command := range []string{
		"register payments --address 10.0.0.7 --port 8080 --id p1 --zone eu",
		"health payments p1 healthy",
		"maintenance payments p1 on",
	} {
		t.Run(command, func(t *testing.T) {
			for _, format := range []string{formatJSON, formatYAML} {
				got := runAt(t, addr, append(split(command), "-o", format)...)
				compare(t, format, got, get(t, addr+instance))
			}
		})
	}
	runAt(t, addr, "deregister", "payments", "p1", "-o", "json").want(t, exitDone, "{\n  \"index\": 8\n}\n")
}

// sameAsContract runs a command that changes nothing in both formats.
func sameAsContract(t *testing.T, addr, command string, want any) {
	t.Helper()
	for _, format := range []string{formatJSON, formatYAML} {
		compare(t, format, runAt(t, addr, append(split(command), "--format", format)...), want)
	}
}

func compare(t *testing.T, format string, got result, want any) {
	t.Helper()
	if got.status != exitDone {
		t.Fatalf("exit status %d: %s", got.status, got.stderr)
	}
	if diff := cmp.Diff(want, parse(t, format, got.stdout)); diff != "" {
		t.Errorf("%s: the node's answer (-) and what was printed (+):\n%s", format, diff)
	}
}

// parse reads either format into what encoding/json makes of a document.
func parse(t *testing.T, format, text string) any {
	t.Helper()
	if format == formatYAML {
		var document any
		if err := yaml.Unmarshal([]byte(text), &document); err != nil {
			t.Fatal(err)
		}
		asJSON, err := json.Marshal(document)
		if err != nil {
			t.Fatal(err)
		}
		text = string(asJSON)
	}
	var document any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return document
}

func get(t *testing.T, url string) any {
	t.Helper()
	response, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, formatJSON, string(body))
}
