package main

import (
	"net"
	"strings"
	"testing"
	"time"
)

func TestTabCompletesFromTheCluster(t *testing.T) {
	addr := serveMemory(t)
	for _, service := range []string{"payments", "orders"} {
		runAt(t, addr, "register", service, "--address", "10.0.0.7", "--port", "80", "--id", service+"-1").status0(t, service)
	}
	for line, want := range map[string]string{
		"discover":                       "orders payments",
		"register":                       "orders payments",
		"deregister payments":            "payments-1",
		"discover payments":              "",
		"health payments payments-1":     "healthy unhealthy unknown",
		"maintenance payments p1":        "on off",
		"maintenance payments p1 on":     "",
		"deregister nosuch":              "",
		"discover --addr http://h:1:1:1": "",
	} {
		got := runAt(t, addr, append([]string{"__complete"}, append(split(line), "")...)...)
		offered, _, _ := strings.Cut(got.stdout, ":4\n") // 4 says: and no files
		if found := strings.Join(strings.Fields(offered), " "); found != want {
			t.Errorf("%s: offers %q, want %q", line, found, want)
		}
	}
}

func TestTabDoesNotWaitForAClusterThatIsSilent(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	begun := time.Now()
	runAt(t, "http://"+listener.Addr().String(), "__complete", "discover", "").want(t, exitDone, ":4\n")
	if took := time.Since(begun); took > 4*completeWithin {
		t.Errorf("took %s", took)
	}
}

func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish"} {
		got := runWith(t, program{}, "completion", shell)
		if got.status != exitDone || !strings.Contains(got.stdout, "__complete") {
			t.Errorf("%s: exit status %d, %d bytes", shell, got.status, len(got.stdout))
		}
	}
}
