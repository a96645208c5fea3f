package http

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/musterhq/muster/fsm"
	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/roster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
	"github.com/musterhq/muster/store"
)

// soloNode is a node that is a cluster of its own: it decides at once, in memory, by the real rules. The fields may be
// set before the first request to make it behave like a node in trouble.
type soloNode struct {
	published *registry.Publisher
	writing   sync.Mutex

	id, clusterID, leader string
	age                   time.Duration
	behind                bool  // it has not caught up since its start
	unready               error // what Ready says
	unsound               error // what Sound says

	refuse    error // what Submit says instead of deciding
	submit    func(context.Context) error
	confirmed uint64                 // what ReadIndex says, or the newest index
	horizon   func() (uint64, error) // what Horizon says instead
	mute      error                  // what ReadIndex, Cluster, Transfer and Remove say instead

	past []*record.Transition // what History says of every instance

	asked []string // of the membership
	keys  []string // of the writes

	watchers      *roster.Roster
	subscriptions []*registry.Subscription

	restore func(ctx context.Context, snapshot io.Reader) (fsm.Restored, error)
}

func newSoloNode() *soloNode {
	return &soloNode{
		published: registry.NewPublisher(registry.NewState()),
		id:        "n1", clusterID: "01CLUSTER", leader: "http://n1.example:7300",
		age: 7 * time.Millisecond, watchers: roster.New(time.Now().Add(-roster.Memory)),
	}
}

func (n *soloNode) State() *registry.State { return n.published.State() }

func (n *soloNode) Await(ctx context.Context, index uint64) error {
	return n.published.Await(ctx, index)
}

func (n *soloNode) History(service, id string, upTo uint64) []*record.Transition {
	return slices.DeleteFunc(slices.Clone(n.past), func(t *record.Transition) bool {
		return t.Service != service || t.ID != id || t.Index > upTo
	})
}

func (n *soloNode) Submit(ctx context.Context, w fsm.Write) (fsm.Outcome, error) {
	if n.refuse != nil {
		return fsm.Outcome{}, n.refuse
	}
	if n.submit != nil {
		if err := n.submit(ctx); err != nil {
			return fsm.Outcome{}, err
		}
	}
	return n.decide(w)
}

func (n *soloNode) decide(w fsm.Write) (fsm.Outcome, error) {
	n.writing.Lock()
	defer n.writing.Unlock()
	n.keys = append(n.keys, w.Key)
	edit := n.State().Edit()
	index := n.State().Index() + 1
	results, err := edit.Apply(index, w.Operations...)
	if err != nil {
		return fsm.Outcome{Index: index}, err
	}
	n.published.Publish(edit.Commit(), edit.Changed())
	return fsm.Outcome{Index: index, Results: results}, nil
}

// advance applies an entry that changes nothing, as Raft's own are.
func (n *soloNode) advance(index uint64) {
	n.writing.Lock()
	defer n.writing.Unlock()
	edit := n.State().Edit()
	edit.SetIndex(index)
	n.published.Publish(edit.Commit(), nil)
}

func (n *soloNode) Freshness() (time.Duration, bool) { return n.age, !n.behind }

func (n *soloNode) Sound() error {
	n.writing.Lock()
	defer n.writing.Unlock()
	return n.unsound
}

func (n *soloNode) ReadIndex(context.Context) (uint64, error) {
	return max(n.confirmed, n.State().Index()), n.mute
}

func (n *soloNode) Horizon(ctx context.Context) (uint64, error) {
	if n.horizon != nil {
		return n.horizon()
	}
	return n.ReadIndex(ctx)
}

func (n *soloNode) Subscribe(services ...string) *registry.Subscription {
	return n.keep(n.published.Subscribe(services...))
}

func (n *soloNode) SubscribeAll() *registry.Subscription { return n.keep(n.published.SubscribeAll()) }

func (n *soloNode) keep(s *registry.Subscription) *registry.Subscription {
	n.writing.Lock()
	defer n.writing.Unlock()
	n.subscriptions = append(n.subscriptions, s)
	return s
}

// subscribed is how many of the subscriptions that were ever made a change of everything still wakes.
func (n *soloNode) subscribed(services ...string) (woken int) {
	n.published.Publish(n.State(), services)
	for _, s := range n.subscriptions {
		select {
		case <-s.C():
			woken++
		default:
		}
	}
	return woken
}

func (n *soloNode) Backup() (fsm.Backup, error) { return machineOf(n.State(), n.clusterID).Backup() }

// Restore takes any snapshot, unless the test wants something else.
func (n *soloNode) Restore(ctx context.Context, snapshot io.Reader) (fsm.Restored, error) {
	if n.restore != nil {
		return n.restore(ctx, snapshot)
	}
	summary, err := fsm.Inspect(snapshot)
	return fsm.Restored{Index: 7, Instances: summary.Instances, Services: len(summary.Services)}, err
}

func (n *soloNode) Transfer(_ context.Context, to string) (string, error) {
	n.asked = append(n.asked, "transfer to "+to)
	return n.id, n.mute
}

func (n *soloNode) Remove(_ context.Context, node string, force bool) (wire.RemovedNode, error) {
	n.asked = append(n.asked, fmt.Sprintf("remove %s, force %t", node, force))
	return wire.RemovedNode{ID: node, RaftID: "R-" + node}, n.mute
}

// machineOf is a machine that holds a state.
func machineOf(state *registry.State, clusterID string) *fsm.Machine {
	image := store.Image{Index: state.Index(), Term: 1, State: state}
	for service := range state.Services() {
		for i := range service.Instances() {
			image.Hash.Add(i)
		}
	}
	return fsm.NewMachine(image, func() string { return clusterID })
}

func (n *soloNode) ID() string         { return n.id }
func (n *soloNode) ClusterID() string  { return n.clusterID }
func (n *soloNode) LeaderHTTP() string { return n.leader }
func (n *soloNode) Ready() error       { return n.unready }

func (n *soloNode) Cluster(context.Context) (wire.Cluster, error) {
	return wire.Cluster{ID: n.clusterID, Leader: n.id, Term: 1, CommitIndex: n.State().Index()}, n.mute
}

func (n *soloNode) Self() wire.Self {
	return wire.Self{ID: n.id, ClusterID: n.clusterID, State: "leader", AppliedIndex: n.State().Index()}
}
