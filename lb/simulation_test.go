package lb_test

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/musterhq/muster/lb"
)

// world is a model of clients that choose, each by its own view, among servers with eight workers and a queue each, at 0.7 of
// what all servers can do. Arrivals and work are drawn from a seed; time is that of the bubble. What the strategies draw is
// not seeded, so results differ a little from run to run.
type world struct {
	dice    *rand.Rand
	clients []*lb.Service
	servers []*modelServer
	events  events
	now     time.Duration
	reports bool // servers tell their load
	from    time.Duration
	took    []time.Duration
	calls   int
	lost    int
}

const (
	modelClients = 20
	modelServers = 20
	modelWorkers = 8
	modelWork    = 10 * time.Millisecond
	modelWay     = 500 * time.Microsecond
)

type modelServer struct {
	busy    int
	waiting []func()
	slow    func(now time.Duration) float64
	fails   func(now time.Duration) bool

	// What it knows of itself, as a server in the field would: see mesh.Handler.
	counted       time.Duration
	work, answers float64
	latency       float64 // seconds
}

// count adds what was worked on since it was last called, and forgets what is long ago.
func (s *modelServer) count(now time.Duration) {
	look := max(0.25, 4*s.latency)
	kept := math.Exp(-(now - s.counted).Seconds() / look)
	s.work = s.work*kept + float64(s.busy+len(s.waiting))*look*(1-kept)
	s.answers *= kept
	s.counted = now
}

type event struct {
	at   time.Duration
	what func()
}

type events []event

func (e events) Len() int           { return len(e) }
func (e events) Less(i, j int) bool { return e[i].at < e[j].at }
func (e events) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)        { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

func (w *world) after(d time.Duration, what func()) { heap.Push(&w.events, event{w.now + d, what}) }

// simulate plays a scene for a time, of which the first three seconds do not count.
func simulate(t *testing.T, strategy string, lasts time.Duration, scene func(*world), opts ...lb.Option) (w *world) {
	t.Helper()
	if raceDetector || testing.Short() {
		t.Skip("takes seconds, on one goroutine")
	}
	synctest.Test(t, func(t *testing.T) {
		w = &world{dice: rand.New(rand.NewPCG(1, 2)), from: 3 * time.Second}
		for range modelClients {
			w.clients = append(w.clients, balancerOf(t, strategy, instances(modelServers), opts...).Service("payments"))
		}
		for range modelServers {
			w.servers = append(w.servers, &modelServer{
				slow: func(time.Duration) float64 { return 1 }, fails: func(time.Duration) bool { return false },
			})
		}
		scene(w)
		w.play(t, lasts)
	})
	slices.Sort(w.took)
	return w
}

func (w *world) play(t *testing.T, lasts time.Duration) {
	const rate = 0.7 * modelServers * modelWorkers / float64(modelWork)
	var arrive func()
	arrive = func() {
		if w.now < lasts {
			w.after(time.Duration(w.dice.ExpFloat64()/rate), arrive)
		}
		w.call(t, w.clients[w.dice.IntN(len(w.clients))])
	}
	w.after(0, arrive)
	begin := time.Now()
	for len(w.events) > 0 {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		time.Sleep(e.at - time.Since(begin))
		e.what()
	}
}

func (w *world) call(t *testing.T, client *lb.Service) {
	call, err := client.Acquire(t.Context(), lb.Query{})
	if err != nil {
		t.Fatal(err)
	}
	start := w.now
	server := w.servers[number(call.Instance().ID)]
	answer := func(outcome lb.Outcome) {
		w.after(modelWay, func() {
			call.Done(outcome)
			if start < w.from {
				return
			}
			w.calls++
			if outcome.Err != nil {
				w.lost++
			} else {
				w.took = append(w.took, w.now-start)
			}
		})
	}
	w.after(modelWay, func() {
		if server.fails(w.now) {
			answer(lb.Outcome{Err: errDown, Load: w.report(server)}) // it has nothing to do, and says so
			return
		}
		w.serve(server, answer)
	})
}

// serve works on a request as soon as a worker is free.
func (w *world) serve(s *modelServer, answer func(lb.Outcome)) {
	s.count(w.now)
	work := func() {
		s.busy++
		w.after(time.Duration(w.dice.ExpFloat64()*s.slow(w.now)*float64(modelWork)), func() {
			answer(lb.Outcome{Load: w.report(s)})
			s.answers++
			s.busy--
			if len(s.waiting) > 0 {
				next := s.waiting[0]
				s.waiting = s.waiting[1:]
				next()
			}
		})
	}
	if s.busy < modelWorkers {
		work()
	} else {
		s.waiting = append(s.waiting, work)
	}
}

func (w *world) report(s *modelServer) (l lb.Load) {
	if !w.reports {
		return l
	}
	s.count(w.now)
	s.latency = s.work / (s.answers + 1)
	l.InFlight = float64(max(1, s.busy+len(s.waiting)))
	l.Latency = time.Duration(s.latency * float64(time.Second))
	return l
}

func (w *world) percentile(p float64) time.Duration { return w.took[int(p*float64(len(w.took)-1))] }

func number(id string) (n int) {
	for _, digit := range id[1:] {
		n = n*10 + int(digit-'0')
	}
	return n
}

// slownessChanges makes each server three times slower for a fifth of the time.
func slownessChanges(w *world) {
	for _, s := range w.servers {
		phase := time.Duration(w.dice.Int64N(int64(5 * time.Second)))
		s.slow = func(now time.Duration) float64 {
			if (now+phase)%(5*time.Second) < time.Second {
				return 3
			}
			return 1
		}
	}
}

// oneFailsAtOnce has one server answer with an error, and without any work, for a third of the time.
func oneFailsAtOnce(w *world) {
	w.servers[7].fails = func(now time.Duration) bool { return now > 5*time.Second && now < 10*time.Second }
}

func aFifthIsSlower(w *world) {
	for _, s := range w.servers[:len(w.servers)/5] {
		s.slow = func(time.Duration) float64 { return 3 }
	}
}

// TestAdaptiveFollowsSlownessThatChanges: with what servers report it has at most half of p2c's 99th percentile, and not much
// more than half without.
func TestAdaptiveFollowsSlownessThatChanges(t *testing.T) {
	const lasts = 9 * time.Second
	p2c := simulate(t, "p2c", lasts, slownessChanges).percentile(0.99)
	alone := simulate(t, "adaptive", lasts, slownessChanges).percentile(0.99)
	told := simulate(t, "adaptive", lasts, func(w *world) { w.reports = true; slownessChanges(w) }).percentile(0.99)
	t.Logf("p99 of p2c %v, of adaptive %v, with reports %v", p2c, alone, told)
	if told > p2c/2 {
		t.Errorf("with reports, p99 of adaptive is %v; that of p2c is %v", told, p2c)
	}
	if alone > p2c*2/3 {
		t.Errorf("without reports, p99 of adaptive is %v; that of p2c is %v", alone, p2c)
	}
}

func TestAdaptiveLosesLittleToOneThatFailsAtOnce(t *testing.T) {
	for _, reports := range []bool{false, true} {
		w := simulate(t, "adaptive", 18*time.Second, func(w *world) { w.reports = reports; oneFailsAtOnce(w) })
		share := float64(w.lost) / float64(w.calls)
		t.Logf("reports %v: %.3f%% lost", reports, 100*share)
		if share >= 0.001 {
			t.Errorf("%.3f%% of the calls were lost", 100*share)
		}
	}
}

func TestAdaptiveLeavesTheSlowFifthWhatItCanDo(t *testing.T) {
	w := simulate(t, "adaptive", 6*time.Second, aFifthIsSlower)
	if p := w.percentile(0.99); p > 75*time.Millisecond {
		t.Errorf("p99 is %v", p)
	}
}
