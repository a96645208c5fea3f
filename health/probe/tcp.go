package probe

import (
	"context"
	"time"
)

// askTCP opens a connection and closes it.
func (p *Prober) askTCP(ctx context.Context, t *Target, by time.Time) (Result, error) {
	conn, err := p.dial(ctx, t, by)
	if err != nil {
		return Result{}, err
	}
	_ = conn.Close()
	return passed("connected"), nil
}
