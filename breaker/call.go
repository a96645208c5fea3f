package breaker

import (
	"context"
	"errors"
)

// Call runs fn if the breaker lets it, and returns its error; where it does not, fn is not run and the error is an
// [*OpenError]. A panic of fn, or the end of its goroutine, counts as a failure and is passed on.
func (b *Breaker) Call(fn func() error) error {
	if err := b.refusal(); err != nil {
		return err // before run's frame, with room for a permit and a deferred call, is set up: half of what a refusal costs
	}
	return b.run(fn)
}

func (b *Breaker) run(fn func() error) error {
	p, err := b.Allow()
	if err != nil {
		return err
	}
	defer p.Report(Failure) // stands where fn does not return
	if err = fn(); err != nil {
		p.Done(err)
		return err
	}
	p.Report(Success) // as Done would, by one function call less
	return nil
}

// Do is [Breaker.Call] for a function with a value. One breaker may guard functions of many types.
func Do[T any](b *Breaker, fn func() (T, error)) (T, error) {
	p, err := b.Allow()
	if err != nil {
		var none T
		return none, err
	}
	defer p.Report(Failure) // stands where fn does not return
	v, err := fn()
	p.Done(err)
	return v, err
}

// CallContext is [Breaker.Call] for a function that obeys ctx. If ctx is at its end already, fn is not run and ctx's error
// is returned. An error of fn is neutral if ctx was cancelled meanwhile, whatever the error says: the caller gave up. That
// ctx's deadline passed is judged as any error is, and so as a failure by default.
func (b *Breaker) CallContext(ctx context.Context, fn func(context.Context) error) error {
	p, err := b.allow(ctx)
	if err != nil {
		return err
	}
	defer p.Report(Failure) // stands where fn does not return
	err = fn(ctx)
	p.done(ctx, err)
	return err
}

// DoContext is [Breaker.CallContext] for a function with a value.
func DoContext[T any](ctx context.Context, b *Breaker, fn func(context.Context) (T, error)) (T, error) {
	p, err := b.allow(ctx)
	if err != nil {
		var none T
		return none, err
	}
	defer p.Report(Failure) // stands where fn does not return
	v, err := fn(ctx)
	p.done(ctx, err)
	return v, err
}

func (b *Breaker) allow(ctx context.Context) (Permit, error) {
	if err := ctx.Err(); err != nil {
		return Permit{}, err
	}
	return b.Allow()
}

func (p *Permit) done(ctx context.Context, err error) {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		p.Report(Neutral)
		return
	}
	p.Done(err)
}
