package api

import (
	"context"
	"net/http"

	"github.com/musterhq/muster/internal/wire"
)

// Acknowledge says on a node, given by its base URL, up to which index a watch of that node has been applied.
func Acknowledge(ctx context.Context, c *Client, node, watch string, index uint64) error {
	to, err := parseAddress(node)
	if err != nil {
		return err
	}
	call := request{
		method: http.MethodPost, path: wire.PathAcknowledgement(watch), body: wire.Acknowledgement{Index: &index},
		harmless: true, patience: memoryPatience,
	}
	_, err = ask[struct{}](ctx, c, to, call)
	return err
}
