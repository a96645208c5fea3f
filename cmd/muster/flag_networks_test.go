package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestNetworksOfChecksFromEachPlace(t *testing.T) {
	want := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("169.254.7.7/32"), netip.MustParsePrefix("fd00::/8")}
	file := writeConfig(t, "data-dir: d", "check-allow:", "  - 10.1.0.0/16", "  - 169.254.7.7", "  - fd00::/8")
	for place, c := range map[string]struct {
		environ, args []string
	}{
		"flags":       {nil, []string{"--data-dir", "d", "--check-allow", "10.1.0.0/16, 169.254.7.7", "--check-allow", "fd00::/8"}},
		"environment": {[]string{"MUSTER_DATA_DIR=d", "MUSTER_CHECK_ALLOW=10.1.0.0/16,169.254.7.7,fd00::/8"}, nil},
		"file":        {nil, []string{"--config", file}},
	} {
		t.Run(place, func(t *testing.T) {
			config, got := configured(t, c.environ, c.args...)
			got.want(t, exitDone, "")
			if !slices.Equal(config.CheckAllow, want) || config.CheckDeny != nil {
				t.Errorf("%v and %v, want %v", config.CheckAllow, config.CheckDeny, want)
			}
		})
	}
}

func TestAMistakeInANetworkIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/33":  `"10.0.0.0/33" is no network`,
		"intranet":     `"intranet" is no network such as 10.0.0.0/8`,
		"10.0.0.1/8":   "10.0.0.1/8 has bits beyond its length: write 10.0.0.0/8 for the network",
		"fe80::1%eth0": `"fe80::1%eth0" is no network`,
	} {
		_, got := configured(t, nil, "--data-dir", "d", "--check-deny", text)
		got.want(t, exitUsage, "")
		if !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %s", text, got.stderr)
		}
	}
}
