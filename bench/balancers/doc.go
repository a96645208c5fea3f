// Package balancers measures package lb beside its peers: one choice and its end, among 10, 100 and 1,000 instances. It has
// benchmarks and tests only. The peers are dependencies of this module and never of the product.
//
//	go -C bench test -run '^$' -bench . -cpu 1,2 -count 6 ./balancers
//
// grpc-go's balancers run as they are, with a tree of pickers over connections that are always ready; its weighted round
// robin has ten different weights. go-kit's random one is not safe for concurrent use, and panics on two goroutines. It is
// measured behind a mutex, without which no server could use it.
package balancers
