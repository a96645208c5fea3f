package testcluster

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// inNamespace is set in the environment of a test process that has a network of its own.
const inNamespace = "MUSTER_TEST_NAMESPACE"

// EnterNamespace has the test process begin once more, with a network of its own in which it may do as it likes; everything
// vanishes with the process. TestMain calls it before anything else. It returns in that network, and also where the machine
// does not allow one, with the reason.
func EnterNamespace() error {
	if InNamespace() {
		return prepareNamespace()
	}
	unshare := []string{"unshare", "--net", "--mount"}
	if os.Geteuid() != 0 {
		unshare = append(unshare, "--user", "--map-root-user")
	}
	program, err := exec.LookPath(unshare[0])
	if err != nil {
		return err
	}
	if err := run(program, append(unshare[1:], "true")...); err != nil {
		return fmt.Errorf("this machine gives tests no network of their own: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	again := slices.Concat(unshare, []string{self}, os.Args[1:])
	return syscall.Exec(program, again, append(os.Environ(), inNamespace+"=1")) //nolint:gosec // the same program again
}

// InNamespace tells whether this test process has a network of its own.
func InNamespace() bool { return os.Getenv(inNamespace) != "" }

// prepareNamespace gives the process a place for the names of further namespaces, which nobody else sees.
func prepareNamespace() error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to this process: %w", err)
	}
	if err := syscall.Mount("tmpfs", "/run", "tmpfs", 0, ""); err != nil {
		return fmt.Errorf("mount a /run of this process's own: %w", err)
	}
	return ip("link set lo up")
}

// ip has the program ip do what the lines say, one command each.
func ip(lines ...string) error { return runIP(lines, "-batch", "-") }

// ipIn does so in a namespace.
func ipIn(name string, lines ...string) error { return runIP(lines, "-netns", name, "-batch", "-") }

func runIP(lines []string, args ...string) error {
	command := exec.Command("ip", args...) //nolint:noctx // it takes a moment
	command.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("ip: %w: %s: %q", err, output, lines)
	}
	return nil
}
