package http

import (
	"cmp"
	"fmt"
	"mime"
	nethttp "net/http"

	"github.com/musterhq/muster/internal/wire"
)

// saveSnapshot streams the whole state, as it is after every write that was acknowledged before.
func (a *api) saveSnapshot(w *answer, r *nethttp.Request) error {
	if err := noParams(r); err != nil {
		return err
	}
	if err := a.confirm(w, r); err != nil {
		return err
	}
	backup, err := a.node.Backup()
	if err != nil {
		return err
	}
	w.index(backup.Index())
	w.Header().Set("Content-Type", wire.TypeSnapshot)
	w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="muster-%d.snapshot"`, backup.Index()))
	w.WriteHeader(nethttp.StatusOK)
	if r.Method == nethttp.MethodHead {
		return nil
	}
	if _, err := backup.WriteTo(unhurried{w}); err != nil {
		panic(nethttp.ErrAbortHandler) // the answer has begun: only that it breaks off can say that it is not whole
	}
	return nil
}

// unhurried writes an answer of any length: each part may take as long as a whole answer elsewhere.
type unhurried struct{ w *answer }

func (u unhurried) Write(b []byte) (int, error) {
	u.w.waits(0)
	return u.w.Write(b)
}

// restoreSnapshot replaces the state of the cluster by that of the snapshot in the body.
func (a *api) restoreSnapshot(w *answer, r *nethttp.Request) error {
	if err := cmp.Or(noParams(r), unkeyed(r), acceptableSnapshot(r)); err != nil {
		return err
	}
	ctx, forget := a.closing.context(r.Context())
	defer forget()
	body := &upload{control: nethttp.NewResponseController(w), body: r.Body, stopping: a.closing.begun}
	defer a.closing.after(body.hurry)()
	restored, err := a.node.Restore(ctx, body)
	w.waits(0) // the answer's own time begins
	if err != nil {
		return err
	}
	w.index(restored.Index)
	return w.json(nethttp.StatusOK, wire.Restored{Index: restored.Index, Instances: restored.Instances, Services: restored.Services})
}

// acceptableSnapshot refuses a body that says to be something else. What curl says of everything will do.
func acceptableSnapshot(r *nethttp.Request) error {
	if err := uncoded(r); err != nil {
		return err
	}
	sent := r.Header.Get("Content-Type")
	mediaType, _, err := mime.ParseMediaType(sent)
	if sent == "" || err == nil && (mediaType == wire.TypeSnapshot || mediaType == typeForm) {
		return nil
	}
	return wire.NewProblem(wire.CodeUnsupportedMediaType, fmt.Sprintf("Content-Type %q is not understood; send %s", sent, wire.TypeSnapshot))
}
