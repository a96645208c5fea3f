package integration

import (
	"context"
	"fmt"
	"testing"

	"github.com/musterhq/muster/internal/testcluster"
	"github.com/musterhq/muster/internal/wire"
	"github.com/musterhq/muster/registry"
)

// instanceURL is an instance's place at a node.
func instanceURL(node, service, id string) string {
	return fmt.Sprintf("%s/v1/services/%s/instances/%s", node, service, id)
}

// register registers an instance, which must succeed, and returns the index.
func register(t testing.TB, node, service, id string) string {
	t.Helper()
	answer, err := tryRegister(t.Context(), node, service, id)
	if err != nil {
		t.Fatal(err)
	}
	if answer.Status != 200 && answer.Status != 201 {
		t.Fatalf("register %s at %s: %d %s", id, node, answer.Status, answer.Body)
	}
	return answer.Index()
}

func tryRegister(ctx context.Context, node, service, id string) (testcluster.Answer, error) {
	return testcluster.Do(ctx, "PUT", instanceURL(node, service, id), `{"address": "10.0.0.7", "port": 8080}`)
}

// discover lists the ids of the healthy instances that a node shows once it has applied the index.
func discover(t testing.TB, node, service, minIndex string) []string {
	t.Helper()
	answer, err := testcluster.Get(t.Context(), node+"/v1/services/"+service+"?min_index="+minIndex)
	if err != nil {
		t.Fatal(err)
	}
	var found struct{ Instances []registry.Instance }
	if answer.Status != 200 {
		t.Fatalf("discover at %s: %d %s", node, answer.Status, answer.Body)
	}
	if err := answer.Decode(&found); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, i := range found.Instances {
		ids = append(ids, i.ID)
	}
	return ids
}

// requireProblem checks that an answer is the problem of a code.
func requireProblem(t testing.TB, answer testcluster.Answer, status int, code wire.Code) wire.Problem {
	t.Helper()
	var p wire.Problem
	if err := answer.Decode(&p); err != nil {
		t.Fatal(err)
	}
	if answer.Status != status || p.Code != code || answer.Header.Get("Content-Type") != wire.TypeProblem {
		t.Errorf("%d %s, where %d %s was due", answer.Status, answer.Body, status, code)
	}
	return p
}
