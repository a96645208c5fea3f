package main

import (
	"os/exec"
	"strings"
	"testing"
)

func TestCurlIsPrintedInsteadOfTheCall(t *testing.T) {
	for command, want := range map[string]string{
		"services":                             "curl http://127.0.0.1:7300/v1/services",
		"why payments payments-1 --consistent": "curl 'http://127.0.0.1:7300/v1/services/payments/instances/payments-1/history?consistency=linearizable'",

		"discover payments --tag v2 --meta a=b --consistent --status any": "curl 'http://127.0.0.1:7300/v1/services/payments?consistency=linearizable&meta.a=b&status=any&tag=v2'",
		"register payments --address 10.0.0.7 --port 8080 --id p1 --tag v2 --check-http /health": "curl -X PUT http://127.0.0.1:7300/v1/services/payments/instances/p1 -H 'Content-Type: application/json'" +
			` -d '{"address":"10.0.0.7","port":8080,"tags":["v2"],"checks":[{"type":"http","path":"/health"}]}'`,
		"register a/b --address ::1 --port 80":                     `curl -X POST http://127.0.0.1:7300/v1/services/a%2Fb/instances -H 'Content-Type: application/json' -d '{"address":"::1","port":80}'`,
		"deregister payments p1":                                   "curl -X DELETE http://127.0.0.1:7300/v1/services/payments/instances/p1",
		"deregister payments p1 --drain 5s":                        "curl -X DELETE 'http://127.0.0.1:7300/v1/services/payments/instances/p1?drain=5s'",
		"health payments p1 unhealthy --output it's":               `curl -X PUT http://127.0.0.1:7300/v1/services/payments/instances/p1/health -H 'Content-Type: application/json' -d '{"status":"unhealthy","output":"it'\''s"}'`,
		"maintenance payments p1 off":                              `curl -X PUT http://127.0.0.1:7300/v1/services/payments/instances/p1/maintenance -H 'Content-Type: application/json' -d '{"enabled":false}'`,
		"cluster --addr http://[::1]:7300,http://127.0.0.1:7310":   "curl --globoff 'http://[::1]:7300/v1/cluster'",
		"services --addr https://muster.example:443/ --timeout 1s": "curl https://muster.example:443/v1/services",
	} {
		runWith(t, program{}, append(split(command), "--curl")...).want(t, exitDone, want+"\n")
	}
}

func TestCurlDoesWhatTheCommandWouldHaveDone(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is not there")
	}
	addr := serveMemory(t)
	for _, command := range [][]string{
		{"register", "a/odd:one", "--address", "10.0.0.7", "--port", "80", "--id", "p1", "--meta", "note=$HOME `id` 'x' \\ & é", "--tag", "<b>"},
		{"health", "a/odd:one", "p1", "healthy", "--output", "\"fine\"\n!"},
		{"maintenance", "a/odd:one", "p1", "on", "--reason", "it's late"},
	} {
		printed := runAt(t, addr, append(command, "--curl")...)
		printed.status0(t, command[0])
		line := strings.Replace(printed.stdout, "curl", "curl -sf", 1)
		if out, err := exec.CommandContext(t.Context(), "sh", "-c", line).CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", line, err, out)
		}
	}
	got := runAt(t, addr, "discover", "a/odd:one", "--status", "any", "-o", "json")
	for _, part := range []string{"$HOME `id` 'x' \\\\ & é", "<b>", `\"fine\"\n!`, "it's late"} {
		if !strings.Contains(got.stdout, part) {
			t.Errorf("%s is not in %s", part, got.stdout)
		}
	}
}
