package probe

import "context"

// askTCP opens a connection and closes it.
func (p *Prober) askTCP(ctx context.Context, t *Target) (Result, error) {
	conn, err := p.dial(ctx, t)
	if err != nil {
		return Result{}, err
	}
	_ = conn.Close()
	return passed("connected"), nil
}
