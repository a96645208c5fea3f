// Package histories holds the property that a watch stands on: whoever applies the events in their order has, at each id, the
// state of the log at that index. It plays histories at random: writes, nodes that lag behind, restart from checkpoints, are
// given snapshots or go through an operator's restore, and watchers that are slow, break off and go on at another node.
// There are a few hundred of them by default; make histories plays ten thousand.
package histories
