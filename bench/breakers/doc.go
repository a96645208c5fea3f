// Package breakers measures package breaker beside its peers, and shows how each of them behaves where something goes
// wrong. It has benchmarks and tests only. The peers are dependencies of this module and never of the product.
//
//	go -C bench test -run '^$' -bench . -cpu 1,2 -count 6 ./breakers
//	go -C bench test -run Conduct -v ./breakers
package breakers
