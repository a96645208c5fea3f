// Command muster is the one program of the project: it runs nodes of the registry (server, dev) and uses them (register,
// discover and the others).
//
// It owns flags, signals, what is printed and the exit status. What a node is belongs to internal/node, how a cluster is
// asked to internal/api. Each command has a file of its name; program.go puts them together.
package main
