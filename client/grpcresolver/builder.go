package grpcresolver

import (
	"encoding/json"
	"fmt"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/musterhq/muster/lb"
	"github.com/musterhq/muster/registry"
)

// Scheme is the scheme of targets: "muster:///payments" is the service payments.
const Scheme = "muster"

// New returns a builder for [google.golang.org/grpc.WithResolvers], which knows services from the source. An unknown strategy,
// or a setting that makes no sense, is an error that matches [lb.ErrInvalid]. The source must outlive the connections.
//
// Where HTTPS_PROXY is set, gRPC wants to reach instances through the proxy, which this package refuses: dial with
// [google.golang.org/grpc.WithNoProxy].
func New(source lb.Source, opts ...Option) (resolver.Builder, error) {
	s := &settings{strategy: defaultStrategy}
	for _, o := range opts {
		o(s)
	}
	config, err := serviceConfig(s.config, s.strategy)
	if err != nil {
		return nil, err
	}
	trial, err := lb.New(s.strategy, source, s.options...)
	if err != nil {
		return nil, err
	}
	if err := trial.Close(); err != nil {
		return nil, err
	}
	return &builder{source: source, settings: s, config: config}, nil
}

// Register makes the scheme known to all of the process's gRPC clients. gRPC allows that only while the program starts, before
// it dials: call it in main, or use [New].
func Register(source lb.Source, opts ...Option) error {
	b, err := New(source, opts...)
	if err != nil {
		return err
	}
	resolver.Register(b)
	return nil
}

type builder struct {
	source   lb.Source
	settings *settings
	config   string // the service config
}

// Scheme is [Scheme].
func (b *builder) Scheme() string { return Scheme }

// Build begins to watch the service that the target names.
func (b *builder) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	service, err := serviceOf(target)
	if err != nil {
		return nil, err
	}
	config := cc.ParseServiceConfig(b.config)
	if config.Err != nil {
		return nil, config.Err
	}
	w := &watch{
		source: b.source, service: service, cc: cc, config: config,
		attributes: attributes.New(settingsKey{}, b.settings).WithValue(serviceKey{}, service),
	}
	w.begin()
	return w, nil
}

// serviceConfig adds the choice of the balancer to a service config, which may be empty.
func serviceConfig(text, strategy string) (string, error) {
	fields := map[string]any{}
	if text != "" {
		if err := json.Unmarshal([]byte(text), &fields); err != nil {
			return "", fmt.Errorf("%w: WithServiceConfig: %w", lb.ErrInvalid, err)
		}
	}
	if _, set := fields["loadBalancingConfig"]; set {
		return "", fmt.Errorf("%w: WithServiceConfig: loadBalancingConfig is set: use WithStrategy", lb.ErrInvalid)
	}
	fields["loadBalancingConfig"] = []any{map[string]any{Name: config{Strategy: strategy}}}
	whole, err := json.Marshal(fields)
	return string(whole), err
}

// serviceOf reads a target.
func serviceOf(target resolver.Target) (string, error) {
	wrong := func(reason string) error {
		return fmt.Errorf("target %q: %s: write %s:///SERVICE", target.URL.String(), reason, Scheme)
	}
	service := target.Endpoint()
	switch {
	case target.URL.Host != "":
		return "", wrong(fmt.Sprintf("it names a host, %q, but which registry is asked is the client's business", target.URL.Host))
	case target.URL.RawQuery != "":
		return "", wrong(fmt.Sprintf("it has a query, %q", target.URL.RawQuery))
	case service == "":
		return "", wrong("it names no service")
	case !registry.ValidName(service):
		return "", wrong(fmt.Sprintf("%q can't be the name of a service", service))
	}
	return service, nil
}
