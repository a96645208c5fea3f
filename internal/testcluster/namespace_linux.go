package testcluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// inNamespace is set in the environment of a test process that has a network of its own.
const inNamespace = "MUSTER_TEST_NAMESPACE"

// RunInNamespace runs the test process once more, with a network of its own in which it may do as it likes, and returns its
// exit status. There it returns false, and the caller goes on with its tests; so it does where the machine does not allow
// this, with the reason. Everything vanishes with the process.
func RunInNamespace() (status int, done bool, err error) {
	if os.Getenv(inNamespace) != "" {
		return 0, false, prepareNamespace()
	}
	self, err := os.Executable()
	if err != nil {
		return 0, false, err
	}
	again := exec.Command(self, os.Args[1:]...) //nolint:noctx // go test bounds it
	again.Env = append(os.Environ(), inNamespace+"=1")
	again.Stdin, again.Stdout, again.Stderr = os.Stdin, os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Geteuid() != 0 {
		again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	err = again.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), true, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("this machine gives tests no network of their own: %w", err)
	}
	return 0, true, nil
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
