package policies

import (
	"bytes"
	"fmt"
	"os"
)

// processorTime is what the processors of this machine have had to do since it was started, in the kernel's ticks.
type processorTime struct{ all, idle uint64 }

// readProcessors reads the first line of /proc/stat: user, nice, system, idle, waiting for a disk, and further work.
func readProcessors() (processorTime, error) {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		return processorTime{}, err
	}
	line, _, _ := bytes.Cut(stat, []byte("\n"))
	var ticks [8]uint64
	if _, err := fmt.Sscanf(string(line), "cpu %d %d %d %d %d %d %d %d", &ticks[0], &ticks[1], &ticks[2], &ticks[3], &ticks[4],
		&ticks[5], &ticks[6], &ticks[7]); err != nil {
		return processorTime{}, fmt.Errorf("/proc/stat begins with %q: %w", line, err)
	}
	var p processorTime
	for _, n := range ticks {
		p.all += n
	}
	p.idle = ticks[3] + ticks[4]
	return p, nil
}

// busySince is the share of the processors that was used since before.
func (p processorTime) busySince(before processorTime) float64 {
	return 1 - float64(p.idle-before.idle)/float64(max(1, p.all-before.all))
}
