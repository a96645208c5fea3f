package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/musterhq/muster/registry"
)

const (
	// callTimeout is how long one node may take. A node lets a write wait for an election for 7 s.
	callTimeout = 10 * time.Second

	// pause lies between two rounds through all nodes.
	pause = time.Second
)

// muster is a registry: any of its nodes will do.
type muster struct{ nodes []string }

func musterAt(nodes []string) muster {
	var m muster
	for _, node := range nodes {
		m.nodes = append(m.nodes, strings.TrimSuffix(strings.TrimSpace(node), "/"))
	}
	return m
}

// register registers the instance, and keeps trying as long as no node can. The same document twice changes nothing, so
// it may be sent again wherever it is unclear what became of it.
func (m muster) register(ctx context.Context, i registry.Instance) error {
	document, err := json.Marshal(i)
	if err != nil {
		return err
	}
	for {
		err := m.write(ctx, http.MethodPut, pathOf(i), document)
		if err == nil {
			slog.Info("registered", "service", i.Service, "id", i.ID)
			return nil
		}
		if refused, ok := errors.AsType[*refusal](err); ok && refused.final() {
			return err
		}
		slog.Warn("not registered yet", "error", err)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// deregister removes the instance. That it is not there is as good.
func (m muster) deregister(ctx context.Context, i registry.Instance) error {
	err := m.write(ctx, http.MethodDelete, pathOf(i), nil)
	if refused, ok := errors.AsType[*refusal](err); ok && refused.status == http.StatusNotFound {
		return nil
	}
	return err
}

// write sends a call to one node after the other until one has carried it out, or has refused it for good.
func (m muster) write(ctx context.Context, method, path string, body []byte) error {
	var errs []error
	for _, node := range m.nodes {
		err := call(ctx, method, node+path, body)
		if err == nil {
			return nil
		}
		if refused, ok := errors.AsType[*refusal](err); ok && refused.final() {
			return err
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func call(ctx context.Context, method, url string, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode < 300 {
		return nil
	}
	// A problem document says what was wrong.
	problem, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return err
	}
	return &refusal{status: response.StatusCode, problem: string(problem)}
}

// refusal is what a node answered to a call that it did not carry out.
type refusal struct {
	status  int
	problem string
}

func (r *refusal) Error() string { return fmt.Sprintf("HTTP %d: %s", r.status, r.problem) }

// final tells whether the same call would be refused again: the call is at fault, not the moment.
func (r *refusal) final() bool {
	return r.status >= 400 && r.status < 500 && r.status != http.StatusTooManyRequests
}

func pathOf(i registry.Instance) string {
	return "/v1/services/" + url.PathEscape(i.Service) + "/instances/" + url.PathEscape(i.ID)
}
