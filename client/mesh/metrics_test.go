package mesh

import (
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/musterhq/muster/lb"
)

// meter is a provider whose instruments can be read.
type meter struct {
	*metric.MeterProvider
	reader *metric.ManualReader
}

func newMeter() meter {
	r := metric.NewManualReader()
	return meter{metric.NewMeterProvider(metric.WithReader(r)), r}
}

// read returns the value of each time series, as name{attributes}: counts of histograms.
func (m meter) read(t *testing.T) map[string]int64 {
	t.Helper()
	var got metricdata.ResourceMetrics
	if err := m.reader.Collect(t.Context(), &got); err != nil {
		t.Fatal(err)
	}
	series := map[string]int64{}
	add := func(name string, set attribute.Set, n int64) {
		series[name+"{"+set.Encoded(attribute.DefaultEncoder())+"}"] += n
	}
	for _, s := range got.ScopeMetrics {
		for _, m := range s.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, p.Value)
				}
			case metricdata.Histogram[float64]:
				for _, p := range d.DataPoints {
					add(m.Name, p.Attributes, int64(p.Count))
					if !slices.Equal(p.Bounds, durations) || m.Unit != "s" {
						t.Errorf("%s in %s has the bounds %v", m.Name, m.Unit, p.Bounds)
					}
				}
			}
		}
	}
	return series
}

func (m meter) want(t *testing.T, series map[string]int64) {
	t.Helper()
	got := m.read(t)
	for name, n := range series {
		if got[name] != n {
			t.Errorf("%s is %d, want %d", name, got[name], n)
		}
	}
	if t.Failed() {
		for name, n := range got {
			t.Logf("there is %s %d", name, n)
		}
	}
}

func TestMetricsOfCallsNameTheServiceAndNoInstance(t *testing.T) {
	w := newTown(t)
	w.serve(new(hits).answer(503))
	w.serve(new(hits).answer(503))
	m := newMeter()
	c := w.client(WithMeterProvider(m), WithRetries(1), WithBudget(Budget{Share: -1, Floor: 0.1}), WithBalancer(lb.WithBreaker(oneStrike)))
	r, err := c.Get("http://payments/")
	want(t, r, err, 503, "503 ")
	if _, err = c.Get("http://payments/"); err == nil {
		t.Error("both breakers are open, and a call went through")
	}
	if _, err = c.Get("http://nobody/"); err == nil {
		t.Error("nobody answered")
	}
	var got map[string]int64
	eventually(t, "the breakers' changes are counted", func() bool {
		got = m.read(t)
		return got["breaker.transitions{muster.service=payments,state=open}"] == 2
	})
	m.want(t, map[string]int64{
		"http.client.request.duration{error.type=503,http.request.method=GET,http.response.status_code=503,network.protocol.version=1.1,server.address=payments,server.port=80}": 2,
		"lb.picks{muster.service=payments}":                            2,
		"lb.picks{error.type=breaker_open,muster.service=payments}":    1,
		"lb.picks{error.type=service_not_found,muster.service=nobody}": 1,
		"breaker.rejected{muster.service=payments}":                    1,
		"lb.endpoints{muster.service=payments,state=open}":             2,
		"retry.budget.exhausted{muster.service=payments}":              0,
	})
	for name := range m.read(t) {
		if strings.Contains(name, "127.0.0.1") || strings.Contains(name, "p1") {
			t.Errorf("%s names an instance", name)
		}
	}
}

func TestWhatWasRefusedIsCounted(t *testing.T) {
	w := newTown(t)
	w.serve(new(hits).answer(429))
	w.serve(new(hits).answer(429))
	m := newMeter()
	tr := w.transport(WithMeterProvider(m), WithBudget(Budget{Share: -1, Floor: -1}))
	c := &httpClient{tr}
	for range 50 {
		c.get(t)
	}
	got := m.read(t)
	if got["retry.budget.exhausted{muster.service=payments}"] == 0 || got["throttle.rejected{muster.service=payments}"] == 0 {
		t.Errorf("%v", got)
	}
	_ = tr.Close()
	if n := m.read(t)["lb.endpoints{muster.service=payments,state=ready}"]; n != 0 {
		t.Errorf("after Close %d endpoints are observed", n)
	}
}

// TestEjectionsAndPanicsAreCounted as the balancer tells of them.
func TestEjectionsAndPanicsAreCounted(t *testing.T) {
	w := newTown(t)
	m := newMeter()
	tr := w.transport(WithMeterProvider(m))
	for _, e := range []lb.Event{
		{Kind: lb.WasEjected, Service: "payments", Reason: "failures in a row"}, {Kind: lb.PanicBegan, Service: "payments"},
		{Kind: lb.PanicEnded, Service: "payments"}, {Kind: lb.WasReturned, Service: "payments"},
	} {
		tr.telemetry.changed(e)
	}
	m.want(t, map[string]int64{
		"lb.ejections{method=failures in a row,muster.service=payments}": 1,
		"lb.panic{muster.service=payments}":                              1,
	})
}

func TestATransportThatIsClosedIsHeldByNobody(t *testing.T) {
	w, m := newTown(t), newMeter()
	w.serve(new(hits).answer(200))
	tr := NewTransport(lb.Local(w.reg), WithMeterProvider(m))
	(&httpClient{tr}).get(t)
	m.want(t, map[string]int64{"lb.endpoints{muster.service=payments,state=ready}": 1})
	held := weak.Make(tr)
	_ = tr.Close()
	eventually(t, "it is collected", func() bool { runtime.GC(); return held.Value() == nil })
	runtime.KeepAlive(m)
}
