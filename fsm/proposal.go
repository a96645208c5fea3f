package fsm

// proposal is what one caller asks the log to decide. It is encoded once, where it came in, and passed on as it is.
type proposal struct {
	encoded []byte
	targets []target // the instances that it is about
	version byte     // of the entries that can hold it
	alone   bool     // in its entry: a step of a restore
	keyed   bool     // it is applied once, however often it is proposed
}

type target struct{ service, id string }

func proposeWrite(w Write, encoded []byte) proposal {
	p := proposal{encoded: encoded, version: w.version(), keyed: w.Key != ""}
	for _, op := range w.Operations {
		service, id := op.Target()
		p.targets = append(p.targets, target{service, id})
	}
	return p
}

// proposeStep makes a proposal of a step. It is alone, since what a swap stamps must have the index for itself.
func proposeStep(encoded []byte) proposal { return proposal{encoded: encoded, alone: true} }

// call is the name under which another node takes the proposal.
func (p proposal) call() string {
	if p.alone {
		return CallRestore
	}
	return CallWrite
}
