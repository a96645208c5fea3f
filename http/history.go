package http

import (
	nethttp "net/http"
	"time"

	"github.com/musterhq/muster/internal/record"
	"github.com/musterhq/muster/internal/wire"
)

// history shows how an instance came to look as it does. It is known for a while after the instance has gone, too.
func (a *api) history(w *answer, r *nethttp.Request) error {
	state, service, id, err := a.viewFor(w, r)
	if err != nil {
		return err
	}
	transitions := a.node.History(service, id, state.Index())
	if _, err := state.Instance(service, id); err != nil && len(transitions) == 0 {
		return err
	}
	body := wire.History{Transitions: make([]wire.Transition, len(transitions))}
	for n, t := range transitions {
		body.Transitions[n] = transition(t)
	}
	return w.json(nethttp.StatusOK, body)
}

func transition(t *record.Transition) wire.Transition {
	evidence := t.Cause.Evidence
	switch check := t.Cause.Check; {
	case check != "" && evidence != "":
		evidence = check + ": " + evidence
	case check != "":
		evidence = check
	}
	return wire.Transition{
		Index: t.Index,
		Time:  time.Unix(0, t.Time).UTC(),
		From:  t.From.String(),
		To:    t.To.String(),
		Cause: wire.Cause{
			Rule:     t.Cause.Rule.String(),
			Evidence: evidence,
			SeenBy:   append([]string{}, t.Cause.SeenBy...), // never null
			Term:     t.Cause.Term,
		},
	}
}
