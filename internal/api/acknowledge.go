package api

import (
	"context"
	"net/http"

	"github.com/musterhq/muster/internal/wire"
)

// Acknowledge says on a node, given by its base URL, up to which index a watch of that node has been applied.
func Acknowledge(ctx context.Context, c *Client, node, watch string, index uint64) error {
	return c.about(ctx, node, request{
		method: http.MethodPost, path: wire.PathAcknowledgement(watch), body: wire.Acknowledgement{Index: &index},
		harmless: true, patience: memoryPatience,
	})
}

// EndWatch says on a node, given by its base URL, that whoever has a watch of that node acts on nothing any more that it was told.
func EndWatch(ctx context.Context, c *Client, node, watch string) error {
	return c.about(ctx, node, request{method: http.MethodDelete, path: wire.PathWatchOf(watch), harmless: true, patience: memoryPatience})
}

// about makes a call about a watch, which only its node knows.
func (c *Client) about(ctx context.Context, node string, call request) error {
	to, err := parseAddress(node)
	if err != nil {
		return err
	}
	_, err = ask[struct{}](ctx, c, to, call)
	return err
}
