package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// From the first signal on the default holds again, so that a second one ends the process at once.
	context.AfterFunc(ctx, stop)
	p := program{stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ, startNode: startNode}
	os.Exit(p.run(ctx, os.Args[1:]))
}
