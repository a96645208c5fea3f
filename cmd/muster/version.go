package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// build says what this program was made of.
type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"` // of the source; absent where it was built outside a repository
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// thisBuild reads what the Go toolchain wrote into the program.
func thisBuild() build {
	b := build{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.Revision = s.Value
		}
	}
	return b
}

func (b build) String() string {
	if b.Revision == "" {
		return fmt.Sprintf("muster %s (%s, %s)", b.Version, b.Go, b.Platform)
	}
	return fmt.Sprintf("muster %s (%s, %s, %s)", b.Version, b.Revision, b.Go, b.Platform)
}

func (p *program) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the version of this program",
		Args:  names(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			b := thisBuild()
			if format := p.using.format.value; format != formatTable {
				return encode(p.stdout, format, b)
			}
			_, err := fmt.Fprintln(p.stdout, b)
			return err
		},
	}
}
