package testcluster

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Weather is what a way from one node to another does to packets: each is late by Delay and a drawn share of Jitter, so that
// they overtake each other, and a share of them, from 0 to 1, is lost or comes twice.
type Weather struct {
	Delay, Jitter    time.Duration
	Loss, Duplicates float64
}

// sky is a machine on the switch that takes frames and hands them on in the weather of their way. The kernel gives it whole
// frames, with their checksums, no longer than a wire takes them.
type sky struct {
	t   testing.TB
	tap *os.File

	mu   sync.Mutex
	ways map[way]*lane
}

// way is from one node to another, by their numbers.
type way struct{ from, to byte }

// An Ethernet frame begins with the addresses of who is to have it and who sent it.
const (
	hardwareLen = 6
	frameHeader = 14
	longest     = 64 << 10
)

// OpenSky makes weather possible. It takes /dev/net/tun, and says so where there is none.
func (w *Wires) OpenSky() error {
	w.t.Helper()
	s, err := openSky(w.t)
	w.sky = s
	return err
}

// Weather has the packets from one node to another go through weather, until the next [Wires.Heal] or cut of that way. A seed
// repeats what becomes of the same packets. It takes [Wires.OpenSky].
func (w *Wires) Weather(from, to *Process, weather Weather, seed uint64) {
	w.t.Helper()
	w.sky.change(way{byte(w.numbers[from]), byte(w.numbers[to])}, weather, seed)
	w.lead(from, to, throughSky(w.numbers[to]), peerNet, gossipNet)
}

// openSky plugs the sky into the switch. It takes /dev/net/tun.
func openSky(t testing.TB) (*sky, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun: %w", err)
	}
	request, err := unix.NewIfreq("sky")
	if err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, request); err != nil {
		return nil, errors.Join(fmt.Errorf("make a network interface: %w", err), unix.Close(fd))
	}
	s := &sky{t: t, tap: os.NewFile(uintptr(fd), "sky"), ways: map[way]*lane{}}
	if err := ip("link set sky master switch up"); err != nil {
		return nil, errors.Join(err, s.tap.Close())
	}
	var running sync.WaitGroup
	running.Go(s.carry)
	t.Cleanup(func() {
		_ = s.tap.Close()
		running.Wait()
	})
	return s, nil
}

// carry takes frames until the sky is closed.
func (s *sky) carry() {
	for {
		frame := make([]byte, longest)
		n, err := s.tap.Read(frame)
		if err != nil {
			if !errors.Is(err, os.ErrClosed) {
				s.t.Errorf("take a frame: %v", err)
			}
			return
		}
		if frame = frame[:n]; n >= frameHeader && toSky(frame) {
			s.hand(frame)
		}
	}
}

// hand hands a frame on, once, twice or never, when its time has come.
func (s *sky) hand(frame []byte) {
	from, to := frame[2*hardwareLen-1], frame[hardwareLen-1]
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.ways[way{from, to}]
	if l == nil {
		return
	}
	frame[hardwareLen-2] = 0         // It goes to the node itself, and comes
	frame[2*hardwareLen-2] = skyMark // from the sky: the switch learns by it where a sender is.
	for range l.copies() {
		now := time.Now()
		time.AfterFunc(l.due(l.piece(frame, now), now), func() { _, _ = s.tap.Write(frame) })
	}
}

// change makes the weather of a way, which a seed repeats for the same packets.
func (s *sky) change(w way, to Weather, seed uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ways[w] = &lane{
		rng:    rand.New(rand.NewPCG(seed, uint64(w.from)<<8|uint64(w.to))), //nolint:gosec // to be repeated
		faults: faults{delay: to.Delay, jitter: to.Jitter, loss: to.Loss, duplicate: to.Duplicates},
	}
}

// skyMark is what tells the address of the way to a node through the sky from the node's own.
const skyMark = 1

// throughSky is the address to which frames for a node go that are to have weather. No interface has it: the switch, which
// knows nothing of it, sends it everywhere, and all but the sky pass it over.
func throughSky(number int) string { return fmt.Sprintf("02:00:00:00:%02x:%02x", skyMark, number) }

func toSky(frame []byte) bool {
	return binary.BigEndian.Uint32(frame) == 0x02000000 && frame[hardwareLen-2] == skyMark
}
