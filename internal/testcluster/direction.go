package testcluster

// A Direction is a way through a [Proxy], seen from who dials: faults are set for one way, or for both.
type Direction uint8

// The two ways, and both at once.
const (
	ToTarget   Direction = 1 << iota // what clients send
	FromTarget                       // what the target answers
	Both       = ToTarget | FromTarget
)

// opposite is the way back. It is asked of single ways only.
func (d Direction) opposite() Direction { return Both &^ d }
