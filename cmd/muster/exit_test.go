package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/musterhq/muster/internal/wire"
)

func split(command string) []string { return strings.Fields(command) }

// serveProblem serves nothing but one problem.
func serveProblem(t *testing.T, p *wire.Problem) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", wire.TypeProblem)
		w.WriteHeader(p.Status)
		if err := json.NewEncoder(w).Encode(p); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// nobody is an address where nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return "http://" + listener.Addr().String()
}

func TestEachKindOfFailureHasItsStatus(t *testing.T) {
	for code, want := range map[wire.Code]int{
		wire.CodeInvalidRequest:       exitUsage,
		wire.CodeUnauthorized:         exitDenied,
		wire.CodeForbidden:            exitDenied,
		wire.CodeNotFound:             exitNotFound,
		wire.CodeServiceNotFound:      exitNotFound,
		wire.CodeInstanceNotFound:     exitNotFound,
		wire.CodeNodeNotFound:         exitNotFound,
		wire.CodeMethodNotAllowed:     exitFailed,
		wire.CodeConflict:             exitConflict,
		wire.CodePreconditionFailed:   exitConflict,
		wire.CodeTooLarge:             exitFailed,
		wire.CodeUnsupportedMediaType: exitFailed,
		wire.CodeRateLimited:          exitFailed,
		wire.CodeInternal:             exitFailed,
		wire.CodeNotReady:             exitFailed,
		wire.CodeNoLeader:             exitNoLeader,
		wire.CodeTooStale:             exitFailed,
		wire.CodeOverloaded:           exitFailed,
		wire.CodeIndexNotReached:      exitTimeout,
		wire.CodeTimeout:              exitTimeout,
		wire.CodeDiskFull:             exitFailed,
	} {
		t.Run(string(code), func(t *testing.T) {
			addr := serveProblem(t, wire.NewProblem(code, "the very words"))
			for _, command := range []string{"discover payments", "deregister payments p1"} {
				runAt(t, addr, split(command)...).fails(t, want, "muster: the very words\n")
			}
		})
	}
}

func TestNoNodeReachableNamesThoseThatWereTried(t *testing.T) {
	a, b := nobody(t), nobody(t)
	runAt(t, a+","+b, "services").fails(t, exitUnreachable,
		a+": connection refused", b+": connection refused", "start one with 'muster dev'", "--addr")
}

func TestAnUnknownOutcomeIsSaid(t *testing.T) {
	p := wire.NewProblem(wire.CodeNoLeader, "no leader any more (it is unknown whether the write was applied)")
	p.Outcome = wire.OutcomeUnknown
	runAt(t, serveProblem(t, p), "deregister", "payments", "p1").fails(t, exitNoLeader, "unknown whether the write was applied")
}

func TestANodeThatIsNoneIsFoundOut(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	runAt(t, server.URL, "services").fails(t, exitFailed, server.URL, "HTTP 404", "is it one?")
}

func TestANodeThatIsSilentIsGivenUp(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, as the kernel does for a stopped process, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	runAt(t, "http://"+listener.Addr().String(), "services", "--timeout", "50ms").fails(t, exitTimeout, "timed out")
}

func TestWrongUsageSaysWhatIsWrongAndWhereToRead(t *testing.T) {
	for command, words := range map[string]string{
		"nosuch":                                        `unknown command "nosuch"`,
		"services extra":                                `"extra" is one argument too many`,
		"discover":                                      "SERVICE is missing",
		"deregister payments":                           "ID is missing",
		"discover ..":                                   `SERVICE: ".." is no name`,
		"discover payments --status well":               "must be healthy, unhealthy, unknown or any",
		"discover payments --meta version":              "must look like key=value",
		"register payments --port 80":                   "--address is missing",
		"register payments --address a":                 "--port is missing",
		"register payments --address a --port x":        `--port: invalid value "x": invalid syntax`,
		"register payments --address a --port 99999":    "port",
		"register p --address a --port 1 --id .x":       `--id: ".x" is no name`,
		"register p --address a --port 1 --interval 5s": "--interval needs a check",
		"health payments p1 ill":                        `"ill" is no health`,
		"maintenance payments p1 maybe":                 `"maybe": maintenance must be on or off`,
		"maintenance payments p1 off --reason x":        "--reason goes with 'on' only",
		"services -o xml":                               "must be table, json or yaml",
		"services --addr ftp://x":                       `"ftp://x" is not the address of a node`,
		"services --addr http://h:1/v1":                 "ends after the port",
		"server":                                        "--data-dir is missing",
		"server --data-dir x --addr http://h":           "--addr is for commands that use a cluster",
		"server --data-dir x --log-level loud":          "must be debug, info, warn or error",
		"server --data-dir x --nonvoter":                "--nonvoter needs --join",
		"dev --nodes 0":                                 "--nodes is 1 to 9",
		"dev --http-port 65530":                         "not all between 1 and 65535",
	} {
		t.Run(command, func(t *testing.T) {
			got := runAt(t, serveMemory(t), split(command)...)
			got.fails(t, exitUsage, words, "--help' for usage")
		})
	}
}
