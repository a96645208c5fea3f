package cluster

import (
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/raft"
)

// asleep is a snapshot whose sender was stopped in the middle of it.
type asleep struct {
	first []byte
	woken chan struct{}
}

func (a *asleep) Read(b []byte) (int, error) {
	if len(a.first) > 0 {
		n := copy(b, a.first)
		a.first = a.first[n:]
		return n, nil
	}
	<-a.woken
	return 0, io.ErrUnexpectedEOF
}

func newStallTransport(p *port) *raft.NetworkTransport {
	return raft.NewNetworkTransportWithConfig(&raft.NetworkTransportConfig{
		Stream: raftStream{connQueue: p.raft, port: p}, MaxPool: 3, Timeout: time.Hour, Logger: hclog.NewNullLogger(),
	})
}

// A leader is stopped in the middle of a snapshot. The follower must soon be able to vote again, or two nodes of three
// would stand still for as long as the third sleeps.
func TestASenderThatFallsAsleepInASnapshotDoesNotFreezeTheReceiver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, network := openTestPort(t, "A")
		transport := newStallTransport(p)
		config := raft.DefaultConfig()
		config.LocalID, config.Logger = "v", hclog.NewNullLogger()
		config.HeartbeatTimeout, config.ElectionTimeout = time.Hour, time.Hour
		store := raft.NewInmemStore()
		v, err := raft.NewRaft(config, newJournal(), store, store, raft.NewInmemSnapshotStore(), transport)
		if err != nil {
			t.Fatal(err)
		}

		out := openPortOn(t, network, "there:1", "A")
		others := newStallTransport(out)
		here := Server{RaftID: "v", Peer: "here:1"}.address()
		header := raft.RPCHeader{ProtocolVersion: raft.ProtocolVersionMax, ID: []byte("x"), Addr: []byte("there:1")}
		sender := &asleep{first: make([]byte, 1000), woken: make(chan struct{})}
		sent := make(chan error, 1)
		go func() {
			sent <- others.InstallSnapshot("v", here, &raft.InstallSnapshotRequest{
				RPCHeader: header, SnapshotVersion: 1, Term: 1, LastLogIndex: 9, LastLogTerm: 1, Size: 1 << 30,
				Configuration: raft.EncodeConfiguration(raft.Configuration{}),
			}, new(raft.InstallSnapshotResponse), sender)
		}()
		synctest.Wait()

		began := time.Now()
		var answer raft.RequestVoteResponse
		err = others.RequestVote("v", here, &raft.RequestVoteRequest{
			RPCHeader: header, Term: 2, LastLogIndex: 9, LastLogTerm: 1, LeadershipTransfer: true,
		}, &answer)
		if err != nil || !answer.Granted {
			t.Errorf("granted %v, %v", answer.Granted, err)
		}
		if took := time.Since(began); took > 2*stallTimeout {
			t.Errorf("the vote took %v", took)
		}

		close(sender.woken)
		if err := <-sent; err == nil {
			t.Error("the snapshot arrived")
		}
		if err := v.Shutdown().Error(); err != nil {
			t.Error(err)
		}
		for _, end := range []struct {
			*port
			*raft.NetworkTransport
		}{{p, transport}, {out, others}} {
			_ = end.NetworkTransport.Close()
			end.port.close()
		}
	})
}
