package registry

// Snapshot is one service at one moment, as a watch yields it: a value that its holder may keep. What its instances point
// to is shared by all readers and must not be changed.
type Snapshot struct {
	Service string

	// Index is that of the service's last change. Where the service is not there, it is one at which it was gone already,
	// or 0 where the watch has never seen it. Within one watch it never goes back.
	Index uint64

	Instances []Instance // in every status, in the order of their ids; none where the service is not there
}
