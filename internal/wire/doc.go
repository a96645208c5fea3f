// Package wire is what a node and its clients say to each other over HTTP: the paths, the headers and parameters, the
// bodies of calls and answers, and the problem document that stands for a failure.
//
// It owns spelling, not meaning: it neither serves nor calls, and decides nothing. Package http answers with it,
// the client asks with it, and what an instance is stays with package registry.
//
// One table ties every error of the registry and of the cluster to its code and its HTTP status. The server reads it in
// one direction ([ProblemOf]) and the client in the other ([ReadProblem]), so that errors.Is and fault.IsUnknown tell a
// client the same as they would have told the node.
package wire
