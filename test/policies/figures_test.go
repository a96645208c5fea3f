package policies

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// figures are what is to be known of a strategy in a scenario.
type figures struct {
	strategy       string
	calls          int           // all
	p50, p99, p999 time.Duration // of those that were answered well, from when they were due to the end of the answer
	lost           float64       // share of all calls that failed
	busy           float64       // share of the processors of the machine
}

func figuresOf(strategy string, all calls, busy float64) figures {
	slices.Sort(all.Took)
	f := figures{strategy: strategy, calls: len(all.Took) + all.Lost, busy: busy}
	f.p50, f.p99, f.p999 = quantile(all.Took, 0.5), quantile(all.Took, 0.99), quantile(all.Took, 0.999)
	f.lost = float64(all.Lost) / float64(max(1, f.calls))
	return f
}

// quantile is the value below which that share of the sorted ones lies.
func quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// table is the rows as Markdown.
func table(s scenario, rows []figures) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n\n", strings.ToUpper(string(s)[:1])+string(s)[1:])
	fmt.Fprintln(&b, "| strategy | p50 ms | p99 ms | p99.9 ms | lost % | calls | CPU % |")
	fmt.Fprintln(&b, "|---|--:|--:|--:|--:|--:|--:|")
	for _, f := range rows {
		fmt.Fprintf(&b, "| `%s` | %d | %d | %d | %.2f | %d | %.0f |\n", f.strategy,
			f.p50.Milliseconds(), f.p99.Milliseconds(), f.p999.Milliseconds(), 100*f.lost, f.calls, 100*f.busy)
	}
	return b.String()
}
