package mutants

import (
	"context"
	"os"
	"os/exec"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/musterhq/muster/internal/overlay"
)

// patience is how long a schedule may take: within it a mutant must be caught.
const patience = 3 * time.Minute

// schedule is a test of the product that must pass as the product is, and fail with the mutant.
type schedule struct {
	folder string   // of the test, seen from the root
	test   string   // its name
	env    []string // how long it is to be, and the like
	drawn  bool     // it draws its cases with rapid, which would leave a file behind of what it has found
}

// verdict is what became of a schedule.
type verdict string

const (
	passed  verdict = "passed"
	failed  verdict = "failed"
	skipped verdict = "skipped" // this machine can't run it
	broken  verdict = "broken"  // it was not built, or did not come to an end
)

// outcome is a verdict, how long it took without what came before the test, and what was printed.
type outcome struct {
	verdict verdict
	took    string
	output  string
}

// ended finds the line with which a test ends.
var ended = regexp.MustCompile(`(?m)^--- (PASS|FAIL|SKIP): (\w+) \((.*)\)$`)

// run has the go command run the schedule, with an overlay, which may be empty. Programs that the test builds have the
// overlay too.
func (s schedule) run(ctx context.Context, changed string, limit time.Duration) outcome {
	ctx, cancel := context.WithTimeout(ctx, limit+time.Minute) // the test may have to be built first
	defer cancel()
	args := []string{"test", "-count=1", "-v", "-vet=off", "-timeout", limit.String(), "-run", "^" + s.test + "$"}
	if raceEnabled() {
		args = append(args, "-race")
	}
	args = append(args, "./"+s.folder)
	if s.drawn {
		args = append(args, "-rapid.nofailfile")
	}
	test := exec.CommandContext(ctx, "go", args...)
	test.Dir = root
	test.Env = slices.Concat(os.Environ(), s.env)
	if changed != "" {
		test.Env = append(test.Env, "GOFLAGS="+strings.TrimSpace(os.Getenv("GOFLAGS")+" -overlay="+changed))
	}
	// The go command's children end with it.
	test.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	test.Cancel = func() error { return syscall.Kill(-test.Process.Pid, syscall.SIGKILL) }
	b, err := test.CombinedOutput()
	o := outcome{verdict: broken, output: string(b)}
	if ctx.Err() != nil {
		return o
	}
	for _, end := range ended.FindAllStringSubmatch(o.output, -1) {
		if end[2] == s.test {
			o.verdict = map[string]verdict{"PASS": passed, "FAIL": failed, "SKIP": skipped}[end[1]]
			o.took = end[3]
		}
	}
	if (err == nil) != (o.verdict == passed || o.verdict == skipped) {
		o.verdict = broken // something else of the package failed, as a goroutine that it left behind
	}
	return o
}

// raceEnabled tells whether this test has the race detector; then the schedules have it too, and share what was built.
func raceEnabled() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// requirePassed requires that each schedule of the mutant passes as the product is, and skips the test where this machine
// can't run one.
func (m mutant) requirePassed(t *testing.T) {
	t.Helper()
	for _, s := range m.schedules {
		switch o := s.run(t.Context(), "", patience); o.verdict {
		case passed:
			t.Logf("%s of %s passes in %s", s.test, s.folder, o.took)
		case skipped:
			t.Skipf("NOT RUN: this machine can't run %s of %s:\n%s", s.test, s.folder, o.output)
		default:
			t.Fatalf("%s of %s %s as the product is, so it can show nothing:\n%s", s.test, s.folder, o.verdict, o.output)
		}
	}
}

// requireCaught requires that each schedule of the mutant fails with it.
func (m mutant) requireCaught(t *testing.T) {
	t.Helper()
	path := overlay.Write(t, root, m.replacements())
	for _, s := range m.schedules {
		o := s.run(t.Context(), path, patience)
		if o.verdict != failed {
			t.Fatalf("%s of %s %s with the mutant: %s\n%s", s.test, s.folder, o.verdict, m.bug, o.output)
		}
		t.Logf("caught by %s of %s in %s", s.test, s.folder, o.took)
	}
}
