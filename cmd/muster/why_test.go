package main

import "testing"

func TestWhyTellsHowAnInstanceCameToBeAsItIs(t *testing.T) {
	addr := serveMemory(t)
	runAt(t, addr, "register", "payments", "--address", "10.0.0.7", "--port", "80", "--id", "p1", "--check-http", "/health")
	runAt(t, addr, "health", "payments", "p1", "healthy", "--check", "http")
	runAt(t, addr, "health", "payments", "p1", "unhealthy", "--output", "out of\n\x1b[31m memory")
	runAt(t, addr, "maintenance", "payments", "p1", "on", "--reason", "deploy")
	runAt(t, addr, "deregister", "payments", "p1")
	runAt(t, addr, "why", "payments", "p1").want(t, exitDone, `
TIME                  FROM         TO           RULE          SEEN BY  TERM  INDEX  EVIDENCE
1970-01-01T00:00:05Z  maintenance  absent       deregistered  -        3     5      -
1970-01-01T00:00:04Z  unhealthy    maintenance  maintenance   -        3     4      deploy
1970-01-01T00:00:03Z  healthy      unhealthy    reported      -        3     3      out of [31m memory
1970-01-01T00:00:02Z  unknown      healthy      reported      -        3     2      http
1970-01-01T00:00:01Z  absent       unknown      registered    -        3     1      -
`)
	runAt(t, addr, "why", "payments", "p9").fails(t, exitNotFound, "payments")
	runAt(t, addr, "why", "payments").fails(t, exitUsage, "ID is missing")
}
